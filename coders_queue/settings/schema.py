"""Every setting: its type, its default, its unit and what it means.

Owns what a setting may be. Where values come from is :mod:`coders_queue.settings.load`'s; the
configuration reference, the JSON Schema and the example file are all made from this file.
"""

from __future__ import annotations

import os
import pwd
import re
import socket
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, field_validator

from coders_queue import ids
from coders_queue.models.approval_policy import Policy as ApprovalPolicy
from coders_queue.models.base import Model
from coders_queue.models.context import ContextLimits
from coders_queue.models.limit import Limit
from coders_queue.models.message import MailboxLimits
from coders_queue.models.restart import Policy, Restart
from coders_queue.models.rule import Rule

_DAY = 24 * 3600.0


def _not_bool(value: Any) -> Any:
    # YAML's yes and JSON's true would otherwise pass as the number 1
    if isinstance(value, bool):
        raise ValueError("should be a number")
    return value


def _one_line(text: str) -> str:
    if any(ord(character) < 0x20 or ord(character) == 0x7F for character in text):
        raise ValueError("should have no control characters")
    return text


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


Number = BeforeValidator(_not_bool)
Seconds = Annotated[float, Field(gt=0, le=10 * 365 * _DAY, allow_inf_nan=False), Number]
Count = Annotated[int, Number]
Text = Annotated[str, Field(min_length=1), AfterValidator(_one_line)]
Role = Literal["host", "control"]

