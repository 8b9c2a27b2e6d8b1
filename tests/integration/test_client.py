"""The Python API against a real stack: spawn, watch, wait, cancel."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from coders_queue import Coders, State
from coders_queue.errors import (
    Ambiguous,
    Conflict,
    MissingBinary,
    NotFound,
    TimedOut,
    UnknownAgent,
    UsageError,
    WorkspaceError,
)
from support.local_stack import LocalStack, eventually, local_stack

pytestmark = [pytest.mark.broker, pytest.mark.tmux]


@pytest.fixture(scope="module")
def stack() -> Iterator[LocalStack]:
    """A stack for this file."""
    with local_stack() as one:
        yield one.start()


@pytest.fixture
def coders(stack: LocalStack) -> Iterator[Coders]:
    """A client of it."""
    with stack.client() as one:
        yield one


def test_spawn_and_wait(coders: Coders) -> None:
    """A spawned session's agent lives when ``spawn`` returns, and its outcome can be awaited."""
    handle = coders.spawn("shell", argv=["sh", "-c", "sleep 0.3; echo done"], cwd="/")
    assert handle.state is State.RUNNING
    outcome = handle.wait(30)
    assert (outcome.ok, outcome.output, outcome.exit_code) == (True, "done\n", 0)
    assert 0.25 < outcome.runtime < 10
    assert handle.async_result.get(timeout=30)["id"] == handle.id


def test_an_agents_failure_is_a_value(coders: Coders) -> None:
    """``wait`` returns a failed agent's outcome with its cause; it does not raise."""
    outcome = coders.spawn("shell", argv=["sh", "-c", "echo no >&2; exit 4"], cwd="/").wait(30)
    assert (outcome.state, outcome.exit_code) == ("failed", 4)
    assert outcome.cause is not None
    assert outcome.cause.kind == "exit"
    assert outcome.output == "no\n"


def test_cancel(coders: Coders) -> None:
    """A cancelled session ends as cancelled, with the reason."""
    handle = coders.spawn("shell", argv=["sleep", "100"], cwd="/")
    handle.cancel("not needed")
    outcome = handle.wait(30)
    assert outcome.state == "cancelled"
    assert outcome.cause is not None
    assert outcome.cause.message == "not needed"


def test_wait_has_a_limit(coders: Coders) -> None:
    """``wait`` gives up after its time, and the session goes on."""
    handle = coders.spawn("shell", argv=["sleep", "100"], cwd="/")
    with pytest.raises(TimedOut, match="running"):
        handle.wait(0.3)
    assert handle.state is State.RUNNING
    handle.cancel()
    handle.wait(30)


def test_lists_and_references(coders: Coders) -> None:
    """A session is found by its name and by a prefix of its id; what fits nothing is refused."""
    handle = coders.spawn("shell", argv=["sleep", "100"], cwd="/", name="finder")
    assert coders.get("finder").id == handle.id
    assert coders.get(handle.id[:13]).id == handle.id
    assert handle.id in [record.id for record in coders.list(live=True)]
    with pytest.raises(NotFound):
        coders.get("nobody")
    with pytest.raises((NotFound, Ambiguous)):
        coders.get("")
    handle.cancel()
    handle.wait(30)


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"agent": "nobody", "task": "x"}, UnknownAgent),
        ({"agent": "shell", "argv": ["no-such-program"]}, MissingBinary),
        ({"agent": "shell", "argv": ["true"], "cwd": "/no/such/place"}, WorkspaceError),
        ({"agent": "shell", "argv": ["a\0b"]}, UsageError),
        ({"agent": "shell", "argv": ["true"], "host": "elsewhere"}, NotFound),
        ({"agent": "shell", "argv": ["true"], "nonsense": 1}, UsageError),
    ],
)
def test_what_cannot_be_spawned(
    coders: Coders, wrong: dict[str, object], error: type[Exception]
) -> None:
    """A request that is wrong is refused with its own kind of error, and leaves no session."""
    before = {record.id for record in coders.list()}
    with pytest.raises(error):
        coders.spawn(**{"cwd": "/", **wrong})  # type: ignore[arg-type]
    assert {record.id for record in coders.list()} == before


def test_a_name_in_use(coders: Coders) -> None:
    """A live session's name is its own; it is free again after its end."""
    handle = coders.spawn("shell", argv=["sleep", "100"], cwd="/", name="taken")
    with pytest.raises(Conflict, match="taken"):
        coders.spawn("shell", argv=["true"], cwd="/", name="taken")
    handle.cancel()
    handle.wait(30)
    again = coders.spawn("shell", argv=["true"], cwd="/", name="taken")
    assert again.wait(30).ok


def test_archived_and_gone(coders: Coders, stack: LocalStack) -> None:
    """An ended session's attempt is archived, and its private directory is removed."""
    handle = coders.spawn("shell", argv=["echo", "kept"], cwd="/")
    handle.wait(30)
    eventually(lambda: handle.record.archived == (1,))
    eventually(lambda: not (stack.paths.sessions / handle.id).exists())
    stored = stack.paths.archive / handle.id[:2] / handle.id / "1"
    assert (stored / "output").read_bytes() == b"kept\n"
