"""Who starts next, in every store: limits, turns, shares, exhausted accounts, kept places."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from coders_queue import errors
from coders_queue.clock import ManualClock
from coders_queue.models.admission import Admitted, Wait
from coders_queue.models.lifecycle import State
from coders_queue.models.limit import Limit
from coders_queue.models.outcome import Cause, Outcome
from coders_queue.models.restart import AttemptEnd
from coders_queue.models.spec import DirectoryWorkspace, SessionSpec
from coders_queue.store import rules
from coders_queue.store.base import Store
from coders_queue.store.connect import connect
from coders_queue.store.memory import MemoryStore
from coders_queue.store.redis import RedisStore

ROOM = {"a": 1000}


@dataclass
class Fleet:
    """A store, and sessions that wait in it."""

    store: Store
    clock: ManualClock
    _count: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def waiting(self, **changes: object) -> str:
        """A session that waits for its turn."""
        session_id = f"s{next(self._count):04}"
        self.clock.advance(1)
        self.store.submit(session_id, spec(**changes))
        assert self.store.attach_request(session_id, {})
        return session_id

    def start(self, hosts: dict[str, int] | None = None) -> str | None:
        """The session that is admitted now."""
        answer = self.store.admit(hosts or ROOM)
        return answer.session_id if isinstance(answer, Admitted) else None

    def order(self, hosts: dict[str, int] | None = None) -> list[str]:
        """All that are admitted, one after the other."""
        return list(iter(lambda: self.start(hosts), None))

    def end(self, session_id: str) -> None:
        record = self.store.get(session_id)
        assert record is not None
        outcome = Outcome(id=session_id, state="failed")
        assert self.store.finish(session_id, record.attempt, outcome)

    def crash(self, session_id: str, due_in: float, *, keeps_place: bool) -> None:
        """The attempt is over; another one on the same host follows."""
        record = self.store.get(session_id)
        assert record is not None
        end = AttemptEnd(
            attempt=record.attempt,
            ended_at=self.clock(),
            cause=Cause(kind="exit", message="it fell"),
        )
        due = self.clock() + due_in
        assert self.store.requeue(
            session_id, end, due_at=due, only_host=record.host, keeps_place=keeps_place
        )

    def used(self, name: str) -> int:
        return self.store.admission().limits[name].used


@pytest.fixture(params=["memory", "redis"])
def fleet(request: pytest.FixtureRequest) -> Iterator[Fleet]:
    clock = ManualClock()
    if request.param == "memory":
        yield Fleet(MemoryStore(clock=clock), clock)
        return
    with contextlib.closing(connect(request.getfixturevalue("redis_url"))) as client:
        yield Fleet(RedisStore(client, clock=clock), clock)


def spec(**changes: object) -> SessionSpec:
    given: dict[str, object] = {
        "agent": "shell",
        "argv": ("true",),
        "workspace": DirectoryWorkspace(path="/srv/work"),
    }
    return SessionSpec.model_validate(given | changes)


class TestTurns:
    def test_the_oldest_of_an_owner_is_first(self, fleet: Fleet) -> None:
        """Sessions of one owner start in the order in which they came."""
        ids = [fleet.waiting() for _ in range(5)]
        assert fleet.order() == ids
        assert fleet.store.admit(ROOM) == Wait(None)

    def test_priority_goes_before_everything(self, fleet: Fleet) -> None:
        """0 before 9, whoever's it is and however long the others have waited."""
        last, first, middle = (fleet.waiting(priority=one) for one in (9, 0, 5))
        assert fleet.order() == [first, middle, last]

    def test_a_crowd_does_not_starve_the_few(self, fleet: Fleet) -> None:
        """One owner's many leave another's few as many turns as their own."""
        for _ in range(50):
            fleet.waiting(owner="ann")
        few = [fleet.waiting(owner="bob") for _ in range(5)]
        assert set(few) <= set(fleet.order()[:10])

    def test_shares_are_kept_to(self, fleet: Fleet) -> None:
        """While all have work waiting, an owner of twice the weight has twice the starts."""
        fleet.store.set_shares({"ann": 2.0, "bob": 0.5})
        owners = {
            fleet.waiting(owner=owner): owner for _ in range(40) for owner in ("ann", "bob", "cid")
        }
        starts = Counter(owners[fleet.start() or ""] for _ in range(35))
        assert starts == {"ann": 20, "bob": 5, "cid": 10}

    def test_who_comes_later_has_no_claim_on_the_past(self, fleet: Fleet) -> None:
        """An owner who was away gets every other turn, not all those that went by."""
        for _ in range(30):
            fleet.waiting(owner="ann")
        for _ in range(10):
            fleet.start()
        bobs = {fleet.waiting(owner="bob") for _ in range(10)}
        turns = [fleet.start() in bobs for _ in range(10)]
        assert turns.count(True) == 5

    def test_coming_back_at_once_gains_nothing(self, fleet: Fleet) -> None:
        """An owner whose sessions come one by one is not ahead of one whose wait together."""
        for _ in range(20):
            fleet.waiting(owner="ann")
        mine = 0
        for _ in range(10):
            bob = fleet.waiting(owner="bob")
            while fleet.start() != bob:
                mine += 1
        assert 9 <= mine <= 10

    def test_who_was_held_up_catches_up_a_little(self, fleet: Fleet) -> None:
        """After a long hindrance an owner's sessions do not shut out everybody else's."""
        fleet.store.set_limits({"one": Limit(owner="ann", concurrency=0)})
        anns = {fleet.waiting(owner="ann") for _ in range(150)}
        for _ in range(300):
            fleet.waiting(owner="bob")
        for _ in range(100):
            assert fleet.start() not in anns
        fleet.store.set_limits({"one": None})
        turns = [fleet.start() in anns for _ in range(100)]
        assert all(turns[: rules.CATCH_UP])
        assert turns[rules.CATCH_UP + 2 :].count(True) <= 34

    def test_the_held_up_keep_their_shares_among_themselves(self, fleet: Fleet) -> None:
        """Of owners who share a scarce limit each has its share of it, whatever else goes on."""
        fleet.store.set_limits({"scarce": Limit(agent="claude", concurrency=1)})
        fleet.store.set_shares({"ann": 3.0})
        owners = {
            fleet.waiting(agent="claude", task="x", owner=owner): owner
            for _ in range(30)
            for owner in ("ann", "bob")
        }
        busy = [fleet.waiting(owner="cid") for _ in range(1000)]
        starts: Counter[str] = Counter()
        for _ in range(20):
            for _ in range(40):
                got = fleet.start()
                if got in owners:
                    starts[owners[got]] += 1
                    held = got
            fleet.end(held)
        assert starts["ann"] + starts["bob"] == 20
        assert abs(starts["ann"] - 15) <= 1
        assert busy

    def test_priority_can_be_changed_while_it_waits(self, fleet: Fleet) -> None:
        """It is told in the record and in an event, and counts at once."""
        first, second = fleet.waiting(), fleet.waiting()
        assert fleet.store.prioritize(second, 2)
        record = fleet.store.get(second)
        assert record is not None
        assert record.spec.priority == 2
        assert fleet.store.events()[-1].kind == "session.prioritized"
        assert fleet.order() == [second, first]
        assert not fleet.store.prioritize(second, 1)
        assert not fleet.store.prioritize("nobody", 1)
        with pytest.raises(errors.UsageError, match="no priority"):
            fleet.store.prioritize(second, 10)

    def test_only_who_can_run_there_does(self, fleet: Fleet) -> None:
        """A session bound to a host waits for that one, and nobody waits behind it."""
        bound = fleet.waiting(host="b")
        free = fleet.waiting()
        assert fleet.order({"a": 5}) == [free]
        assert fleet.order({"a": 5, "b": 5}) == [bound]
        record = fleet.store.get(bound)
        assert record is not None
        assert record.host == "b"

    def test_the_emptiest_host_takes_it(self, fleet: Fleet) -> None:
        """And a full one takes none."""
        for _ in range(6):
            fleet.waiting()
        fleet.order({"a": 1, "b": 2, "c": 9})
        assert fleet.store.live_count("abc") == {"a": 1, "b": 2, "c": 3}

    def test_who_has_not_arrived_has_no_turn(self, fleet: Fleet) -> None:
        """A session whose message is for later waits for that first."""
        fleet.store.submit("later", spec())
        assert fleet.start() is None
        fleet.store.attach_request("later", {})
        assert fleet.start() == "later"

    def test_the_cancelled_have_no_turn(self, fleet: Fleet) -> None:
        """And the next of the same owner has it."""
        first, second = fleet.waiting(), fleet.waiting()
        fleet.store.request_cancel(first, "no")
        assert fleet.order() == [second]

    def test_turns_are_shown(self, fleet: Fleet) -> None:
        """Who waits, by priority and turn, with the weights that count."""
        fleet.store.set_shares({"bob": 4})
        anns = tuple(fleet.waiting(owner="ann") for _ in range(2))
        bob = fleet.waiting(owner="bob", priority=1)
        shown = fleet.store.admission().turns
        assert [(one.priority, one.owner, one.weight, one.sessions) for one in shown] == [
            (1, "bob", 4.0, (bob,)),
            (5, "ann", 1.0, anns),
        ]


