"""A session in every place of Celery's canvas on a real broker, calm and with doubled messages.

Under killed workers and brokers the same places are played in test_canvas_disturbed.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from support.local_stack import local_stack
from support.places import PLACES
from support.rigged_worker import double_messages
from support.scene import Canvas, Scene

pytestmark = [pytest.mark.broker, pytest.mark.tmux, pytest.mark.timeout(300)]


@pytest.fixture(scope="module", params=["calm", "twice"])
def canvas(request: pytest.FixtureRequest) -> Iterator[Canvas]:
    """A stack with a user's worker beside it; undisturbed, or with every message doubled."""
    rig = "twice" if request.param == "twice" else ""
    if rig:
        from kombu.transport.redis import Channel

        put = Channel._put
        double_messages()
    with local_stack() as stack:
        stack.start(rig=rig)
        stack.start_user()
        one = Canvas(stack)
        yield one
        one.close()
    if rig:
        Channel._put = put


@pytest.mark.parametrize("place", PLACES)
def test_place(canvas: Canvas, place: str) -> None:
    """A session comes through in its place, its agent run once, what follows it called once."""
    scene = Scene(canvas, place)
    PLACES[place].check(scene)
    time.sleep(0.5)  # for what must not come
    assert len(scene.notes()) == len(set(scene.notes()))


def test_get(canvas: Canvas) -> None:
    """``delay().get()`` waits for the agent, as it does for any task."""
    session = canvas.coders.session("shell", argv=("echo", "hello"), cwd="/")
    assert session.delay().get(timeout=60)["output"] == "hello\n"


def test_revoke_of_what_no_session_is(canvas: Canvas) -> None:
    """A task that is not ours is revoked as ever, one of ours among others durably."""
    waiting = Scene(canvas, "revoke").agent("a", host="elsewhere").delay()
    replies = canvas.app.control.revoke([waiting.id, "not-ours"], reply=True, timeout=2)
    assert canvas.coders.get(waiting.id).record.state == "cancelled"
    assert any("not-ours" in str(reply) for reply in replies), replies