#: What the agents get of the environment of whoever spawns them. Nothing of the person's own
#: terminal is among it (the agent's is tmux's), no credentials but those a proxy's address may hold
#: (without the proxy no model is reached), and no HOME (the host's own counts).
PASS_ENV = (
    *("PATH", "LANG", "LANGUAGE", "LC_*", "TZ"),
    *("VIRTUAL_ENV", "CONDA_PREFIX", "CONDA_DEFAULT_ENV", "PYENV_VERSION", "NVM_*", "NODE_PATH"),
    *("JAVA_HOME", "GOPATH", "GOROOT", "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"),
    *("GIT_AUTHOR_*", "GIT_COMMITTER_*"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"),
    *("http_proxy", "https_proxy", "no_proxy", "all_proxy"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE"),
)


def machine_name() -> str:
    """This machine's host name, made a legal name of ours."""
    cleaned = re.sub(r"[^A-Za-z0-9._-]+", "-", socket.gethostname()).lstrip("._-")[:63]
    return cleaned or "localhost"


def system_user() -> str:
    """The operating system's name of the user who runs this process."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


class BrokerSettings(Model):
    """The Redis that every host shares."""

    url: Text | None = Field(default=None, repr=False)
    """Address: `redis://`, `rediss://` or `redis+socket://`. Not set: the embedded broker of this
    machine, reached through its Unix socket."""
    socket_timeout: Seconds = 2.5
    """Seconds that a connection or an answer may take before the broker counts as unreachable."""
    prefix: str = Field(default="cq:", pattern=r"^[A-Za-z0-9:_.-]{1,64}$")
    """What all keys start with, so that several installations can share one Redis."""

    @field_validator("url")
    @classmethod
    def _is_redis(cls, url: str | None) -> str | None:
        if url is None:
            return url
        try:
            parts = urlsplit(url)
            _ = parts.port
        except ValueError:
            raise ValueError("should be a URL with a port between 1 and 65535") from None
        if parts.scheme not in ("redis", "rediss", "redis+socket"):
            raise ValueError("should start with redis://, rediss:// or redis+socket:///")
        if parts.scheme == "redis+socket":
            if parts.hostname or not parts.path.strip("/"):
                raise ValueError("should name a socket: redis+socket:///path/to/socket")
        elif not parts.hostname:
            raise ValueError(f"should name a host: {parts.scheme}://HOST:6379/0")
        return url


class HostSettings(Model):
    """This machine's worker."""

    name: str = Field(default_factory=machine_name)
    """The host's name, unique among all hosts of a broker. Default: the machine's host name."""
    roles: tuple[Role, ...] = Field(default=("host", "control"), min_length=1)
    """What the worker does: `host` runs sessions, `control` places and reconciles them."""
    capacity: Count = Field(default=200, ge=1, le=10_000)
    """Sessions that may run here at once."""
    threads: Count = Field(default=8, ge=1, le=512)
    """Threads of the Celery worker. No session holds one while its agent runs."""
    keep: bool = True
    """Whether the processes that `coders up` starts start each other again when one dies."""
    lease_ttl: Seconds = 15.0
    """Seconds after which a host that says nothing counts as gone, and its name as free."""
    heartbeat: Seconds = 2.0
    """Seconds between two heartbeats, each of which carries all sessions of the host; at most a
    third of `lease_ttl`."""

    @field_validator("name")
    @classmethod
    def _is_name(cls, name: str) -> str:
        if not ids.is_name(name):
            raise ValueError("should be a letter or digit, then up to 62 of A-Z a-z 0-9 . _ -")
        return name

    @field_validator("roles")
    @classmethod
    def _no_role_twice(cls, roles: tuple[Role, ...]) -> tuple[Role, ...]:
        if len(set(roles)) != len(roles):
            raise ValueError("should name each role once")
        return roles


class SessionDefaults(Model):
    """What holds for a session whose request says nothing else."""

    grace: Annotated[float, Number] = Field(default=10.0, ge=0, le=3600, allow_inf_nan=False)
    """Seconds between asking an agent to end and killing it."""
    spawn_timeout: Seconds = 15.0
    """Seconds an agent has to come up before its spawn counts as failed."""
    output_limit: Count = Field(default=262_144, ge=0, le=64 * 1024 * 1024)
    """Bytes of an agent's output kept in its outcome, from the end; the recording has all."""
    pass_env: tuple[Annotated[Text, Field(pattern=r"^[^=]+$")], ...] = PASS_ENV
    """Shell patterns of the environment variables that an agent gets from whoever spawns it,
    besides those its adapter asks for."""
    timeout: Seconds | None = None
    """Seconds an agent may run before it is stopped. Not set: no limit."""
    check_timeout: Seconds = 600.0
    """Seconds that a session's check may take before it counts as failed."""


class SupervisionSettings(Model):
    """How agents are watched, and what is done about what is seen."""

    stuck_after: Seconds = 600.0
    """Seconds without any progress after which an agent that works counts as stuck."""
    tool_stuck_after: Seconds = 1800.0
    """The same while a tool that the agent called runs: a build, a test."""
    start_after: Seconds = 120.0
    """Seconds after which an agent that never became ready counts as stuck."""
    loop_after: Count = Field(default=8, ge=3, le=1000)
    """How often in a row an agent may do the same, and the same come of it, before it counts as
    stuck."""
    on_stuck: Literal["report", "stop", "restart"] = "report"
    """What is done about a stuck agent: say so; end its session; end the attempt and go on in its
    conversation, as its restart policy allows."""
    probe_every: Seconds = 15.0
    """Seconds between two probes, which look at every session, changed or not."""


class WorkspaceSettings(Model):
    """Where agents work."""

    branch_prefix: str = Field(default="coders/", max_length=100)
    """What the name of a worktree's branch starts with."""
    keep: Literal["changed", "always"] = "changed"
    """Which worktrees stay when a session has ended: `changed`, those with work that would be lost;
    `always`, all."""

    @field_validator("branch_prefix")
    @classmethod
    def _starts_a_branch(cls, prefix: str) -> str:
        # git check-ref-format's rules and more: this ends up as an argument of git
        parts = (prefix + "x").split("/")
        if not re.fullmatch(r"[A-Za-z0-9._/-]*", prefix) or prefix.startswith("-"):
            raise ValueError("should be of A-Z a-z 0-9 . _ / - and not start with -")
        if ".." in prefix or any(
            not part or part.startswith(".") or part.endswith((".", ".lock")) for part in parts
        ):
            raise ValueError("should be the start of a legal git branch name")
        return prefix


class RetentionSettings(Model):
    """How long things are kept after a session has ended."""

    records: Seconds = 7 * _DAY
    """Seconds a session's record stays (7 days)."""
    results: Seconds = 7 * _DAY
    """Seconds its Celery result stays (7 days)."""
    archives: Seconds = 30 * _DAY
    """Seconds its archive stays on the host (30 days)."""
    worktrees: Seconds = 14 * _DAY
    """Seconds a worktree that was kept stays, once nothing in it would be lost (14 days)."""
    logs: Seconds = 30 * _DAY
    """Seconds a log file that was put aside stays (30 days)."""
    events: Count = Field(default=100_000, ge=1000)
    """Entries that the event log keeps, at least."""


class ContextSettings(Model):
    """Shared context: how much a space holds, and how much of it a prompt is given."""

    value_bytes: Count = Field(default=256 * 1024, ge=1, le=4 * 1024 * 1024)
    """Bytes that one entry may have, its key included."""
    space_bytes: Count = Field(default=4 * 1024 * 1024, ge=1, le=64 * 1024 * 1024)
    """Bytes that a space's entries may have together; as many are kept of earlier versions."""
    prompt_bytes: Count = Field(default=32 * 1024, ge=0, le=1024 * 1024)
    """Bytes of a session's spaces that are put before its task; what goes beyond is named there."""
    expiry: Seconds = 30 * _DAY
    """Seconds after its last write at which a space is gone (30 days)."""

    @property
    def limits(self) -> ContextLimits:
        """As the store takes them."""
        return ContextLimits(value=self.value_bytes, space=self.space_bytes, expiry=self.expiry)


class MailboxSettings(Model):
    """Messages between sessions and people."""

    message_bytes: Count = Field(default=64 * 1024, ge=1, le=1024 * 1024)
    """Bytes that one message may have."""
    messages: Count = Field(default=1000, ge=1, le=100_000)
    """How many may wait in one mailbox."""
    expiry: Seconds = 7 * _DAY
    """Seconds after which a message that nobody took is a dead letter (7 days)."""
    again_after: Seconds = 60.0
    """Seconds after which a message that was handed out, and not acknowledged, is so again."""
    tries: Count = Field(default=5, ge=1, le=1000)
    """How often a message is handed out before it is a dead letter."""
    push: bool = True
    """Whether this host types what waits for an interactive session into its terminal when the
    agent waits for a prompt. Otherwise it waits until it is asked for."""

    @property
    def limits(self) -> MailboxLimits:
        """As the store takes them."""
        return MailboxLimits(
            message=self.message_bytes,
            messages=self.messages,
            expiry=self.expiry,
            again=self.again_after,
            tries=self.tries,
        )


class ApprovalSettings(Model):
    """What agents ask leave for: who answers, and how long that may take."""

    policies: tuple[ApprovalPolicy, ...] = ()
    """What is answered without a person, in order; the first that fits counts. Each is a table of
    `do` (`allow`, `deny` or `ask`) and of what it is for: `agent`, `tool`, `command`, `path`,
    `owner`, `label`; with `ask` also `timeout`, with `deny` also `because`. What none fits is
    asked."""
    timeout: Seconds | None = None
    """Seconds after which what nobody has answered is denied. Not set: it waits for as long as its
    session lives."""


class CoordinationSettings(Model):
    """What sessions may begin and ask for themselves."""

    max_depth: Count = Field(default=3, ge=0, le=100)
    """How deep sessions may be that sessions begin: 1, a session that people began may begin
    others, and those none; 0, none may."""
    max_children: Count = Field(default=16, ge=0, le=10_000)
    """How many sessions one session may begin in its life."""
    ask_timeout: Annotated[float, Field(gt=0, le=2 * _DAY, allow_inf_nan=False), Number] = 3600.0
    """Seconds that a session's question waits for a person, unless it says less; then it is
    withdrawn, and nothing counts as its answer."""


class TmuxSettings(Model):
    """The terminal multiplexer."""

    program: Text = "tmux"
    """The program: a name looked up on PATH, or a path."""
    history_limit: Count = Field(default=50_000, ge=0, le=10_000_000)
    """Lines that a terminal can be scrolled back."""


#: What the names of agents and limits look like.
NAME = r"^[a-z0-9][a-z0-9._-]{0,62}$"


class AgentSettings(Model):
    """One agent's command line tool."""

    program: Text | None = None
    """The program: a name looked up on PATH, or a path. Not set: as its adapter says."""
    args: tuple[str, ...] = ()
    """Arguments added to each of its command lines."""
    env: dict[str, str] = Field(default_factory=dict, repr=False)
    """Environment variables added for each of its runs. Values are secret: never shown."""
    carry: Literal["all", "login", "none"] = "all"
    """What of the user's own set-up of the tool its sessions get: `all`, configuration, login, MCP
    servers and instructions; `login`, credentials alone; `none`. A session never changes the
    user's configuration."""
    mcp: bool = True
    """Whether its sessions get an MCP server of their own, with which the agent reports, declares
    its result and asks: `coders mcp`. A session's request may say otherwise."""
    stuck_after: Seconds | None = None
    """As `supervision.stuck_after`, for this agent."""
    restart: Policy | None = None
    """As `restart.policy`, for this agent. Not set: that for agents that take prompts; for others
    `never`, since doing a command twice may not be the same as doing it once."""
    fallback: Annotated[str, Field(pattern=NAME)] | None = None
    """The agent that takes its place while its quota is used up, for sessions that wait, have never
    begun and ask for nothing that is this agent's own (a model, a version, a provider, arguments, a
    conversation). Not set: they wait."""

    @field_validator("args")
    @classmethod
    def _args_carry(cls, args: tuple[str, ...]) -> tuple[str, ...]:
        if any("\0" in word for word in args):
            raise ValueError("should have no NUL byte, which no program argument can carry")
        return args

    @field_validator("env")
    @classmethod
    def _env_carries(cls, env: dict[str, str]) -> dict[str, str]:
        for name, value in env.items():
            if not name or "=" in name or "\0" in name:
                raise ValueError(f"{name!r} cannot name an environment variable")
            if "\0" in value:
                raise ValueError(f"the value of {name} holds a NUL byte")
        return env


class LogSettings(Model):
    """Log lines. They go to files in the state directory."""

    level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lower)] = "info"
    """The least important lines that are written."""
    format: Literal["console", "json", "auto"] = "auto"
    """`console` for people, `json` for programs; `auto`: console on a terminal, else JSON."""
    max_bytes: Count = Field(default=10 * 1024 * 1024, ge=1024)
    """Bytes after which a log file is put aside and a new one begun."""
    backups: Count = Field(default=5, ge=1, le=1000)
    """Files put aside that are kept, for each process."""


