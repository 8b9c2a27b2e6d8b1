"""Heartbeats of a real worker: what views say of sessions whose host or process is gone."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from coders_queue import ids
from coders_queue.client.handle import SessionHandle
from coders_queue.models.vitals import Vitals
from coders_workers import stack
from support.local_stack import LocalStack, eventually, local_stack

pytestmark = [pytest.mark.tmux, pytest.mark.broker, pytest.mark.timeout(120)]


@pytest.fixture
def local() -> Iterator[LocalStack]:
    with local_stack({"CODERS_HOST_HEARTBEAT": "0.2"}) as one:
        yield one.start()


def _sleeper(local: LocalStack) -> SessionHandle:
    return local.client().spawn("shell", argv=("sleep", "600"), cwd="/")


def test_a_dead_agent_is_not_shown_alive(local: LocalStack) -> None:
    """Also while its end is still being dealt with: a check takes its time, say."""
    gate = local.paths.state / "gate"
    check = ("sh", "-c", f"until [ -e {gate} ]; do sleep 0.05; done")
    wait = ("sh", "-c", f"until [ -e {gate}.1 ]; do sleep 0.05; done")
    handle = local.client().spawn("shell", argv=wait, cwd="/", check=check)
    eventually(lambda: handle.vitals == Vitals(alive=True))
    gate.with_name("gate.1").touch()
    # this host looks at the process itself, and the others hear it
    eventually(lambda: local.ask("show", ref=handle.id)["alive"] is False)
    eventually(lambda: handle.vitals == Vitals(alive=False))
    assert local.ask("ls")["sessions"][0]["state"] == "running"
    gate.touch()
    eventually(lambda: handle.state.ended)
    assert handle.vitals == Vitals()


def test_a_silent_host_is_told(local: LocalStack) -> None:
    """A host whose worker stands still tells of nobody; when it goes on, of everybody again."""
    handle = _sleeper(local)
    ref = ids.attempt_ref(handle.id, 1)
    client = local.client()
    eventually(lambda: any(ref in one.last.sessions for one in client.health().values()))
    worker = stack.worker_lock(local.paths).holder()
    assert worker is not None
    os.kill(worker, signal.SIGSTOP)
    try:
        eventually(lambda: handle.vitals.host_silent is not None, 10)
        assert handle.vitals.alive is None
    finally:
        os.kill(worker, signal.SIGCONT)
    eventually(lambda: handle.vitals == Vitals(alive=True))
    (host,) = local.ask("status")["hosts"].values()
    assert (host["silent_for"], host["alive"]) == (None, 1)
    assert host["late"] + host["missed"] > 0
    assert host["beats"] > 0


def test_a_new_worker_speaks_of_what_it_adopted(local: LocalStack) -> None:
    """`kill -9` for the worker: the sessions live, and so the next one says, from its first
    heartbeat on."""
    handle = _sleeper(local)
    eventually(lambda: handle.vitals == Vitals(alive=True))
    local.kill("worker")
    eventually(lambda: handle.vitals.host_silent is not None, 10)
    local.start_worker()
    eventually(lambda: handle.vitals == Vitals(alive=True), 10)
