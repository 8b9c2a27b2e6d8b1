"""Every error a user can meet, and the exit code that goes with its kind.

::

    CodersError                 (1)
    ├── UsageError              (2)  the call itself is off
    │   ├── ConfigError              a config file or variable
    │   └── TaskTooLarge             no channel carries it
    ├── NotFound                (3)  no such session, host
    │   └── Ambiguous                several fit; they are named
    ├── Conflict                (4)  a name in use, an illegal move
    │   ├── Denied                   not allowed to whoever asks
    │   └── Undelivered              a text that was certainly not sent to an agent
    ├── SpawnError              (5)  the agent could not be started
    │   ├── UnknownAgent
    │   ├── MissingBinary
    │   ├── InstallError             a version that cannot be had
    │   └── WorkspaceError           missing directory, not a repository
    ├── Unavailable             (6)  broker, worker or host does not answer
    ├── SetupError              (7)  this machine lacks something (tmux too old)
    └── TimedOut                (8)  it did not happen in the time allowed
        └── DeliveryInDoubt          a text that may have been sent to an agent

An error is one line for a person (``message``) and, where there is one, the way out (``hint``).
An agent's own failure is not in this tree: it is an :class:`~coders_queue.models.outcome.Outcome`
(``AgentFailed`` exists only for callers that asked for an exception).
"""

from __future__ import annotations

from typing import Any


class CodersError(Exception):
    """Root of the tree. ``exit_code`` is what the command line returns for it."""

    kind = "error"
    exit_code = 1

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.message, self.hint))

    def to_wire(self) -> dict[str, Any]:
        """As a JSON object, for the host's socket."""
        return {"kind": self.kind, "message": self.message, "hint": self.hint}


class UsageError(CodersError):
    """The call itself is off: a bad argument or combination."""

    kind = "usage"
    exit_code = 2


class ConfigError(UsageError):
    """A configuration file or variable is wrong; the message names file and line."""

    kind = "config"


class TaskTooLarge(UsageError):
    """The task or an argument does not fit any channel that the agent has."""

    kind = "too-large"


class NotFound(CodersError):
    """No such session or host."""

    kind = "not-found"
    exit_code = 3


class Ambiguous(NotFound):
    """A prefix fits several sessions; the message names them."""

    kind = "ambiguous"


class Conflict(CodersError):
    """Someone else has it: a name in use, a state that forbids the request."""

    kind = "conflict"
    exit_code = 4


class Denied(Conflict):
    """Whoever asks may not: another session's token, more than its own session may."""

    kind = "denied"


class Undelivered(Conflict):
    """A text was not sent to an agent, for certain; the message says what was in the way."""

    kind = "undelivered"


class SpawnError(CodersError):
    """The agent could not be started; the message says why."""

    kind = "spawn"
    exit_code = 5


class UnknownAgent(SpawnError):
    """No adapter of that name."""

    kind = "unknown-agent"


class MissingBinary(SpawnError):
    """The agent's program is not on this host."""

    kind = "missing-binary"


class InstallError(SpawnError):
    """A version of an agent's program could not be installed; the message says why."""

    kind = "install"


class WorkspaceError(SpawnError):
    """The directory or repository cannot serve as a workspace."""

    kind = "workspace"


class Unavailable(CodersError):
    """The broker, the worker or a host does not answer."""

    kind = "unavailable"
    exit_code = 6


class SetupError(CodersError):
    """This machine lacks something that is needed."""

    kind = "setup"
    exit_code = 7


class TimedOut(CodersError):
    """It did not happen in the time allowed."""

    kind = "timeout"
    exit_code = 8


class DeliveryInDoubt(TimedOut):
    """A text may have been sent to an agent: nothing shows whether it was taken."""

    kind = "delivery-in-doubt"


class AgentFailed(CodersError):
    """An agent's failure as an exception, for sessions spawned with ``raise_on_failure``."""

    kind = "agent-failed"
    exit_code = 1


def _tree(root: type[CodersError]) -> dict[str, type[CodersError]]:
    found = {root.kind: root}
    for child in root.__subclasses__():
        found.update(_tree(child))
    return found


#: Each kind's class: how an error that crossed the socket comes back as itself.
BY_KIND = _tree(CodersError)


def from_wire(data: dict[str, Any]) -> CodersError:
    """The error that :meth:`CodersError.to_wire` described."""
    cls = BY_KIND.get(str(data.get("kind")), CodersError)
    hint = data.get("hint")
    return cls(str(data.get("message", "unknown error")), None if hint is None else str(hint))
