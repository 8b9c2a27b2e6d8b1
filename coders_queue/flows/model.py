"""What a flow file says: its keys, their types and what they mean.

Owns the shape of a flow. Whether what it names exists is :mod:`coders_queue.flows.check`'s; the
reference page and the JSON Schema are made from this file.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    model_validator,
)

from coders_queue.clock import seconds_of
from coders_queue.models.base import Model
from coders_queue.models.context import MAX_SPACES, Space
from coders_queue.models.restart import Policy, Restart
from coders_queue.models.spec import Mode, Permission, Provider

#: The most steps of a flow, and the most items of one step's `each`.
MAX_STEPS = 10_000
MAX_ITEMS = 10_000

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,62}")

Kind = Literal["text", "integer", "number", "boolean", "list", "object", "path"]
OnFailure = Literal["stop", "continue", "ignore"]


def _name(text: str) -> str:
    # a hyphen would be a minus in an expression
    if _NAME.fullmatch(text) is None:
        raise ValueError("should be a letter, then up to 62 of A-Z a-z 0-9 _")
    return text


def _listed(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _seconds(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("should be a span of time: seconds, or a text such as 10m")
    if isinstance(value, str):
        if (seconds := seconds_of(value)) is None:
            raise ValueError("should be a span of time: seconds, or a text such as 10m")
        return seconds
    return value


def _not_bool(value: Any) -> Any:
    # YAML's yes and JSON's true would otherwise pass as the number 1
    if isinstance(value, bool):
        raise ValueError("should be a number")
    return value


def _shape(value: Any) -> str:
    if isinstance(value, str):
        return "text"
    return "mapping" if isinstance(value, dict | Model) else "list"


def _restart(value: Any) -> Any:
    return {"policy": value} if isinstance(value, str) else value


def _kind_of(value: Any) -> Kind:
    if isinstance(value, bool):
        return "boolean"
    kinds: dict[type, Kind] = {int: "integer", float: "number", list: "list", dict: "object"}
    return kinds.get(type(value), "text")


Name = Annotated[str, AfterValidator(_name)]
Names = Annotated[
    tuple[Name, ...], BeforeValidator(_listed, json_schema_input_type=str | tuple[str, ...])
]
Spaces = Annotated[
    tuple[Space, ...], BeforeValidator(_listed, json_schema_input_type=str | tuple[str, ...])
]
Count = Annotated[int, BeforeValidator(_not_bool)]
Span = Annotated[
    float,
    Field(gt=0, le=10 * 365 * 86400, allow_inf_nan=False),
    BeforeValidator(_seconds, json_schema_input_type=float | str),
]
Words = Annotated[
    Annotated[tuple[str, ...], Tag("list")] | Annotated[str, Tag("text")], Discriminator(_shape)
]


class Parameter(Model):
    """One parameter of a flow."""

    type: Kind = "text"
    """What its values are. `path` is a text that is made absolute where the flow is submitted. Not
    given: as the default is."""
    default: Any = None
    """Its value when none is given; without a default, one must be given."""
    choices: tuple[Any, ...] = ()
    """The only values that it may have; nothing: any."""
    about: str = ""
    """What it is for, for people."""

    @model_validator(mode="before")
    @classmethod
    def _of_its_default(cls, data: Any) -> Any:
        if isinstance(data, dict) and "type" not in data and data.get("default") is not None:
            return {**data, "type": _kind_of(data["default"])}
        return data

    @property
    def required(self) -> bool:
        """Whether a value must be given."""
        return self.default is None


class Glob(Model):
    """The files that fit a pattern, read where the flow is submitted."""

    glob: str = Field(min_length=1)
    """A pattern such as `src/*/` or `**/*.md`, relative to the directory of submission; with `/` at
    its end, directories alone. May refer to parameters. Items are paths as the pattern gives
    them, sorted."""


Each = Annotated[
    Annotated[tuple[Any, ...], Field(max_length=MAX_ITEMS), Tag("list")]
    | Annotated[Glob, Tag("mapping")]
    | Annotated[str, Tag("text")],
    Discriminator(_shape),
]


class Merge(Model):
    """One result of several: what the built-in agent `merge` is to do."""

    strategy: str = Field(min_length=1)
    """How: `report`, `json`, `vote`, `best`, `git`, or one that a plug-in brings. What it made is
    `steps.NAME.result.merged`."""
    of: Names = Field(min_length=1)
    """The step, or steps, whose outcomes are merged, failed ones too: it starts `after` them."""
    options: dict[str, Any] = Field(default_factory=dict)
    """The strategy's options, `at_least` and its own; texts among them may be templates."""


