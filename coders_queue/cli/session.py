"""A session object of the host's, as people read it."""

from __future__ import annotations

import json
from typing import Any, TextIO

from coders_queue.cli.console import Console
from coders_queue.cli.text import printable, printable_block
from coders_queue.cli.times import ago, instant, span

#: What an agent can be doing; see the session object's ``activity``.
DOINGS = ("starting", "working", "idle", "waiting", "rate_limited", "stuck", "unknown")
ENDED = frozenset({"succeeded", "failed", "cancelled"})


def label(session: dict[str, Any]) -> str:
    """The name if it has one, else the short id."""
    return printable(session.get("name") or str(session.get("id", "?"))[:8])


def warn(console: Console, started: dict[str, Any]) -> None:
    """Say what the host says of a session that it started."""
    for warning in started.get("warnings") or ():
        console.note(f"coders: warning: {printable(warning)}")


def state_text(session: dict[str, Any]) -> str:
    """Its state, and what makes it doubtful."""
    state = printable(session.get("state"))
    silent = session.get("host_silent")
    if silent is not None:
        return f"{state}, host silent for {span(silent)}"
    if session.get("alive") is False:
        return f"{state}, its process has ended"
    position = (session.get("waiting") or {}).get("position")
    return state if position is None else f"{state} {position}"


def _activity(session: dict[str, Any]) -> dict[str, Any] | None:
    """What its agent is doing; None when it does not run, or that is not known now."""
    found = session.get("activity")
    now = session.get("state") == "running" and session.get("alive") is not False
    return found if isinstance(found, dict) and now else None


def doing(session: dict[str, Any], now: float) -> str | None:
    """What its agent is doing, and for how long; None when that is not known."""
    activity = _activity(session)
    if activity is None or activity.get("doing") == "unknown":
        return None
    word = printable(activity.get("doing")).replace("_", " ")
    return f"{word} {span(max(0.0, now - float(activity.get('since') or now)))}"


def at_a_glance(session: dict[str, Any], now: float) -> str | None:
    """The same, with what it asks or how long its limit lasts."""
    text, activity = doing(session, now), _activity(session) or {}
    said = reported(activity)
    if text is None:
        return said
    if activity.get("question"):
        return f"{text}: {printable(activity['question'])}"
    ends = activity.get("resets_at")
    if ends is not None:
        return f"{text}, until {instant(ends)}"
    return f"{text}: {said}" if said and activity.get("doing") == "working" else text


def reported(activity: dict[str, Any]) -> str | None:
    """How far its agent says that it is; None when it says nothing."""
    said = activity.get("said")
    if not isinstance(said, dict):
        return None
    percent = said.get("percent")
    share = "" if percent is None else f"{percent:.0f} %, "
    return f"{share}{printable(said.get('text'))}"


def activity_facts(session: dict[str, Any], now: float) -> list[tuple[str, str]]:
    """What its agent is doing, as titles and values; only what is known."""
    activity = _activity(session)
    if activity is None:
        return []
    found: list[tuple[str, str | None]] = [("doing", doing(session, now))]
    found.append(("question", activity.get("question")))
    for number, choice in enumerate(activity.get("choices") or (), 1):
        found.append(("choice", f"{number}. {choice}"))
    ends = activity.get("resets_at")
    if ends is not None:
        found.append(("limit until", f"{instant(ends)} (in {span(float(ends) - now)})"))
    found.append(("why", activity.get("why")))
    if said := reported(activity):
        found.append(("reports", f"{said} ({ago(activity['said']['at'], now)})"))
    progress = activity.get("progress_at")
    if progress is not None and activity.get("doing") in ("working", "stuck"):
        found.append(("progress", ago(progress, now)))
    return [(title, printable(value)) for title, value in found if value]


def waits(session: dict[str, Any]) -> str | None:
    """What it waits for, and until when as far as that is known; None when it does not wait."""
    waiting = session.get("waiting")
    if not isinstance(waiting, dict):
        return None
    position, expected = waiting.get("position"), waiting.get("expected_at")
    place = "" if position is None else f"at position {position}: "
    until = "" if expected is None else f", expected to start {instant(expected)}"
    return printable(f"{place}{waiting.get('why')}{until}")


