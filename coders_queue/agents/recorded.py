"""What an adapter makes of a recording: the bytes of a screen, a stream, a transcript or hooks.

Pure: who has the bytes, and where from, is the caller's. Bytes may be hostile, cut short, or
nothing at all.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Literal, get_args

from coders_queue.agents.adapter import Adapter, LaunchFacts
from coders_queue.agents.reset_time import resets_at
from coders_queue.agents.screen import Screen
from coders_queue.models.launch import ExitStatus, Reading
from coders_queue.models.observation import Observation, ObservedState
from coders_queue.models.spec import DirectoryWorkspace, Mode, SessionSpec

Kind = Literal["screen", "stream", "transcript", "hook"]
KINDS: tuple[str, ...] = get_args(Kind)

#: The widest and highest terminal.
MAX_SIZE = 10_000
#: How many lines are looked at to tell what a recording is.
_LOOK = 50

#: Title, columns, rows and time of a screen.
_Shown = tuple[str, int | None, int | None, float | None]
_Observe = Callable[[bytes, str | None], Observation | None]


def read(
    adapter: Adapter,
    version: str | None,
    data: bytes,
    *,
    kind: Kind | None = None,
    title: str = "",
    columns: int | None = None,
    rows: int | None = None,
    at: float | None = None,
) -> tuple[Kind, Observation]:
    """What kind of recording it is, and what it says.

    A stream's or transcript's last word counts. A stream that stops without a result is of an agent
    that works, one with a result of an agent whose turn is over (``idle``) or ended in an
    ``error``; with nothing in it that is a tool's, nothing is known. ``at`` is when a screen was
    taken, epoch seconds.
    """
    chosen, seen = _read(adapter, version, data, kind, (title, columns, rows, at))
    if seen.state in ("rate_limited", "error") and seen.resets_at is None and seen.message:
        return chosen, seen.model_copy(update={"resets_at": resets_at(seen.message, at)})
    return chosen, seen


def _read(
    adapter: Adapter,
    version: str | None,
    data: bytes,
    kind: Kind | None,
    shown: _Shown,
) -> tuple[Kind, Observation]:
    chosen = kind or told_by(data)
    if chosen == "screen":
        return chosen, _screen(adapter, version, data, shown)
    if chosen == "transcript":
        return chosen, _transcript(adapter, version, data)
    if chosen == "hook":
        return chosen, _lines("hook", adapter.observe_hook, data, version)
    last = _last(adapter.observe_stream, data, version)
    if kind is None and last is None:
        transcript = _transcript(adapter, version, data)
        if transcript.state != "unknown":
            return "transcript", transcript
    return "stream", _stream(adapter, version, data, last)


def told_by(data: bytes) -> Kind:
    """A stream when most of its first lines are objects in JSON, else a screen."""
    lines = [line for line in data[: 4 * 1024 * 1024].splitlines() if line.strip()][:_LOOK]
    objects = sum(_is_object(line) for line in lines)
    return "stream" if objects and 2 * objects >= len(lines) else "screen"


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _screen(
    adapter: Adapter,
    version: str | None,
    data: bytes,
    shown: _Shown,
) -> Observation:
    title, columns, rows, at = shown
    text = data.decode("utf-8", "replace").removesuffix("\n")
    screen = Screen(text=text, title=title)
    widest = max((len(line) for line in screen.lines), default=0)
    # as large as what is on it, where nobody says
    sized = Screen(
        text=text,
        title=title,
        columns=columns or max(20, widest),
        rows=rows or max(5, len(screen.lines)),
        taken_at=at,
    )
    return adapter.observe_screen(sized, version)


def _stream(
    adapter: Adapter, version: str | None, data: bytes, last: Observation | None
) -> Observation:
    """Line by line it says what goes on; as a whole, its answer and what that took."""
    reading = _whole(adapter, version, "headless", data)
    if last is None:
        some = any(_is_object(line) for line in data.splitlines())
        over: ObservedState = "idle" if reading.ok else "working"
        last = Observation(state=over if some else "unknown", source="stream")
    ended = last.state not in ("starting", "working", "waiting", "unknown")
    if last.state in ("idle", "exited") and not reading.ok:
        # an end that looks like any other, of a run that failed
        last = last.model_copy(update={"state": "error", "message": reading.message})
    return _with(last, reading, ended)


def _transcript(adapter: Adapter, version: str | None, data: bytes) -> Observation:
    last = _lines("transcript", adapter.observe_transcript, data, version)
    reading = _whole(adapter, version, "interactive", b"", (data,))
    return _with(last, reading, answered=last.state == "idle")


def _with(last: Observation, reading: Reading, answered: bool) -> Observation:
    update: dict[str, object] = {}
    if last.usage is None and reading.usage is not None:
        update["usage"] = reading.usage
    if answered and last.result is None and reading.result is not None:
        update["result"] = reading.result
    if last.state in ("error", "rate_limited") and last.message is None:
        update["message"] = reading.message
    return last.model_copy(update=update)


def _whole(
    adapter: Adapter,
    version: str | None,
    mode: Mode,
    stdout: bytes,
    transcripts: tuple[bytes, ...] = (),
) -> Reading:
    spec = SessionSpec(
        agent=adapter.name,
        mode=mode,
        argv=("true",),
        workspace=DirectoryWorkspace(path="/"),
        version=version,
    )
    facts = LaunchFacts(
        session_id="00000000-0000-4000-8000-000000000000",
        attempt=1,
        task=None,
        directory="/nonexistent",
        cwd="",  # nobody knows
        home="/nonexistent",
        version=version,
    )
    return adapter.read(spec, facts, stdout, ExitStatus(code=0), b"", transcripts)


def _lines(
    source: Literal["transcript", "hook"], observe: _Observe, data: bytes, version: str | None
) -> Observation:
    return _last(observe, data, version) or Observation(state="unknown", source=source)


def _last(observe: _Observe, data: bytes, version: str | None) -> Observation | None:
    """The last word."""
    found: Observation | None = None
    for line in _whole_lines(data):
        seen = observe(line, version)
        if seen is not None:
            found = seen
    return found


def _whole_lines(data: bytes) -> Iterator[bytes]:
    """Each with its end; one that was cut off too, for an adapter to make nothing of."""
    for line in data.splitlines(keepends=True):
        if line.strip():
            yield line