class GoBack(Model):
    """A bounded loop: when a step ended and a condition holds, part of the flow runs again."""

    to: Name
    """The step to go back to, one that this step needs, or this step itself. It runs again and so
    does all between it and this step, as the next `round`. What stands outside the loop starts
    when the loop is over."""
    when: str = Field(min_length=1)
    """The condition, an expression. Beside the usual names it has this step's own `result`,
    `output`, `state` and `outcome`."""
    at_most: Count = Field(default=1, ge=1, le=100)
    """How often it goes back."""
    exhausted: Literal["fail", "continue"] = "fail"
    """What to do when it would go back once more than that: the step has failed, or is left as it
    ended."""


class SessionFields(Model):
    """What a session step asks of its session. Texts may be templates."""

    model_config = ConfigDict(validate_by_alias=True, validate_by_name=True)

    agent: str | None = Field(default=None, min_length=1)
    """The agent, `NAME` or `NAME@VERSION`."""
    task: str | None = None
    """The prompt; for `shell` a script, or the standard input of `argv`."""
    argv: Words = ()
    """`shell`: the command itself. Other agents: further arguments of their command line. A list,
    or one reference to a list."""
    cwd: str | None = Field(default=None, min_length=1)
    """The directory to run in, relative to that of submission; no shell reads it, `~` is no more
    than a letter. Not set: that one."""
    worktree: str | None = Field(default=None, min_length=1)
    """Run in a git worktree of its own of the repository at `cwd`, made from this branch, tag or
    commit: `HEAD`."""
    branch: str | None = Field(default=None, min_length=1)
    """The branch that the worktree is made on; each session needs one of its own. Not set: one that
    is named after the session."""
    env: dict[str, str] = Field(default_factory=dict)
    """Environment variables. Those of `defaults` are there, too."""
    mode: Mode = "headless"
    """`headless` or `interactive`."""
    model: str | None = Field(default=None, min_length=1)
    """The model, in the agent's own spelling."""
    provider: Provider | None = None
    """Whose models to use, where the agent can be led elsewhere: `ollama`."""
    permission: Permission = "default"
    """What the agent may do unasked: `default`, `edit`, `full`."""
    resume: str | None = Field(default=None, min_length=1)
    """A conversation of the tool's to go on with: `{{ steps.NAME.outcome.conversation_id }}`."""
    output_schema: dict[str, Any] | str | None = Field(default=None, alias="schema")
    """A JSON schema of the answer, or the name of a file with one, relative to the flow's file: the
    result is data that is valid under it, or the session fails."""
    host: str | None = Field(default=None, min_length=1)
    """The only machine that will do."""
    labels: dict[str, str] = Field(default_factory=dict)
    """Labels of the session. Those of `defaults` are there, too."""
    context: Spaces = Field(default=(), max_length=MAX_SPACES - 1)
    """Spaces of shared context that it is given beside the flow's own: `team:NAME`, `repo:NAME`."""
    timeout: Span | None = None
    """The time the agent may run: seconds, or a text such as `10m`."""
    restart: (
        Annotated[Restart, BeforeValidator(_restart, json_schema_input_type=Policy | Restart)]
        | None
    ) = None
    """When the same session is run again: a policy (`never`, `on-crash`, `on-failure`, `always`),
    or a mapping of `policy`, `most`, `window`, `backoff`, `backoff_most`. Not set: as the
    settings of its host say."""
    check: Words = ()
    """A command, run in the workspace when the agent says that it is done, which decides: only
    status 0 is success."""
    idle_timeout: Span | None = None
    """The time an agent may wait for a prompt before its session is ended."""
    stuck_after: Span | None = None
    """The time without progress after which a working agent counts as stuck."""
    priority: Count = Field(default=5, ge=0, le=9)
    """Who goes first of those that wait: 0 before 9."""
    retries: Count = Field(default=0, ge=0, le=100)
    """How many new sessions may take the place of one that failed. A session that somebody
    cancelled is not tried again."""
    retry_delay: Span | None = None
    """The time between a failure and the new session. Not set: none."""
    on_failure: OnFailure | None = None
    """What follows when the step failed: `stop`, the flow fails and what runs is cancelled;
    `continue`, what does not need the step goes on, and the flow has failed when all is over;
    `ignore`, the flow goes on as if it had succeeded. Not set: `continue` when a step comes
    `after` this one, else as the flow says."""


