"""A rule: on these events, under this condition, do that. Its shape, its keys and what they mean.

Owns what can be said without the language of conditions: whether a condition or template is right
is :mod:`coders_queue.rules.check`'s.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, field_validator, model_validator

from coders_queue.clock import seconds_of
from coders_queue.models.base import Model
from coders_queue.models.spec import Mode, Permission, Provider

ActionKind = Literal["spawn", "send", "stop", "notify", "webhook", "task"]

#: The label of a session that a rule spawned: the rules that led to it, the first first.
CHAIN = "coders.rules"
#: How many rules may lead to each other before the last one is stopped.
MAX_DEPTH = 5
#: The most actions of one rule.
MAX_ACTIONS = 20


def _listed(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _seconds(value: Any) -> Any:
    seconds = seconds_of(value) if isinstance(value, str) else value
    if seconds is None or isinstance(seconds, bool):
        raise ValueError("should be a span of time: seconds, or a text such as 30s")
    return seconds


def _not_bool(value: Any) -> Any:
    # YAML's yes and JSON's true would otherwise pass as the number 1
    if isinstance(value, bool):
        raise ValueError("should be a number")
    return value


Span = Annotated[
    float,
    Field(gt=0, le=365 * 86400, allow_inf_nan=False),
    BeforeValidator(_seconds, json_schema_input_type=float | str),
]
OptionalSpan = Span | None
Count = Annotated[int, BeforeValidator(_not_bool)]
Texts = Annotated[
    tuple[str, ...], BeforeValidator(_listed, json_schema_input_type=str | tuple[str, ...])
]
Text = Annotated[str, Field(min_length=1)]


class Spawn(Model):
    """Start a session. Texts may be templates. Once for an event, whoever dies."""

    agent: Text
    """Its agent; `NAME@VERSION` for an exact version."""
    task: str | None = None
    """What it is to do."""
    argv: tuple[str, ...] = ()
    """The command of `shell`; for others, further arguments."""
    name: str | None = None
    """A name for people."""
    cwd: str | None = None
    """The directory, absolute. Not set: that of the event's session."""
    worktree: str | None = None
    """A ref: it works in a git worktree of the directory's repository that begins there."""
    branch: str | None = None
    """The branch of that worktree."""
    env: dict[str, str] = Field(default_factory=dict, repr=False)
    """Environment variables. Values are secret: never shown."""
    labels: dict[str, str] = Field(default_factory=dict)
    """Labels."""
    mode: Mode = "headless"
    """`headless` or `interactive`."""
    model: str | None = None
    """The model, in the agent's own spelling."""
    provider: Provider | None = None
    """Whose models."""
    permission: Permission = "default"
    """What it may do unasked."""
    host: str | None = None
    """The only host that will do."""
    owner: str | None = None
    """Who it is run for. Not set: the owner of the event's session."""
    timeout: OptionalSpan = None
    """The time that it may take."""
    check: tuple[str, ...] = ()
    """A command that decides whether it is done."""
    priority: Count = Field(default=5, ge=0, le=9)
    """Who goes first of those that wait: 0 before 9."""


class Send(Model):
    """Send a message to a session or a person, as `coders message send` does. Once; who gets it
    twice sees the same id."""

    text: Text
    """What it says; a template."""
    to: str | None = None
    """The address, `session:ID` or `person:NAME`; a template. Not set: the event's session."""


class Stop(Model):
    """End a session."""

    session: str | None = None
    """The session's id; a template. Not set: the event's."""
    reason: str = "stopped by a rule"
    """What its record says; a template."""


class Notify(Model):
    """Tell people, through `apprise`. At least once; the text ends in its id."""

    to: Annotated[Texts, Field(min_length=1, max_length=20, repr=False)]
    """Addresses as `apprise` has them: `mailto://...`, `slack://...`. They are secret."""
    title: str = "{{ kind }}: {{ name or event.session }}"
    """A template."""
    body: str = "rule {{ rule }}: {{ agent }} is {{ state }}"
    """A template."""


