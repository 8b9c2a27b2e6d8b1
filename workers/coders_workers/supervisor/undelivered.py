"""Why a text was not delivered, as the error that its sender meets. Pure."""

from __future__ import annotations

from coders_queue import errors
from coders_queue.models.observation import Observation
from coders_workers.supervisor.input_box import Box

_LONGEST = 120


def not_ready(
    label: str, agent: str, seen: Observation, box: Box, limit: float
) -> errors.Undelivered:
    """Nothing was typed, because of what the terminal showed all the time, or at last."""
    look = f"look: coders attach {label}"
    if seen.state in ("dialog", "waiting") or seen.choices:
        asks = "asks at its start" if seen.state == "dialog" else "waits for an answer"
        return errors.Undelivered(
            f"{label}: {agent} {asks}{_question(seen)}; nothing was typed",
            f"answer it: coders attach {label}",
        )
    if seen.state in ("idle", "error", "working", "rate_limited") and box != "empty":
        return errors.Undelivered(
            f"{label}: a person's draft stands in its input box: {_short(seen.draft)!r}; "
            "nothing was typed",
            f"send or clear it there: coders attach {label}",
        )
    if seen.state in ("working", "rate_limited"):
        return errors.Undelivered(
            f"{label}: {agent} works and takes no text meanwhile (waited {limit:g} s)",
            "send it later, or wait longer: --timeout",
        )
    if seen.state == "starting":
        return errors.Undelivered(f"{label}: {agent} did not become ready in {limit:g} s", look)
    if seen.state == "exited":
        return gone(label, agent, "nothing was typed")
    return errors.Undelivered(
        f"{label}: what {agent} shows could not be understood in {limit:g} s; nothing was typed",
        f"{look}; or type it unchecked: coders send --raw",
    )


def blocked(label: str, seen: Observation) -> errors.Undelivered:
    """Another text of ours stands in the box since its delivery failed."""
    return errors.Undelivered(
        f"{label}: a text sent earlier stands unsent in its input box: {_short(seen.draft)!r}; "
        "nothing was typed",
        f"send that one again, or clear it there: coders attach {label}",
    )


def gone(label: str, agent: str, what: str) -> errors.Undelivered:
    """The agent ended before the text was sent."""
    return errors.Undelivered(f"{label}: {agent} has ended; {what}", f"coders show {label}")


def busy(label: str, limit: float) -> errors.Undelivered:
    """Somebody else's text is on its way all the time."""
    return errors.Undelivered(
        f"{label}: another text is being delivered (waited {limit:g} s)", "send it again"
    )


def given_up(label: str) -> errors.Undelivered:
    """The sender went away first."""
    return errors.Undelivered(f"{label}: the sender went away; nothing was sent")


def out_of_reach(label: str, error: errors.CodersError) -> errors.Undelivered:
    """The terminal could not be reached any more before Enter was pressed."""
    return errors.Undelivered(f"{label}: not sent: {error.message}", error.hint)


def not_shown(label: str, agent: str) -> errors.Undelivered:
    """Pasted, and it never appeared in the box."""
    return errors.Undelivered(
        f"{label}: the text was pasted but does not stand in {agent}'s input box; not sent",
        f"look: coders attach {label}",
    )


def mixed(label: str, seen: Observation) -> errors.Undelivered:
    """Pasted, and the box holds more than it, or something else."""
    return errors.Undelivered(
        f"{label}: somebody else typed meanwhile, the input box holds {_short(seen.draft)!r}; "
        "not sent",
        f"send or clear it there: coders attach {label}",
    )


def not_taken(label: str, agent: str, presses: int, seen: Observation) -> errors.Undelivered:
    """It stands in the box and stays there."""
    if seen.state in ("dialog", "waiting"):
        asks = f"{agent} asks{_question(seen)}"
        return errors.Undelivered(
            f"{label}: {asks}; the text stands unsent in its input box",
            f"answer it: coders attach {label}; the same text sent again is not typed twice",
        )
    times = "once" if presses == 1 else f"{presses} times"
    return errors.Undelivered(
        f"{label}: {agent} took no Enter (pressed {times}); the text stands unsent in its box",
        "send the same text again: it is not typed twice",
    )


def in_doubt(label: str, agent: str, why: str) -> errors.DeliveryInDoubt:
    """It left the box, or may have, and nothing shows where to."""
    return errors.DeliveryInDoubt(
        f"{label}: Enter was pressed, but nothing shows that {agent} took the text ({why})",
        f"look before you send it again: coders attach {label}",
    )


def command(agent: str, first: str) -> errors.UsageError:
    """The tool would not give the text to the model."""
    return errors.UsageError(
        f"a text that starts with {first} is a command to {agent}, not a prompt",
        "begin it with another word; to give the command: coders send --raw",
    )


def _question(seen: Observation) -> str:
    asked = f": {_short(seen.question)!r}" if seen.question else ""
    return asked + (f" ({' / '.join(map(_short, seen.choices))})" if seen.choices else "")


def _short(text: str | None) -> str:
    line = " ".join((text or "").split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