class Step(SessionFields):
    """One step: a session, one for each of several items, or a merge of what others gave."""

    about: str = ""
    """What it is for, for people."""
    needs: Names = ()
    """Steps that must have succeeded before; if one did not, this step is skipped. A step whose
    result is referred to is needed without being named."""
    after: Names = ()
    """Steps that must have ended before, however they ended. So is a step whose `state` or
    `outcome` the condition `when` asks for."""
    when: str | None = Field(default=None, min_length=1)
    """A condition, an expression: if it does not hold when the step's turn has come, the step is
    skipped, and so is what needs it."""
    each: Each | None = None
    """One session for each of these: a list, a reference to a list, or `{glob: PATTERN}`. Templates
    find the item as `item`, its number, from 0, as `index`."""
    quorum: Count | None = Field(default=None, ge=1)
    """Of `each`: so many successes are enough; the rest is cancelled then."""
    merge: Merge | None = None
    """Instead of an agent's task: merge the outcomes of other steps."""
    go_back: GoBack | None = None
    """Go back to an earlier step when a condition holds."""


#: What a merge step takes of the fields of a session.
OF_MERGES = frozenset(
    {"cwd", "worktree", "branch", "env", "host", "labels", "timeout", "priority", "retries"}
    | {"retry_delay", "on_failure", "stuck_after", "restart"}
)


class Flow(Model):
    """A flow file."""

    flow: Name
    """The flow's name."""
    about: str = ""
    """What it is for, for people."""
    parameters: dict[Name, Parameter] = Field(default_factory=dict)
    """What is given when the flow is submitted, by name; templates find it in `parameters`."""
    defaults: SessionFields = SessionFields()
    """Fields of every session step that does not set them itself. A merge step takes those that
    make sense for it."""
    on_failure: Literal["stop", "continue"] = "stop"
    """What follows when a step failed: `stop`, the flow fails and what runs is cancelled;
    `continue`, what does not need the step goes on."""
    timeout: Span | None = None
    """The time that the whole flow may take: seconds, or a text such as `4h`."""
    steps: dict[Name, Step] = Field(min_length=1, max_length=MAX_STEPS)
    """The steps by name."""
    result: Any = None
    """What the flow gives: any value, in which texts may be templates. Not set: the result of the
    last step; where several are last, a mapping of their names to their results."""

    @cached_property
    def whole(self) -> dict[str, Step]:
        """The steps with the defaults put in."""
        return {name: self._whole(step) for name, step in self.steps.items()}

    def _whole(self, step: Step) -> Step:
        given = {
            field: getattr(self.defaults, field)
            for field in self.defaults.model_fields_set
            if field not in step.model_fields_set and (step.merge is None or field in OF_MERGES)
        }
        for field in ("env", "labels"):
            if field in self.defaults.model_fields_set:
                given[field] = {**getattr(self.defaults, field), **getattr(step, field)}
        return step.model_copy(update=given) if given else step
