"""An approval of the host's, as people read it."""

from __future__ import annotations

from typing import Any

from coders_queue.cli.text import printable
from coders_queue.cli.times import ago, instant, span

_LONGEST = 400


def asked(one: dict[str, Any]) -> str:
    """What it asks for in a line: the command or file where there is one."""
    call = one.get("call") or {}
    about = call.get("command") or call.get("path")
    if about:
        return printable(f"{call.get('tool')}: {' '.join(str(about).split())}"[:_LONGEST])
    return printable(one.get("text"))


def standing(one: dict[str, Any]) -> str:
    """How it stands, or how it ended."""
    state, answer = one.get("state"), one.get("answer") or {}
    if state == "open":
        return "being answered" if answer else "waits"
    if state == "gone":
        return "answered at its terminal, or withdrawn"
    if state == "expired":
        return "denied: nobody answered in time"
    verb = "denied" if answer.get("deny") else "answered"
    return f"{verb} by {_who(answer.get('by'))}"


def facts(one: dict[str, Any], now: float) -> list[tuple[str, str]]:
    """All that is known of it, a title and a text each."""
    call, answer = one.get("call") or {}, one.get("answer") or {}
    session = one.get("name") or one.get("session")
    found = [
        ("session", f"{session} (attempt {one.get('attempt')})"),
        ("agent", one.get("agent")),
        ("host", one.get("host")),
        ("owner", one.get("owner")),
        ("kind", one.get("kind")),
        ("state", standing(one)),
        ("since", f"{instant(one.get('since'))} ({ago(one.get('since'), now)})"),
        ("denied at", instant(one["deadline"]) if one.get("deadline") else None),
        ("tool", call.get("tool")),
        ("command", call.get("command")),
        ("path", call.get("path")),
        ("answer", answer.get("text")),
        ("because", answer.get("because")),
        ("note", answer.get("note")),
        ("last try", one.get("failure")),
    ]
    return [(title, printable(value)) for title, value in found if value]


def answered(one: dict[str, Any]) -> str:
    """What came of an answer."""
    answer, name = one.get("answer") or {}, printable(one.get("name") or str(one["session"])[:8])
    text = answer.get("text")
    told = "denied" if answer.get("deny") or not text else f"answered {printable(text)!r}"
    return f"{told}: {name}, {asked(one)}"


def left(one: dict[str, Any], now: float) -> str:
    """How long until it is denied."""
    deadline = one.get("deadline")
    return "-" if deadline is None else f"in {span(max(0.0, deadline - now))}"


def _who(by: object) -> str:
    kind, _, name = str(by or "?").partition(":")
    if kind == "person":
        return printable(name)
    return printable(f"{kind} {name[:8]}" if name else kind)