class TestLimits:
    def test_a_full_limit_holds_up_its_own_alone(self, fleet: Fleet) -> None:
        """Those that it does not count go past, and its own go on as soon as one ends."""
        fleet.store.set_limits({"few": Limit(agent="claude", concurrency=2)})
        claude = [fleet.waiting(agent="claude", task="x") for _ in range(3)]
        other = fleet.waiting()
        assert fleet.order() == [*claude[:2], other]
        assert fleet.used("few") == 2
        fleet.end(claude[0])
        assert fleet.used("few") == 1
        assert fleet.order() == [claude[2]]

    @pytest.mark.parametrize(
        ("limit", "counted", "not_counted"),
        [
            ({"agent": "claude"}, {"agent": "claude", "task": "x"}, {}),
            ({"owner": "ann"}, {"owner": "ann"}, {"owner": "bob"}),
            ({"owner": "ü\udcff"}, {"owner": "ü\udcff"}, {"owner": "ü"}),
            ({"label": "team=a"}, {"labels": {"team": "a", "x": "y"}}, {"labels": {"team": "b"}}),
            ({"host": "a"}, {"host": "a"}, {"host": "b"}),
            ({}, {}, None),
        ],
    )
    def test_what_a_limit_counts(
        self,
        fleet: Fleet,
        limit: dict[str, str],
        counted: dict[str, object],
        not_counted: dict[str, object] | None,
    ) -> None:
        """Agent, owner, label and host; all sessions when nothing is named."""
        fleet.store.set_limits({"one": Limit(concurrency=1, **limit)})
        first, second = fleet.waiting(**counted), fleet.waiting(**counted)
        third = None if not_counted is None else fleet.waiting(**not_counted)
        hosts = {"a": 9, "b": 9}
        assert sorted(fleet.order(hosts)) == [first, *([third] if third else [])]
        fleet.end(first)
        assert fleet.order(hosts) == [second]

    def test_several_limits_all_need_room(self, fleet: Fleet) -> None:
        """A session that two limits count takes a place in both or in neither."""
        fleet.store.set_limits(
            {"wide": Limit(concurrency=3), "own": Limit(owner="a", concurrency=1)}
        )
        first, second = fleet.waiting(owner="a"), fleet.waiting(owner="a")
        others = [fleet.waiting(owner="b") for _ in range(3)]
        assert sorted(fleet.order()) == sorted([first, *others[:2]])
        assert (fleet.used("wide"), fleet.used("own")) == (3, 1)
        fleet.end(others[0])
        assert fleet.start() == others[2]
        fleet.end(first)
        assert fleet.start() == second

    def test_a_limit_of_none_admits_nobody(self, fleet: Fleet) -> None:
        """Until it is removed or raised."""
        fleet.store.set_limits({"stop": Limit(concurrency=0)})
        first = fleet.waiting()
        assert fleet.start() is None
        fleet.store.set_limits({"stop": Limit(concurrency=1)})
        assert fleet.start() == first
        fleet.store.set_limits({"stop": None})
        assert fleet.store.admission().limits == {}

    def test_a_new_limit_counts_who_runs_already(self, fleet: Fleet) -> None:
        """It ends none of them, and lets nobody in until they are few enough."""
        running = [fleet.waiting() for _ in range(3)]
        fleet.order()
        fleet.store.set_limits({"late": Limit(concurrency=2)})
        assert fleet.used("late") == 3
        late = fleet.waiting()
        fleet.end(running[0])
        assert fleet.start() is None
        fleet.end(running[1])
        assert fleet.start() == late

    def test_a_label_limit_tells_apart_who_waits_already(self, fleet: Fleet) -> None:
        """Sessions that stood in one line do not hold each other up once a limit divides them."""
        red = [fleet.waiting(labels={"team": "red"}) for _ in range(3)]
        blue = fleet.waiting(labels={"team": "blue"})
        fleet.store.set_limits({"reds": Limit(label="team=red", concurrency=1)})
        assert fleet.order() == [red[0], blue]
        fleet.store.set_limits({"reds": None})
        assert fleet.order() == red[1:]

    def test_straight_to_a_host_it_counts_too(self, fleet: Fleet) -> None:
        """A session submitted for a host waits when a limit is full."""
        fleet.store.set_limits({"one": Limit(concurrency=1)})
        assert fleet.store.submit("x", spec(), host="a").state is State.ASSIGNED
        assert fleet.store.submit("y", spec(), host="a").state is State.QUEUED
        assert fleet.store.assign("y", "a") is None
        assert fleet.used("one") == 1
        fleet.end("x")
        assert fleet.store.assign("y", "a") == 1

    def test_what_runs_already_is_counted_and_not_refused(self, fleet: Fleet) -> None:
        """What a host began while the store was away is over no limit less for being refused."""
        fleet.store.set_limits({"one": Limit(concurrency=1)})
        first, second = fleet.waiting(), fleet.waiting()
        assert fleet.start() == first
        assert fleet.store.assign(second, "a", capacity=1) is None
        assert fleet.store.assign(second, "a", capacity=1, begun=True) == 1
        assert fleet.used("one") == 2
        assert fleet.store.assign(second, "a", begun=True) is None
        fleet.end(first)
        assert fleet.used("one") == 1

    def test_straight_to_a_host_nobody_is_overtaken(self, fleet: Fleet) -> None:
        """But those that could not start there anyway."""
        fleet.store.set_limits({"claude": Limit(agent="claude", concurrency=0)})
        fleet.waiting(agent="claude", task="x")
        assert fleet.store.submit("x", spec(), host="a").state is State.ASSIGNED
        waits = fleet.waiting()
        assert fleet.store.submit("y", spec(), host="a").state is State.QUEUED
        assert fleet.store.submit("z", spec(priority=0), host="a").state is State.ASSIGNED
        assert fleet.start() == waits

    def test_giving_back_twice_is_once(self, fleet: Fleet) -> None:
        """Ends and returns to the queue free one place each, however often they are told."""
        fleet.store.set_limits({"two": Limit(concurrency=2)})
        first, second, third = (fleet.waiting() for _ in range(3))
        fleet.order()
        assert fleet.store.move(first, 1, State.QUEUED)
        assert not fleet.store.move(first, 1, State.QUEUED)
        assert fleet.used("two") == 1
        assert fleet.start() == first
        fleet.end(second)
        assert not fleet.store.finish(second, 1, Outcome(id=second, state="failed"))
        fleet.store.request_cancel(second, "late")
        assert fleet.used("two") == 1
        assert fleet.start() == third
        assert fleet.used("two") == 2

    def test_a_rate_lets_a_burst_through_and_no_more(self, fleet: Fleet) -> None:
        """And says in how many seconds the next may start."""
        fleet.store.set_limits({"slow": Limit(rate=0.01, burst=3)})
        ids = [fleet.waiting() for _ in range(4)]
        # the clock that counts is the store's own: for the one in memory, this one
        answers = [fleet.store.admit(ROOM) for _ in range(4)]
        assert [one.session_id for one in answers[:3] if isinstance(one, Admitted)] == ids[:3]
        assert isinstance(answers[3], Wait)
        assert answers[3].seconds == pytest.approx(100, abs=5)
        for session_id in ids[:3]:
            fleet.end(session_id)
        assert fleet.start() is None
        assert fleet.store.admission().limits["slow"].ready_in == pytest.approx(100, abs=5)

    def test_a_rate_goes_on_in_time(self, fleet: Fleet) -> None:
        """One by one, as fast as it says."""
        fleet.store.set_limits({"quick": Limit(rate=50, burst=1)})
        ids = [fleet.waiting() for _ in range(5)]
        started: list[str] = []
        for _ in range(10_000):
            answer = fleet.store.admit(ROOM)
            if isinstance(answer, Admitted):
                started.append(answer.session_id)
            elif answer.seconds is None:
                break
            else:
                assert answer.seconds <= 0.02
                fleet.clock.advance(0.001)
        assert started == ids

    def test_the_configuration_has_the_last_word_only_when_it_changes(self, fleet: Fleet) -> None:
        """What somebody set since stays, until the configuration says something else."""
        store = fleet.store
        few, many = Limit(concurrency=1), Limit(concurrency=9)
        assert not store.configure("h", {}, {})
        assert store.configure("h", {"l": few, "k": few}, {"ann": 2})
        assert not store.configure("h", {"k": few, "l": few}, {"ann": 2.0})
        store.set_limits({"l": many})
        assert not store.configure("h", {"l": few, "k": few}, {"ann": 2})
        assert store.admission().limits["l"].limit == many
        assert store.configure("other", {"m": few}, {})
        assert store.configure("h", {"l": few, "k": many}, {})
        found = store.admission()
        assert {name: one.limit for name, one in found.limits.items()} == {
            "l": many,
            "k": many,
            "m": few,
        }
        assert found.shares == {}
        assert store.configure("h", {}, {})
        assert set(store.admission().limits) == {"l", "m"}


