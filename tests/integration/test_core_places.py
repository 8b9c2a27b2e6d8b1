"""Where sessions run when places are few, and when control and host are different machines."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import pytest

from coders_queue import errors
from coders_queue.client.client import Coders
from coders_queue.ids import CONTROL_QUEUE
from coders_queue.settings.load import load
from coders_queue.store.connect import connect
from coders_workers import broker
from support.command_line import command_line
from support.local_stack import LocalStack, eventually, local_stack

pytestmark = [pytest.mark.broker, pytest.mark.tmux]


@pytest.fixture(scope="module")
def small() -> Iterator[LocalStack]:
    """A stack with two places, without beat: nothing here may wait for its turn."""
    with local_stack({"CODERS_HOST_CAPACITY": "2"}) as stack:
        stack.start_broker()
        stack.start_worker()
        yield stack


def spawn(stack: LocalStack, *argv: str) -> str:
    """A session that nobody waits for; its id."""
    spec = {"agent": "shell", "argv": list(argv)}
    return str(stack.ask("spawn", spec=spec, cwd="/", wait=False)["id"])


def state(stack: LocalStack, ref: str) -> str:
    """Where a session stands."""
    return str(stack.ask("show", ref=ref)["state"])


def test_a_full_host_queues_and_an_end_places(small: LocalStack) -> None:
    """The third of two waits, goes as soon as one ends, and one that waits can be cancelled."""
    ids = [spawn(small, "sleep", "60") for _ in range(4)]
    eventually(lambda: [state(small, one) for one in ids[:2]] == ["running"] * 2, 20)
    assert [state(small, one) for one in ids[2:]] == ["queued"] * 2
    assert small.ask("kill", ref=ids[2])["state"] == "cancelled"
    assert small.ask("kill", ref=ids[0])["state"] == "cancelled"
    asked = time.monotonic()
    eventually(lambda: state(small, ids[3]) == "running", 20)
    assert time.monotonic() - asked < 2.5  # no timer was waited for: they tick every 5 s
    for one in (ids[1], ids[3]):
        small.ask("kill", ref=one)


def test_a_crowd_passes_two_places(small: LocalStack) -> None:
    """Twenty short sessions through two places: never a third beside them, all of them done."""
    ids = [spawn(small, "sleep", "0.05") for _ in range(20)]
    most = 0
    with small.client() as client:
        deadline = time.monotonic() + 60
        while client.store.list(live=True):
            most = max(most, client.store.live_count([small_name(small)])[small_name(small)])
            assert time.monotonic() < deadline
            time.sleep(0.01)
    assert most == 2
    assert {state(small, one) for one in ids} == {"succeeded"}


def small_name(stack: LocalStack) -> str:
    """The stack's host."""
    return str(stack.ask("status")["host"])


def test_control_here_host_there() -> None:
    """A session asked for on a machine that runs none runs where some run; its end comes back."""
    with (
        command_line({"CODERS_HOST_NAME": "desk", "CODERS_HOST_ROLES": "control"}) as desk,
        command_line({"CODERS_HOST_NAME": "box", "CODERS_HOST_ROLES": "host"}) as box,
    ):
        shared = {"CODERS_BROKER_URL": desk.paths.broker_url}
        desk.ok("up")
        box.ok("up", env=shared)
        done = desk.ok("run", "shell", "--json", "--cwd", "/", "--", "echo", "there")
        assert (done.json["host"], done.json["output"]) == ("box", "there\n")
        settings = load({**desk.environ, **shared}, "/").settings
        with Coders(settings=settings, state_dir=desk.paths.state, start=False) as client:
            outcome = client.spawn("shell", argv=["sh", "-c", "echo api"], cwd="/").wait(30)
            assert (outcome.host, outcome.output) == ("box", "api\n")
            one = client.session("shell", argv=["echo", "task"], cwd="/").delay()
            assert one.get(timeout=30)["output"] == "task\n"
            with pytest.raises(errors.NotFound):
                client.get("nobody")
            # a message that never arrives: the queue itself is gone
            queue = connect(desk.paths.broker_url)
            lost = [client.session("shell", argv=["true"], cwd="/").delay() for _ in range(3)]
            queue.delete(f"{settings.broker.prefix}{CONTROL_QUEUE}")
            assert all(one.get(timeout=40)["state"] == "succeeded" for one in lost)
            queue.close()
            client.app.backend.result_consumer.subscribed_to.clear()
        box("down", env=shared)


def test_a_broker_that_is_silent_loses_nothing() -> None:
    """While the broker is frozen sessions begin and end, and it has them all afterwards."""
    with local_stack() as stack:
        stack.start_broker()
        stack.start_worker()
        server = broker.broker_lock(stack.paths).holder()
        assert server is not None
        running = spawn(stack, "sh", "-c", "sleep 2; echo through")
        eventually(lambda: state(stack, running) == "running", 20)
        os.kill(server, signal.SIGSTOP)
        try:
            spawn(stack, "echo", "late")
            assert stack.ask("status")["degraded"] is True
        finally:
            os.kill(server, signal.SIGCONT)
        with stack.client() as client:
            eventually(lambda: len(client.store.list(live=False)) == 2, 30)
            ended = [one.outcome for one in client.store.list()]
        assert {outcome and (outcome.cause, outcome.output) for outcome in ended} == {
            (None, "late\n"),
            (None, "through\n"),
        }
        assert "background_work_failed" not in stack.log()
