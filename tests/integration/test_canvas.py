"""A session in every place of Celery's canvas, undisturbed and disturbed, on a real broker."""

from __future__ import annotations

import contextlib
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import chain, chord, group, signature
from kombu.exceptions import OperationalError
from redis import RedisError

from coders_queue.client.client import Coders
from coders_queue.errors import AgentFailed
from support.local_stack import LocalStack, eventually, local_stack
from support.rigged_worker import STEPS, double_messages

pytestmark = [pytest.mark.broker, pytest.mark.tmux, pytest.mark.timeout(300)]

#: How long a disturbed canvas may take to come through, seconds.
LONG = 90.0


class Canvas:
    """Signatures and observations against one stack."""

    def __init__(self, stack: LocalStack) -> None:
        self.stack = stack
        self.coders: Coders = stack.client()
        self.app = self.coders.app

    def session(self, *argv: str, **fields: Any) -> Any:
        """A session that runs argv."""
        return self.coders.session("shell", argv=argv, cwd="/", **fields)

    def echo(self, text: str, **fields: Any) -> Any:
        """A session that prints text."""
        return self.session("echo", text, **fields)

    def user(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """A task that is not ours."""
        return signature(f"user.{name}", args=args, kwargs=kwargs, app=self.app, queue="user")

    def notes(self, key: str) -> list[str]:
        """What the user's tasks left under that key."""
        return [one.decode() for one in self.app.backend.client.lrange(f"user:{key}", 0, -1)]

    def close(self) -> None:
        # results that are collected later must not look for a broker that is gone
        self.app.backend.result_consumer.subscribed_to.clear()
        self.coders.close()


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


def test_delay_get(canvas: Canvas) -> None:
    """A session's result is its outcome."""
    outcome = canvas.echo("hello").delay().get(timeout=LONG)
    assert outcome["state"] == "succeeded"
    assert outcome["output"] == "hello\n"
    assert outcome["exit_code"] == 0


def test_in_the_middle_of_a_chain(canvas: Canvas) -> None:
    """A session takes its turn between two tasks, and its input reaches it."""
    cat = canvas.session("sh", "-c", 'cat "$CODERS_INPUT"')
    result = chain(canvas.user("add", 2, 3), cat, canvas.user("said")).apply_async()
    assert result.get(timeout=LONG) == "succeeded:[5]"


def test_group(canvas: Canvas) -> None:
    """A group of sessions gives their outcomes in order."""
    result = group(canvas.echo(str(n)) for n in range(5)).apply_async()
    assert [one["output"] for one in result.get(timeout=LONG)] == [f"{n}\n" for n in range(5)]


def test_chord_header(canvas: Canvas) -> None:
    """A chord's body runs once, with every outcome, a failed agent's too."""
    key = uuid.uuid4().hex
    header = [canvas.echo("a"), canvas.session("sh", "-c", "echo b; exit 3"), canvas.echo("c")]
    result = chord(header)(canvas.user("collect", key))
    expected = ["failed:b", "succeeded:a", "succeeded:c"]
    assert result.get(timeout=LONG) == expected
    time.sleep(0.5)
    assert canvas.notes(key) == [",".join(expected)]


def test_chain_in_a_chord_header(canvas: Canvas) -> None:
    """A member of a header may be a chain with a session in it."""
    key = uuid.uuid4().hex
    header = [
        canvas.echo("a") | canvas.user("said"),
        chain(canvas.user("add", 1, 1), canvas.echo("b"), canvas.user("said")),
        canvas.echo("c"),
    ]
    result = chord(header)(canvas.user("collect", key))
    assert result.get(timeout=LONG) == ["succeeded:a", "succeeded:b", "succeeded:c"]
    assert len(canvas.notes(key)) == 1


def test_chord_of_chords(canvas: Canvas) -> None:
    """Chords nest: the outer body sees the inner bodies' results."""
    inner, outer = uuid.uuid4().hex, uuid.uuid4().hex
    header = [
        chord([canvas.echo("a"), canvas.echo("b")], canvas.user("collect", inner)),
        chord([canvas.echo("c"), canvas.echo("d")], canvas.user("collect", inner)),
    ]
    result = chord(header)(canvas.user("collect", outer))
    assert result.get(timeout=LONG) == [f"succeeded:{x}" for x in "abcd"]
    assert len(canvas.notes(inner)) == 2
    assert len(canvas.notes(outer)) == 1


def test_session_as_a_chord_body(canvas: Canvas) -> None:
    """A session can merge what others found."""
    body = canvas.session("sh", "-c", 'wc -c < "$CODERS_INPUT"')
    result = chord([canvas.echo("a"), canvas.echo("b")])(body)
    outcome = result.get(timeout=LONG)
    assert outcome["state"] == "succeeded"
    assert int(outcome["output"]) > 100


def test_chain_to_group(canvas: Canvas) -> None:
    """A session's outcome fans out."""
    result = chain(canvas.echo("x"), group(canvas.user("said"), canvas.user("said"))).apply_async()
    assert result.get(timeout=LONG) == ["succeeded:x", "succeeded:x"]


def test_link(canvas: Canvas) -> None:
    """A link is called with the outcome."""
    key = uuid.uuid4().hex
    canvas.echo("x").apply_async(link=canvas.user("linked", key)).get(timeout=LONG)
    assert "succeeded:x" in eventually(lambda: canvas.notes(key))


def test_link_error(canvas: Canvas) -> None:
    """An errback is called when a failure was asked to be an exception."""
    key = uuid.uuid4().hex
    failing = canvas.session("false", raise_on_failure=True)
    result = failing.apply_async(link_error=canvas.user("failed", key=key))
    with pytest.raises(AgentFailed):
        result.get(timeout=LONG)
    assert eventually(lambda: canvas.notes(key))[0] == result.id


def test_failure_is_a_value(canvas: Canvas) -> None:
    """An agent that fails gives an outcome that says so; a chain goes on with it."""
    result = (canvas.session("sh", "-c", "exit 7") | canvas.user("said")).apply_async()
    assert result.get(timeout=LONG) == "failed:"
    assert result.parent.get(timeout=LONG)["exit_code"] == 7


def test_failure_is_an_exception_when_asked(canvas: Canvas) -> None:
    """With ``raise_on_failure`` the rest of a chain does not run, and ``get`` raises."""
    key = uuid.uuid4().hex
    failing = canvas.session("false", raise_on_failure=True)
    result = (failing | canvas.user("linked", key)).apply_async()
    with pytest.raises(AgentFailed, match="status 1"):
        result.get(timeout=LONG)
    assert canvas.notes(key) == []
    assert result.parent.get(timeout=LONG, propagate=False).args


def test_failing_member_fails_the_chord_when_asked(canvas: Canvas) -> None:
    """A header member that raises fails the body, and its errback hears of it."""
    key = uuid.uuid4().hex
    header = [canvas.echo("a"), canvas.session("false", raise_on_failure=True)]
    body = canvas.user("collect", key).on_error(canvas.user("failed", key=key + "-e"))
    result = chord(header)(body)
    with pytest.raises(Exception, match="status 1"):
        result.get(timeout=LONG)
    assert canvas.notes(key) == []
    assert eventually(lambda: canvas.notes(key + "-e"))


def test_ignore_result(canvas: Canvas) -> None:
    """A session whose result nobody wants ends, and settles, all the same."""
    result = canvas.echo("x").apply_async(ignore_result=True)
    handle = canvas.coders.get(result.id)
    assert handle.wait(LONG).ok
    eventually(lambda: handle.record.settled)


def test_revoke_of_a_running_session(canvas: Canvas) -> None:
    """Revoking a running session ends its agent, and the canvas goes on with the outcome."""
    result = (canvas.session("sleep", "100") | canvas.user("said")).apply_async()
    handle = canvas.coders.get(result.parent.id)
    handle.wait_running(LONG)
    canvas.app.control.revoke(result.parent.id)
    assert result.get(timeout=LONG) == "cancelled:"
    outcome = handle.wait(LONG)
    assert outcome.state == "cancelled"
    assert outcome.signal == 15


def test_revoke_of_a_queued_session(canvas: Canvas) -> None:
    """Revoking a session that no host has taken ends it, and its chord's body runs."""
    key = uuid.uuid4().hex
    waiting = canvas.echo("never", host="elsewhere")
    result = chord([canvas.echo("a"), waiting])(canvas.user("collect", key))
    queued = eventually(
        lambda: [one for one in canvas.coders.list(live=True) if one.spec.host == "elsewhere"]
    )[0]
    eventually(lambda: canvas.coders.get(queued.id).record.request)
    canvas.app.control.revoke(queued.id)
    assert result.get(timeout=LONG) == ["cancelled:", "succeeded:a"]


def _only_sessions(canvas: Canvas, key: str, count_file: str) -> Any:
    """The same of sessions alone: a broker that dies can swallow a message of anybody else's."""

    def agent(name: str) -> Any:
        script = f'echo {name} >> "{count_file}"; sleep 0.2; echo {name}'
        return canvas.session("sh", "-c", script)

    return chain(
        agent("first"),
        chord([agent("h1"), agent("h2") | agent("h2b"), agent("h3")], agent("body")),
        agent("last"),
    )


def _everything(canvas: Canvas, key: str, count_file: str) -> Any:
    """A canvas with a session in many places; each agent leaves a line in a file.

    The header's last member is a session: it is our worker, not the user's, that sends the body.
    """

    def agent(name: str, seconds: float = 0.2) -> Any:
        script = f'echo {name} >> "{count_file}"; sleep {seconds}; echo {name}'
        return canvas.session("sh", "-c", script)

    return chain(
        canvas.user("add", 1, 2),
        agent("first"),
        chord(
            [agent("h1"), agent("h2") | canvas.user("said"), agent("h3", 2)],
            canvas.user("collect", key),
        ),
        agent("last"),
        canvas.user("said"),
    )


def _keep_alive(stack: LocalStack, stop: threading.Event, rig: str) -> None:
    while not stop.wait(0.1):
        if not stack.alive("worker"):
            stack.launch_worker(rig)


@pytest.mark.parametrize("step", sorted(STEPS))
def test_worker_killed_at(step: str, tmp_path: Path) -> None:
    """A worker killed at any step of a session's life delays the canvas and loses none of it."""
    with _disturbed(tmp_path, rig=f"kill:{step}") as (canvas, ran):
        key = uuid.uuid4().hex
        result = _everything(canvas, key, str(ran)).apply_async()
        _await(canvas, result)
        assert result.get(timeout=10) == "succeeded:last"
        assert sorted(ran.read_text().split()) == ["first", "h1", "h2", "h3", "last"]
        assert (canvas.stack.paths.state / f"died-{step}").exists(), "it did not die"
        assert set(canvas.notes(key)) == {"succeeded:h1,succeeded:h2,succeeded:h3"}


def test_broker_restarted(tmp_path: Path) -> None:
    """A broker killed and started again in the middle delays the canvas and loses none of it."""
    with _disturbed(tmp_path) as (canvas, ran):
        result = _only_sessions(canvas, "", str(ran)).apply_async()
        for _ in range(3):
            time.sleep(0.7)
            canvas.stack.restart_broker()
        _await(canvas, result)
        assert result.get(timeout=10)["output"] == "last\n"
        expected = ["body", "first", "h1", "h2", "h2b", "h3", "last"]
        assert sorted(ran.read_text().split()) == expected


@contextlib.contextmanager
def _disturbed(tmp_path: Path, *, rig: str = "") -> Iterator[tuple[Canvas, Path]]:
    """A stack whose worker is started again when it died; a file in which agents leave lines."""
    ran = tmp_path / "ran"
    ran.touch()
    with local_stack() as stack:
        stack.start(rig=rig)
        stack.start_user()
        canvas = Canvas(stack)
        stop = threading.Event()
        keeper = threading.Thread(target=_keep_alive, args=(stack, stop, rig))
        keeper.start()
        try:
            yield canvas, ran
        finally:
            stop.set()
            keeper.join()
            canvas.close()


def _await(canvas: Canvas, result: Any) -> None:
    deadline = time.monotonic() + LONG
    while not _ready(result):
        assert time.monotonic() < deadline, canvas.stack.log()[-20_000:]
        time.sleep(0.05)


def _ready(result: Any) -> bool:
    try:
        return bool(result.ready())
    except (OperationalError, RedisError, RuntimeError):  # the broker is away just now
        return False