class TestRestarts:
    def test_a_kept_place_is_nobodys_else(self, fleet: Fleet) -> None:
        """It goes on being counted, and is its session's as soon as that is due."""
        fleet.store.set_limits({"one": Limit(concurrency=1)})
        first, second = fleet.waiting(), fleet.waiting()
        assert fleet.start({"a": 1}) == first
        fleet.crash(first, 10, keeps_place=True)
        assert fleet.used("one") == 1
        assert fleet.store.live_count(["a"]) == {"a": 1}
        assert fleet.start({"a": 1}) is None
        assert fleet.store.admit({"a": 1}) == Wait(10.0)
        fleet.clock.advance(10)
        assert fleet.start({"a": 1}) == first
        fleet.end(first)
        assert fleet.start({"a": 1}) == second

    def test_a_kept_place_is_taken_again_by_its_host(self, fleet: Fleet) -> None:
        """A host that begins it itself needs no turn and no room."""
        fleet.store.set_limits({"one": Limit(concurrency=1, rate=0.001)})
        first = fleet.waiting()
        assert fleet.start({"a": 1}) == first
        fleet.crash(first, 0, keeps_place=True)
        assert fleet.store.assign(first, "a", capacity=1) == 2
        assert fleet.used("one") == 1

    def test_a_place_that_is_not_kept_is_free(self, fleet: Fleet) -> None:
        """Parked until its time, a session lets others go on, and then waits for its turn."""
        first, second = fleet.waiting(), fleet.waiting()
        assert fleet.start({"a": 1}) == first
        fleet.crash(first, 100, keeps_place=False)
        assert fleet.start({"a": 1}) == second
        fleet.clock.advance(100)
        assert fleet.start({"a": 1}) is None
        fleet.end(second)
        assert fleet.start({"a": 1}) == first

    def test_a_kept_place_ends_with_its_session(self, fleet: Fleet) -> None:
        """Killed while it waits for its next attempt, it leaves nothing counted."""
        fleet.store.set_limits({"one": Limit(concurrency=1)})
        first = fleet.waiting()
        fleet.start()
        fleet.crash(first, 10, keeps_place=True)
        fleet.store.request_cancel(first, "enough")
        assert fleet.used("one") == 0
        assert fleet.store.live_count(["a"]) == {"a": 0}

    def test_a_host_that_is_away_keeps_nobody_waiting(self, fleet: Fleet) -> None:
        """Sessions whose place it keeps are looked at again later; the rest goes on."""
        first, second = fleet.waiting(), fleet.waiting()
        assert fleet.start({"a": 1}) == first
        fleet.crash(first, 0, keeps_place=True)
        assert fleet.start({"b": 1}) == second
        fleet.clock.advance(rules.AGAIN)
        assert fleet.start({"a": 1}) == first


