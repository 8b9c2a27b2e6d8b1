"""Every store: one queue of what waits, asked once, answered once, ended once."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from coders_queue import errors, ids
from coders_queue.clock import ManualClock
from coders_queue.models.approval import Answer, Approval, Option, ToolCall, new_id
from coders_queue.store.approvals import Approvals
from coders_queue.store.base import Store
from coders_queue.store.connect import connect
from coders_queue.store.keys import Keys
from coders_queue.store.memory import MemoryStore
from coders_queue.store.redis import RedisStore

SESSION = ids.new_session_id()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(params=["memory", "redis"])
def store(request: pytest.FixtureRequest, clock: ManualClock) -> Iterator[Store]:
    if request.param == "memory":
        yield MemoryStore(clock=clock)
        return
    with contextlib.closing(connect(request.getfixturevalue("redis_url"))) as client:
        yield RedisStore(client, clock=clock)


@pytest.fixture
def approvals(store: Store) -> Approvals:
    return store.approvals


def asked(clock: ManualClock, digest: str = "d1", **fields: Any) -> Approval:
    given = {"session": SESSION, "attempt": 1, "since": clock.now, **fields}
    return Approval(
        id=new_id(given["session"], given["attempt"], digest, given["since"]),
        host="here",
        owner="ann",
        agent="claude",
        kind=given.pop("kind", "permission"),
        text="Do you want to proceed? ž",
        options=(Option(text="Yes", means="allow"), Option(text="No", means="deny")),
        call=ToolCall(tool="Bash", command="make secret", whole=True),
        digest=digest,
        **given,
    )


def answer(clock: ManualClock, token: str = "t1", **fields: Any) -> Answer:
    return Answer(token=token, choice=1, text="Yes", by="person:ann", at=clock.now, **fields)


def kinds(store: Store) -> list[str]:
    return [event.kind.removeprefix("approval.") for event in store.events()]


def test_what_is_asked_is_kept_as_it_was(approvals: Approvals, clock: ManualClock) -> None:
    """Byte for byte, found by its id and by the start of it, and listed while it waits."""
    given = approvals.open(asked(clock))
    assert approvals.get(given.id) == given == approvals.find(given.id[:5])
    assert approvals.list() == approvals.of(SESSION) == [given]
    assert (approvals.get("none"), approvals.find("abc"), approvals.find("ffffffff")) == (None,) * 3


def test_a_dialog_is_asked_once(approvals: Approvals, store: Store, clock: ManualClock) -> None:
    """However often, and by how many at once, it is seen; each look has its own time."""
    times = [asked(clock, since=clock.now + number / 100) for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        found = {one.id for one in pool.map(approvals.open, times)}
    assert len(found) == len(approvals.list()) == 1
    assert kinds(store) == ["opened"]


def test_another_dialog_takes_its_place(
    approvals: Approvals, store: Store, clock: ManualClock
) -> None:
    """The one before is gone; so is that of an earlier attempt; a late look brings none back."""
    first = approvals.open(asked(clock))
    clock.advance(1)
    second = approvals.open(asked(clock, "d2"))
    assert [one.id for one in approvals.list()] == [second.id]
    assert approvals.open(first.model_copy(update={"id": "late"})).id == second.id
    clock.advance(1)
    third = approvals.open(asked(clock, "d2", attempt=2))
    assert [one.id for one in approvals.list(waiting=False)] == [third.id, second.id, first.id]
    assert [one.state for one in approvals.list(waiting=False)] == ["open", "gone", "gone"]
    assert kinds(store) == ["opened", "gone", "opened", "gone", "opened"]
    approvals.close(third.id)
    stale = asked(clock, "d2", attempt=2, since=clock.now - 0.5)
    assert approvals.open(stale).id == third.id
    assert approvals.list() == []
    clock.advance(1)
    again = approvals.open(asked(clock, "d2", attempt=2))
    assert again.waits
    assert again.id != third.id


def test_an_answer_is_given_once(approvals: Approvals, store: Store, clock: ManualClock) -> None:
    """Of many who answer at once one does; its key is pressed once, and it ends once."""
    given = approvals.open(asked(clock))

    def try_it(number: int) -> bool:
        try:
            approvals.claim(given.id, answer(clock, f"t{number}"))
        except errors.Conflict:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = [number for number, ok in enumerate(pool.map(try_it, range(8))) if ok]
        (token,) = [f"t{number}" for number in won]
        begun = list(pool.map(lambda _: approvals.begin(given.id, token), range(8)))
        assert sum(one is not None for one in begun) == 1
        ends = list(pool.map(lambda _: approvals.settle(given.id, token), range(8)))
        assert sum(one is not None for one in ends) == 1
    ended = approvals.get(given.id)
    assert ended is not None
    assert ended.answer is not None
    assert (ended.state, ended.answer.by) == ("answered", "person:ann")
    assert kinds(store) == ["opened", "claimed", "pressed", "answered"]
    told = str([event.data for event in store.events()])
    assert "secret" not in told
    assert "proceed" not in told
    assert "person:ann" in told
    with pytest.raises(errors.Conflict, match="answered by ann"):
        approvals.claim(given.id, answer(clock, "t99"))
    assert (approvals.close(given.id), approvals.fail(given.id, token, "x")) == (None, None)


def test_a_failed_answer_leaves_it_open(approvals: Approvals, clock: ManualClock) -> None:
    """For another one; of a late message of the first nothing comes any more."""
    given = approvals.open(asked(clock))
    approvals.claim(given.id, answer(clock))
    failed = approvals.fail(given.id, "t1", "it took no key")
    assert failed is not None
    assert failed.waits
    assert failed.failure == "it took no key"
    assert approvals.begin(given.id, "t1") is None
    approvals.claim(given.id, answer(clock, "t2"))
    assert (approvals.begin(given.id, "t1"), approvals.settle(given.id, "t1")) == (None, None)
    assert approvals.begin(given.id, "t2") is not None
    assert approvals.withdraw(given.id, "t2", "late") is None


def test_an_answer_that_was_lost_makes_room(approvals: Approvals, clock: ManualClock) -> None:
    """Its host died: after its time another may be given, and it cannot be pressed late."""
    given = approvals.open(asked(clock))
    approvals.claim(given.id, answer(clock))
    with pytest.raises(errors.Conflict, match="being answered by ann"):
        approvals.claim(given.id, answer(clock, "t2"))
    clock.advance(16)
    assert approvals.begin(given.id, "t1") is None
    assert approvals.claim(given.id, answer(clock, "t2")).answer is not None


def test_an_end_after_a_key_is_its_answer(approvals: Approvals, clock: ManualClock) -> None:
    """The worker died after it pressed, and the agent went on; without a key it is only gone."""
    first = approvals.open(asked(clock))
    approvals.claim(first.id, answer(clock))
    approvals.begin(first.id, "t1")
    closed = approvals.close(first.id)
    assert closed is not None
    assert closed.state == "answered"
    clock.advance(1)
    second = approvals.open(asked(clock, "d2"))
    approvals.claim(second.id, answer(clock))
    gone = approvals.close(second.id)
    assert gone is not None
    assert (gone.state, gone.answer) == ("gone", None)


def test_after_its_time_it_can_only_be_denied(approvals: Approvals, clock: ManualClock) -> None:
    """It fails closed, whoever comes with a late yes."""
    given = approvals.open(asked(clock, deadline=clock.now + 10))
    clock.advance(10)
    with pytest.raises(errors.Conflict, match="not answered in time"):
        approvals.claim(given.id, answer(clock))
    denial = Answer(token="t2", deny=True, by="timeout", at=clock.now)
    approvals.claim(given.id, denial)
    approvals.begin(given.id, "t2")
    ended = approvals.settle(given.id, "t2")
    assert ended is not None
    assert ended.state == "expired"


def test_an_agent_may_ask_several_things_at_once(approvals: Approvals, clock: ManualClock) -> None:
    """Its own asks stand beside what its terminal asks; one asked twice is one."""
    first = asked(clock, "a1", kind="ask")
    second = asked(clock, "a2", kind="ask")
    for one in (first, second, first, asked(clock)):
        approvals.open(one)
    assert len(approvals.list()) == 3
    assert approvals.open(first) == first


def test_every_key_expires(redis_url: str, clock: ManualClock) -> None:
    """What is kept of approvals goes by itself, whatever state it is in."""
    with contextlib.closing(connect(redis_url)) as client:
        names = Keys()
        one = RedisStore(client, clock=clock).approvals
        given = one.open(asked(clock))
        for key in (
            *(names.approval(given.id), names.approval_current(SESSION)),
            *(names.approvals, names.approvals_waiting),
        ):
            assert client.pttl(key) > 0, key
