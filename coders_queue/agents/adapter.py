"""The adapter interface: how a tool is started, talked to, and what its signals mean.

An adapter is pure: it gets facts and returns a plan, a reading or an observation. No I/O happens
here; what it wants to know of files it names, and the host reads them. All that differs between
versions of a tool hangs on the version in the facts (:mod:`coders_queue.agents.versions`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

from pydantic import Field

from coders_queue.agents.dialog import Dialog
from coders_queue.agents.screen import Screen
from coders_queue.models.base import Model
from coders_queue.models.launch import ExitStatus, LaunchPlan, Reading
from coders_queue.models.observation import Observation
from coders_queue.models.spec import Mode, SessionSpec

#: The longest single program argument handed over, bytes: Linux refuses 128 KiB with its NUL.
MAX_ARGUMENT_BYTES = 128 * 1024 - 1

#: What of the user's own set-up of a tool a session gets: ``all`` (configuration, login, MCP
#: servers, instructions), ``login`` (credentials alone) or ``none``.
Carry = Literal["all", "login", "none"]


class LaunchFacts(Model):
    """What the host knows when it asks for a plan."""

    session_id: str
    attempt: int
    task: str | None
    """The prompt as it is to arrive, canvas inputs included."""
    directory: str
    """The attempt's private directory (0700), absolute; files of the plan may go there."""
    cwd: str
    """Where the agent will run, absolute."""
    home: str
    """The home directory of the user that the host runs as."""
    host_env: dict[str, str] = Field(default_factory=dict, repr=False)
    """The environment the agent starts from; the plan's ``env`` goes over it."""
    environ: dict[str, str] = Field(default_factory=dict, repr=False)
    """The host's, the configured and the requested variables together: what the tool would see
    without a plan. Where its own directory is, and which key it will use, is told by this."""
    is_root: bool = False
    started_at: float | None = None
    """When the attempt's agent started, epoch seconds; None before it did."""
    version: str | None = None
    """The version of the program that will run; None when it cannot be told."""
    carry: Carry = "all"
    """What of the user's own set-up goes in."""
    keep: str = ""
    """A directory of this host, absolute, for the tool's conversations when the user's own
    directory is not carried in."""
    mcp: tuple[str, ...] = ()
    """The command of the session's own MCP server; nothing where the tool is to have none."""
    config: dict[str, bytes] = Field(default_factory=dict, repr=False)
    """Contents of those of :meth:`Adapter.config_files` that exist, by their path."""


class Package(Model):
    """Where a tool's program comes from."""

    registry: Literal["npm", "pypi"] = "npm"
    name: str
    """As the registry spells it: ``@openai/codex``."""
    program: str
    """The executable in the installation's directory: ``node_modules/.bin/codex``."""


class Delivery(Model):
    """How text gets into a tool's terminal interface."""

    pause: float = Field(default=0.15, ge=0)
    """Seconds between the paste and Enter."""
    submit: str = "Enter"
    """The key that sends, as tmux calls it."""
    newline_limit: int | None = None
    """The longest paste taken in one piece, bytes; None for no limit that was found."""
    box_hides_paste: bool = False
    """Whether a long paste shows in the box as a placeholder, not as itself."""
    placeholder: str = r"\[[^\]\[]*(?:[Pp]asted|[Tt]runcated)[^\]\[]*\]"
    """What that placeholder looks like, a regular expression."""
    queues: bool = False
    """Whether it takes a prompt while it works, and gives it to the model later."""
    settle: float = Field(default=0.3, ge=0)
    """Seconds that it must have looked ready for before anything is typed."""
    commands: str = ""
    """The characters with which even a pasted text is no prompt but a command of the tool's."""