class TestExhausted:
    def test_nobody_of_an_exhausted_account_starts(self, fleet: Fleet) -> None:
        """Until it is renewed; all others do."""
        until = fleet.clock() + 100
        fleet.store.exhaust("claude", until)
        claude = fleet.waiting(agent="claude", task="x")
        elsewhere = fleet.waiting(agent="claude", task="x", provider="ollama")
        other = fleet.waiting()
        assert fleet.order() == [elsewhere, other]
        assert fleet.store.admission().exhausted == {"claude": until}
        answer = fleet.store.admit(ROOM)
        assert isinstance(answer, Wait)
        assert answer.seconds == pytest.approx(until - fleet.clock())
        assert fleet.store.assign(claude, "a") is None
        fleet.clock.advance(100)
        assert fleet.start() == claude
        assert fleet.store.admission().exhausted == {}

    def test_the_latest_time_counts_until_somebody_knows_better(self, fleet: Fleet) -> None:
        """Told twice, the account is closed until the later time; it can be opened by hand."""
        now = fleet.clock()
        fleet.store.exhaust("shell", now + 100)
        fleet.store.exhaust("shell", now + 50)
        assert fleet.store.admission().exhausted == {"shell": now + 100}
        first = fleet.waiting()
        assert fleet.start() is None
        fleet.store.exhaust("shell", None)
        assert fleet.start() == first


