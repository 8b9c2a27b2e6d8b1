"""The exit codes of ``coders``: one table, from which the reference page is made.

The codes of errors are those of :mod:`coders_queue.errors`; here are the others.
"""

from __future__ import annotations

from typing import Any

from coders_queue import errors

FINE = 0
AGENT_FAILED = 1
CANCELLED = 9
BUG = 70
INTERRUPTED = 130
BROKEN_PIPE = 141

#: Code and meaning, in order.
MEANINGS: tuple[tuple[int, str], ...] = (
    (FINE, "fine; for `run`, `wait` and `result`: the agent succeeded"),
    (
        AGENT_FAILED,
        "for `run`, `wait` and `result`: the agent failed (its own exit code is `exit_code` in "
        "`--json`); else an error of no other kind",
    ),
    (errors.UsageError.exit_code, "usage: the call, a configuration file or a task is off"),
    (errors.NotFound.exit_code, "not found: no such session or host, or several fit"),
    (errors.Conflict.exit_code, "conflict: a name in use, or a state that forbids the request"),
    (
        errors.SpawnError.exit_code,
        "spawn: the agent could not be started (unknown agent, missing program, bad workspace)",
    ),
    (errors.Unavailable.exit_code, "unavailable: the worker, the broker or a host does not answer"),
    (errors.SetupError.exit_code, "setup: this machine lacks something, or `doctor` found a fault"),
    (errors.TimedOut.exit_code, "timeout: it did not happen in the time allowed"),
    (
        CANCELLED,
        "for `run`, `wait` and `result`: the session was cancelled (killed, or out of its "
        "`--timeout`)",
    ),
    (BUG, "a bug in coders: the line printed names the file with the details"),
    (INTERRUPTED, "Ctrl-C; a session that was being watched goes on"),
    (BROKEN_PIPE, "the reader of the output went away (`coders logs X | head`)"),
)


def of_session(session: dict[str, Any]) -> int:
    """The code for how a session ended."""
    state = session.get("state")
    if state == "succeeded":
        return FINE
    return CANCELLED if state == "cancelled" else AGENT_FAILED


def epilog() -> str:
    """The table as the end of the main help: the first words of each meaning."""
    return "\n".join(f"  {code:>3}  {_brief(meaning)}" for code, meaning in MEANINGS)


def _brief(meaning: str) -> str:
    return meaning.replace("`", "").split("; ")[0].split(" (")[0]