def ended(session: dict[str, Any]) -> bool:
    """Whether nothing more will happen to it."""
    return session.get("state") in ENDED


def runtime(session: dict[str, Any], now: float) -> float | None:
    """Seconds it has run, or ran; None before its start."""
    started = session.get("started_at")
    if started is None:
        return None
    finished = session.get("ended_at")
    return max(0.0, float(now if finished is None else finished) - float(started))


def usage(session: dict[str, Any]) -> str | None:
    """Tokens and money in one line, or None when the agent said nothing of them."""
    used = session.get("usage")
    if not isinstance(used, dict):
        return None
    text = f"{used.get('input_tokens') or 0:,} in, {used.get('output_tokens') or 0:,} out"
    cached = (used.get("cache_read_tokens") or 0) + (used.get("cache_write_tokens") or 0)
    if cached:
        text += f", {cached:,} cached"
    text += " tokens"
    cost = used.get("cost_usd")
    return text if cost is None else f"{text}, ${cost:.4f}"


def result_text(session: dict[str, Any]) -> str | None:
    """The agent's answer as text; structured answers as indented JSON."""
    result = session.get("result")
    if result is None:
        return None
    return result if isinstance(result, str) else json.dumps(result, indent=2, ensure_ascii=False)


def facts(session: dict[str, Any], now: float) -> list[tuple[str, str]]:
    """How it ended, as titles and values; only what is known."""
    found: list[tuple[str, str | None]] = [("exit code", _number(session.get("exit_code")))]
    signal = session.get("signal")
    if signal is not None:
        found.append(("signal", str(signal)))
    cause = session.get("cause")
    if isinstance(cause, dict):
        kind, message = str(cause.get("kind")), str(cause.get("message"))
        # of a timeout, the message names the kind already
        told = message if message.startswith(f"{kind}:") else f"{kind}: {message}"
        found.append(("cause", told))
    seconds = runtime(session, now)
    found.append(("duration", None if seconds is None else span(seconds)))
    if (session.get("attempts") or 0) > 1:
        found.append(("attempts", str(session["attempts"])))
    found.append(("usage", usage(session)))
    workspace = session.get("workspace")
    if isinstance(workspace, dict):
        found += _workspace(workspace)
    found.append(("conversation", session.get("conversation_id")))
    return [(title, printable(value)) for title, value in found if value]


def print_result(console: Console, session: dict[str, Any], now: float, stream: TextIO) -> None:
    """The block that ends ``run`` and begins ``result``: all but the answer itself."""
    titles = [("session", f"{label(session)} ({printable(session.get('id', '?'))})")]
    titles += facts(session, now)
    state = console.state(state_text(session), stream)
    print(f"{console.paint('bold', 'state'.ljust(12), stream)}  {state}", file=stream)
    for title, value in titles:
        print(f"{console.paint('bold', title.ljust(12), stream)}  {value}", file=stream)
    stream.flush()


def print_answer(console: Console, text: str) -> None:
    """The agent's answer on standard output: as it is into a pipe, made harmless on a terminal."""
    if console.out.isatty():
        console.line(printable_block(text.rstrip("\n")))
    else:
        console.data(
            text.encode("utf-8", "surrogateescape") + (b"" if text.endswith("\n") else b"\n")
        )


def _number(value: object) -> str | None:
    return None if value is None else str(value)


def _workspace(workspace: dict[str, Any]) -> list[tuple[str, str | None]]:
    commits = workspace.get("commits") or ()
    diff = workspace.get("diff") or {}
    found: list[tuple[str, str | None]] = [
        (
            "workspace",
            f"{workspace.get('path')}{'' if workspace.get('kept', True) else ' (removed)'}",
        ),
        ("branch", workspace.get("branch")),
    ]
    if commits:
        found.append(("commits", f"{len(commits)}: {', '.join(str(c)[:10] for c in commits[:8])}"))
    if diff.get("files"):
        text = f"{diff['files']} files, +{diff.get('insertions', 0)} -{diff.get('deletions', 0)}"
        found.append(
            ("diff", text + (", not all committed" if workspace.get("uncommitted") else ""))
        )
    return found