class Webhook(Model):
    """Post JSON. At least once; the header `X-Coders-Id` is the same each time."""

    url: Text = Field(repr=False)
    """Where to: `https://...` or `http://...`. It is secret."""
    headers: dict[str, str] = Field(default_factory=dict, repr=False)
    """Further headers. Values are secret: never shown."""
    body: Any = None
    """What is posted; its texts may be templates. Not set: the event, its session, the rule."""
    timeout: Annotated[Span, Field(le=45)] = 10.0
    """The time that one try may take, 45 seconds at most."""

    @field_validator("url")
    @classmethod
    def _is_http(cls, url: str) -> str:
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise ValueError("should be a URL with a port between 1 and 65535") from None
        if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
            raise ValueError("should be a URL such as https://host/path")
        if any(ord(one) <= 0x20 or ord(one) == 0x7F for one in url) or not url.isascii():
            raise ValueError("should have no blanks and no letters beyond ASCII; write them as %20")
        return url

    @field_validator("headers")
    @classmethod
    def _are_headers(cls, headers: dict[str, str]) -> dict[str, str]:
        for name, value in headers.items():
            token = name.replace("-", "").replace("_", "")
            if not (token.isascii() and token.isalnum()):
                raise ValueError(f"{name[:60]!r} cannot name a header")
            if not value.isascii() or not value.isprintable():
                raise ValueError(f"the value of {name} has characters that no header carries")
        return headers


class Task(Model):
    """Send a Celery task by its name. Its id is the same, should it be sent twice."""

    name: Text
    """The task's name."""
    args: tuple[Any, ...] = ()
    """Its arguments; texts may be templates."""
    kwargs: dict[str, Any] = Field(default_factory=dict)
    """Its named arguments; texts may be templates."""
    queue: Text
    """The queue of the workers that have the task."""

    @field_validator("name")
    @classmethod
    def _is_nobodys(cls, name: str) -> str:
        if name.startswith("coders."):
            raise ValueError("should be a task of your own; for a session, use spawn")
        return name


class Action(Model):
    """One thing to do: one of these keys."""

    spawn: Spawn | None = None
    """Start a session."""
    send: Send | None = None
    """Send a text to a session."""
    stop: Stop | None = None
    """End a session."""
    notify: Notify | None = None
    """Tell people."""
    webhook: Webhook | None = None
    """Post JSON."""
    task: Task | None = None
    """Send a Celery task."""

    @model_validator(mode="before")
    @classmethod
    def _empty(cls, data: Any) -> Any:
        # `- stop:` says nothing more
        if isinstance(data, dict) and "stop" in data and data["stop"] is None:
            return {**data, "stop": {}}
        return data

    @model_validator(mode="after")
    def _is_one(self) -> Action:
        if sum(getattr(self, name) is not None for name in Action.model_fields) != 1:
            raise ValueError(f"should have one of the keys {', '.join(Action.model_fields)}")
        return self

    @property
    def kind(self) -> ActionKind:
        """Which one it is."""
        kinds: tuple[ActionKind, ...] = ("spawn", "send", "stop", "notify", "webhook", "task")
        return next(name for name in kinds if getattr(self, name) is not None)


class Rule(Model):
    """One rule."""

    on: Annotated[Texts, Field(min_length=1)]
    """The kinds of events that it looks at; `*` and `?` stand for others: `session.*`."""
    when: str | None = None
    """A condition over the event and its session; not set: any."""
    do: tuple[Action, ...] = Field(min_length=1, max_length=MAX_ACTIONS)
    """What is done, each by itself: one that fails holds up no other."""
    debounce: OptionalSpan = None
    """After it fired, what follows within this time is passed over."""
    debounce_by: Literal["session", "rule"] = "session"
    """Whether that counts for each session by itself, or for the rule."""
    rate: Annotated[Count, Field(ge=1, le=1000)] | None = None
    """How often it may fire within `per`; what goes beyond is passed over."""
    per: Span = 60.0
    """The time that `rate` counts in."""
    at_most: Annotated[Count, Field(ge=1, le=1_000_000)] | None = None
    """How often it may fire for one session."""
    retries: Count = Field(default=8, ge=0, le=100)
    """How often an action that fails is tried again."""
    backoff: Span = 1.0
    """Seconds before the second try; each wait is twice the one before, up to five minutes."""
    about: str = ""
    """What it is for, for people."""