def test_another_agent_takes_over(fleet: Fleet) -> None:
    """A session that waits is another agent's from then on, to limits and accounts, too."""
    store = fleet.store
    store.exhaust("claude", fleet.clock() + 1000)
    store.set_limits({"codex": Limit(agent="codex", concurrency=1)})
    first, second = (fleet.waiting(agent="claude", task="x", env={"K": "v"}) for _ in range(2))
    assert fleet.order() == []
    assert store.redirect(first, "codex")
    assert store.redirect(second, "codex")
    assert fleet.order() == [first]
    assert fleet.used("codex") == 1
    record = store.get(first)
    assert record is not None
    assert (record.spec.agent, record.spec.env, record.spec.task) == ("codex", {"K": "v"}, "x")
    redirected = [event for event in store.events() if event.kind == "session.redirected"]
    assert redirected[0].data == {"agent": "codex", "instead_of": "claude"}
    assert not store.redirect(first, "claude")
    assert not store.redirect("nobody", "claude")
    fleet.end(first)
    assert fleet.order() == [second]


def test_racing_workers_never_pass_a_limit(fleet: Fleet) -> None:
    """Ten at once admit and end sessions; at no event are there more than allowed."""
    store = fleet.store
    store.set_limits({"five": Limit(concurrency=5), "ann": Limit(owner="ann", concurrency=2)})
    for number in range(120):
        fleet.waiting(owner="ann" if number % 2 else "bob")
    gate = threading.Barrier(10, timeout=10)

    def work(_: int) -> int:
        gate.wait()
        count = 0
        while store.queued(1):
            answer = store.admit({"a": 4, "b": 4})
            if isinstance(answer, Admitted):
                count += 1
                outcome = Outcome(id=answer.session_id, state="succeeded")
                store.move(answer.session_id, 1, State.STARTING)
                assert store.finish(answer.session_id, 1, outcome)
        return count

    with ThreadPoolExecutor(10) as pool:
        assert sum(pool.map(work, range(10))) == 120
    running: dict[str, str] = {}
    owners = {record.id: record.spec.owner for record in store.list()}
    most: Counter[str] = Counter()
    for event in store.events(limit=10_000):
        if event.kind == "session.assigned":
            running[event.session] = event.host or ""
        elif event.kind == "session.succeeded":
            del running[event.session]
        anns = sum(owners[one] == "ann" for one in running)
        hosts = Counter(running.values())
        now = {"all": len(running), "ann": anns, "host": max(hosts.values(), default=0)}
        most = Counter({name: max(most[name], count) for name, count in now.items()})
    assert most["all"] <= 5
    assert most["ann"] <= 2
    assert most["host"] <= 4
    assert store.admission().turns == ()
