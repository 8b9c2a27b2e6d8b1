"""Stands whose agents can be resumed, and what is held against their own notes.

The agent is the tests' steady one: it works in steps, notes each in a ledger with one write, and
goes on from the last one when it is resumed. So the ledger shows whether anything was done twice.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from bench import set_clock
from bench.stand import Stand
from coders_queue import ids
from coders_queue.client.client import Coders
from coders_queue.models.lifecycle import State, may_follow
from coders_queue.store import kinds
from support import steady_agent

#: How large a file system of its own is.
_DISK = "256m"
#: In the environment of everything that belongs to a session.
_MARK = b"CODERS_SESSION_ID="


@contextlib.contextmanager
def steady_stand(
    environ: dict[str, str] | None = None, *, own_disk: bool = False, own_clock: bool = False
) -> Iterator[Stand]:
    """A running stack with the agent ``steady``, gone afterwards with all its files.

    With ``own_disk`` on a small file system of its own, where this user may mount one; with
    ``own_clock`` by a clock of its own.
    """
    directory = Path(tempfile.mkdtemp(prefix="coders-bench-"))
    with contextlib.ExitStack() as after:
        after.callback(shutil.rmtree, directory, ignore_errors=True)
        if own_disk and _mount(directory):
            after.callback(_run, "umount", "--lazy", str(directory))
        clock = set_clock.environ(directory) if own_clock else {}
        one = Stand(directory, {**(environ or {}), **clock})
        steady_agent.describe(directory / "config" / "coders" / "agents", one.work)
        after.callback(one.down)
        one.up()
        yield one


def _mount(directory: Path) -> bool:
    options = f"size={_DISK},mode=700"
    return _run("mount", "-t", "tmpfs", "-o", options, "coders-bench", str(directory))


def _run(*argv: str) -> bool:
    try:
        return subprocess.run(argv, capture_output=True, timeout=30, check=False).returncode == 0
    except OSError:
        return False


def spawn(place: Stand, steps: int, pause: float, session_id: str | None = None) -> str:
    """Ask for a session of that many steps; its id. With an id, asking again starts no other."""
    session_id = session_id or ids.new_session_id()
    spec = {"agent": "steady", "task": f"work {steps} {pause}", "mode": "headless"}
    place.ask(
        "spawn", id=session_id, spec=spec, cwd=str(place.work), environ=place.environ, wait=False
    )
    return session_id


def steps_done(place: Stand) -> dict[str, list[int]]:
    """The steps of every conversation, in the order in which they were done."""
    found: dict[str, list[int]] = defaultdict(list)
    for conversation, number, _ in steady_agent.ledger(place.work):
        found[conversation].append(number)
    return found


def agents(place: Stand) -> dict[str, set[int]]:
    """The processes of agents that live, by their session: of this stand alone."""
    found: dict[str, set[int]] = defaultdict(set)
    script = os.fsencode(str(Path(steady_agent.__file__).resolve()))
    work = os.fsencode(str(place.work))
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (entry / "cmdline").read_bytes().split(b"\0")
            if script not in words or work not in words:
                continue
            if (entry / "stat").read_text().rpartition(")")[2].split()[0] in "ZX":
                continue
            for one in (entry / "environ").read_bytes().split(b"\0"):
                if one.startswith(_MARK):
                    found[one.removeprefix(_MARK).decode()].add(int(entry.name))
    return found


def of_the_stand(place: Stand) -> dict[int, str]:
    """Every living process that belongs to the stand, whoever started it."""
    found = {}
    mark = os.fsencode(str(place.directory))
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (entry / "cmdline").read_bytes()
            if mark in words or mark in (entry / "environ").read_bytes():
                found[int(entry.name)] = words.replace(b"\0", b" ").decode("utf-8", "replace")
    found.pop(os.getpid(), None)
    return found


def kill(pid: int) -> None:
    """``kill -9``; one that is gone already is as good."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def illegal_moves(client: Coders) -> list[str]:
    """Moves in the event log that the lifecycle forbids, and ends after an end."""
    wrong = []
    states: dict[str, State] = {}
    after = "0-0"
    names = {kinds.of_state(state): state for state in State} | {kinds.REQUEUED: State.QUEUED}
    while events := client.store.events(after, limit=5000):
        after = events[-1].id
        for event in events:
            state = names.get(event.kind)
            if state is None:
                continue
            before = states.get(event.session)
            if before is not None and not may_follow(before, state):
                wrong.append(f"{event.session}: {before} to {state}")
            states[event.session] = state
    return wrong