class Adapter(Protocol):
    """One agent CLI."""

    name: str
    """As in ``coders run NAME``."""
    program: str | None
    """The executable looked for on PATH; None when it has none of its own."""
    names_program: bool
    """Whether the request names the program: the first word of ``argv``."""
    modes: tuple[Mode, ...]
    """What it can do."""
    pass_env: tuple[str, ...]
    """Shell patterns of environment variables taken along from the person who spawns."""
    pass_env_when: Mapping[str, tuple[str, ...]]
    """Further patterns, by the variable that has to be set for them (to anything but 0, false or
    nothing): credentials that only those need who use them for this tool."""
    takes_prompt: bool
    """Whether its task is words to a model, to which results of earlier steps can be appended."""
    resumes: tuple[Mode, ...]
    """The modes in which it can go on in a conversation of before."""
    names_conversation: bool
    """Whether a conversation has its id before it begins."""
    package: Package | None
    """Where versions of it can be installed from; None when it has none."""
    version_argv: tuple[str, ...]
    """What the program is asked its version with; nothing when it has none."""
    tested: tuple[str, ...]
    """The versions that the conformance suite passed with."""
    native_schema: bool
    """Whether it is told the JSON schema of the answer by its own option when headless. Where
    not, the host adds the wish to the task. Validated by the host in either case."""
    delivery: Delivery
    """How later prompts are typed into it."""
    hook_directory: str | None
    """The directory, in the attempt's private one, that its hooks write a file each into."""

    def lead(self, spec: SessionSpec, environ: Mapping[str, str]) -> SessionSpec:
        """The request with what leads the tool to the models of its ``provider``.

        ``environ`` is of whoever asks. Raises UsageError when it cannot be led there.
        """
        ...

    def check(self, spec: SessionSpec) -> None:
        """Raises UsageError for a request that is wrong for it on whatever machine."""
        ...

    def config_files(self, spec: SessionSpec, facts: LaunchFacts) -> tuple[str, ...]:
        """The user's own files that the plan builds on, absolute paths."""
        ...

    def plan(self, spec: SessionSpec, facts: LaunchFacts) -> LaunchPlan:
        """How to start it. Raises TaskTooLarge or UsageError when it cannot be carried."""
        ...

    def transcripts(self, spec: SessionSpec, facts: LaunchFacts) -> tuple[str, ...]:
        """Where the tool writes this conversation down: absolute glob patterns (parts
        that are not patterns escaped)."""
        ...

    def owns_transcripts(self, spec: SessionSpec, facts: LaunchFacts) -> bool:
        """Whether :meth:`transcripts` names this conversation's files alone."""
        ...

    def read(
        self,
        spec: SessionSpec,
        facts: LaunchFacts,
        stdout: bytes,
        status: ExitStatus,
        stderr: bytes = b"",
        transcripts: Sequence[bytes] = (),
    ) -> Reading:
        """What a finished run's output means.

        ``stdout`` is the pipe's bytes when headless, the terminal's when interactive; ``stderr``
        the end of what it wrote there, used for nothing but to say why a run failed;
        ``transcripts`` the files of :meth:`transcripts` written since the start, oldest first.
        """
        ...

    def render(self, line: bytes) -> bytes | None:
        """One line of a headless run's output as a person likes to watch it; None to leave it out.

        The line comes with its newline; what is returned is written as it is.
        """
        ...

    def tells(self, mode: Mode) -> bool:
        """Whether its signals tell what it is doing in that mode: when it is ready, when it
        works."""
        ...

    def observe_screen(self, screen: Screen, version: str | None = None) -> Observation:
        """What the terminal shows: ``unknown`` where a screen alone cannot tell."""
        ...

    def dialog(self, screen: Screen, version: str | None = None) -> Dialog | None:
        """The question that its terminal shows, as it can be answered; None when there is none,
        or none that can be answered by keys of its choices' own."""
        ...

    def observe_stream(self, line: bytes, version: str | None = None) -> Observation | None:
        """What one line of a headless run's output says; None when it says nothing on its own."""
        ...

    def observe_hook(self, line: bytes, version: str | None = None) -> Observation | None:
        """What one line of the attempt's hook file says (JSON, as the tool's hook gave it)."""
        ...

    def observe_transcript(self, line: bytes, version: str | None = None) -> Observation | None:
        """What one line of the tool's transcript says."""
        ...