class ProgramSettings(Model):
    """The agents' programs: which versions of them, and how they get here."""

    install: bool = True
    """Whether a version that is asked for and not here is installed when a session needs it."""
    npm: Text = "npm"
    """The program that installs: a name looked up on PATH, or a path."""
    timeout: Seconds = 600.0
    """Seconds an installation may take."""
    pins: Text | None = None
    """A file of pinned versions that several machines share, absolute; it counts below a project's
    and the user's own."""

    @field_validator("pins")
    @classmethod
    def _is_absolute(cls, pins: str | None) -> str | None:
        if pins is not None and not pins.startswith("/"):
            raise ValueError("should be an absolute path")
        return pins


AgentName = Annotated[str, Field(pattern=NAME)]
LimitName = Annotated[str, Field(pattern=NAME)]
RuleName = Annotated[str, Field(pattern=NAME)]
Weight = Annotated[float, Field(gt=0, le=10_000, allow_inf_nan=False), Number]


class Settings(Model):
    """All settings."""

    broker: BrokerSettings = BrokerSettings()
    host: HostSettings = Field(default_factory=HostSettings)
    session: SessionDefaults = SessionDefaults()
    supervision: SupervisionSettings = SupervisionSettings()
    restart: Restart = Restart()
    workspace: WorkspaceSettings = WorkspaceSettings()
    retention: RetentionSettings = RetentionSettings()
    context: ContextSettings = ContextSettings()
    mailboxes: MailboxSettings = MailboxSettings()
    approvals: ApprovalSettings = ApprovalSettings()
    coordination: CoordinationSettings = CoordinationSettings()
    tmux: TmuxSettings = TmuxSettings()
    agents: dict[AgentName, AgentSettings] = Field(default_factory=dict)
    """Agents by name."""
    limits: dict[LimitName, Limit] = Field(default_factory=dict)
    """Limits on the whole fleet, by name."""
    rules: dict[RuleName, Rule] = Field(default_factory=dict)
    """Rules: on these events, under this condition, do that; by name."""
    programs: ProgramSettings = ProgramSettings()
    log: LogSettings = LogSettings()
    owner: Text = Field(default_factory=system_user)
    """Who sessions are run for. Default: the operating system's user."""
    shares: dict[Text, Weight] = Field(default_factory=dict)
    """The weights of owners when sessions wait: one of 2 has twice the starts of one of 1. An owner
    who is not named here has a weight of 1."""

    def agent(self, name: str) -> AgentSettings:
        """The settings of one agent; the defaults when nothing was set for it."""
        return self.agents.get(name, AgentSettings())
