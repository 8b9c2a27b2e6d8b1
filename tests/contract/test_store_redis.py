"""What only Redis can get wrong: keys' lives, lost servers, records of other versions."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from coders_queue import errors
from coders_queue.clock import ManualClock
from coders_queue.models.activity import Activity
from coders_queue.models.admission import Admitted, Wait
from coders_queue.models.approval import Answer, Approval
from coders_queue.models.flow import FlowRecord, Resumed
from coders_queue.models.lifecycle import State
from coders_queue.models.outcome import Cause, Outcome
from coders_queue.models.restart import AttemptEnd
from coders_queue.models.spec import DirectoryWorkspace, SessionSpec
from coders_queue.store.base import Store
from coders_queue.store.codec import NEWER_LABEL
from coders_queue.store.connect import Client, connect
from coders_queue.store.keys import Keys
from coders_queue.store.open import open_store
from coders_queue.store.redis import RedisStore
from support.heartbeats import announce

KEYS = Keys()
SPEC = SessionSpec(
    agent="shell",
    argv=("true",),
    name="job",
    owner="ann",
    env={"K": "secret"},
    workspace=DirectoryWorkspace(path="/srv"),
)
APPROVAL = Approval(
    id="a",
    session="s",
    attempt=1,
    host="h",
    owner="ann",
    agent="claude",
    kind="ask",
    text="what?",
    since=1.0,
)
ANSWER = Answer(token="t", text="x", by="person:ann", at=1.0)
FLOW = FlowRecord(id="f", name="f", owner="ann", submission="{}", created_at=1.0)
#: Seconds the server may take to answer, in tests in which it does not.
LIMIT = 0.3
#: Seconds after which such a test has failed.
BOUND = 3.0


@pytest.fixture
def client(redis_url: str) -> Iterator[Client]:
    with contextlib.closing(connect(redis_url)) as made:
        yield made


@pytest.fixture
def store(client: Client) -> RedisStore:
    return RedisStore(client)


class TestKeys:
    def test_a_whole_life_leaves_nothing_for_ever(self, client: Client) -> None:
        """Once settled, expired and trimmed, a session leaves only the event stream, and for an
        hour the time at which its place became free."""
        store = RedisStore(client, retention=0.05)
        store.submit("s", SPEC, host="h")
        store.attach_request("s", {"a": 1})
        store.finish("s", 1, Outcome(id="s", state="failed"))
        store.settle("s")
        deadline = time.monotonic() + 10
        while client.exists(KEYS.session("s")):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert store.trim() == 1
        assert 0 < client.ttl(KEYS.freed) <= 3600
        assert set(client.keys("*")) == {KEYS.events, KEYS.freed}

    def test_the_leak_check_finds_leaks(
        self, client: Client, leaks: Callable[[Client], list[str]]
    ) -> None:
        """A key of nobody's and the record of a settled session without TTL are both leaks."""
        store = RedisStore(client)
        store.submit("s", SPEC, host="h")
        assert leaks(client) == []
        client.set("cq:stray", "x")
        store.finish("s", 1, Outcome(id="s", state="failed"))
        store.settle("s")
        client.persist(KEYS.session("s"))
        assert leaks(client) == [KEYS.session("s"), "cq:stray"]
        client.delete("cq:stray", KEYS.session("s"))

    def test_nobody_who_waits_is_forgotten(self, client: Client, store: RedisStore) -> None:
        """A session that an older version left in the queue stands in line after the next trim."""
        store.submit("old", SPEC)
        client.hset(KEYS.session("old"), "request", "{}")
        client.hdel(KEYS.session("old"), "claim", "priority")
        store.submit("later", SPEC.model_copy(update={"name": None}))
        assert store.admit({"h": 9}) == Wait(None)
        store.trim()
        assert store.admit({"h": 9}) == Admitted("old", "h", 1)
        assert store.admit({"h": 9}) == Wait(None)

    def test_everything_else_has_a_time_to_live(self, client: Client, store: RedisStore) -> None:
        """Leases, hosts and chords go by themselves."""
        store.acquire_lease("l", "me", 5)
        announce(store, "h", {}, 60)
        announce(store, "h2", {}, 5)
        store.watch_chord("body", "member")
        seconds = {key: round(client.pttl(key) / 1000) for key in client.keys("*")}
        week = 7 * 24 * 3600
        assert seconds == {
            KEYS.lease("l"): 5,
            KEYS.hosts: 60,
            KEYS.host("h"): 60,
            KEYS.host("h2"): 5,
            KEYS.health("h"): 24 * 3600,
            KEYS.health("h2"): 24 * 3600,
            KEYS.heard: 24 * 3600,
            KEYS.chords: week,
            KEYS.chord_members: week,
        }

    def test_leases_run_out(self, store: RedisStore) -> None:
        """A lease that is not renewed is free after its time, on the server's clock."""
        assert store.acquire_lease("l", "one", 0.2)
        assert store.acquire_lease("l", "one", 0.05)
        deadline = time.monotonic() + 10
        while not store.acquire_lease("l", "two", 60):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert store.lease_holder("l") == "two"

    def test_hosts_that_fall_silent_go(self, client: Client, store: RedisStore) -> None:
        """A host not announced again is not listed, and the next announcement drops its name."""
        announce(store, "gone", {}, 0.05)
        announce(store, "here", {}, 60)
        deadline = time.monotonic() + 10
        while store.hosts().keys() != {"here"}:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        announce(store, "here", {}, 60)
        assert client.smembers(KEYS.hosts) == {"here"}

    def test_prefixes_part_installations(self, client: Client) -> None:
        """Two prefixes on one server see nothing of each other."""
        one = RedisStore(client, keys=Keys("one:"))
        two = RedisStore(client, keys=Keys("two:"))
        one.submit("s", SPEC)
        assert two.get("s") is None
        assert two.list() == []
        two.submit("t", SPEC)
        assert one.resolve("job") == "s"
        assert {key.partition(":")[0] for key in client.keys("*")} == {"one", "two"}

    def test_the_stream_is_bounded(self, client: Client) -> None:
        """Old events go when the stream is at its length, about."""
        store = RedisStore(client, max_events=100)
        for number in range(1000):
            store.record_event("s", 0, f"k{number}")
        assert 100 <= client.xlen(KEYS.events) < 400
        assert store.events("0-0", limit=2000)[-1].kind == "k999"

    def test_secrets_are_gone_from_the_server(self, client: Client, store: RedisStore) -> None:
        """After the end no field of the record holds a value of the environment."""
        store.submit("s", SPEC, host="h")
        assert "secret" in str(client.hgetall(KEYS.session("s")))
        store.finish("s", 1, Outcome(id="s", state="failed"))
        assert "secret" not in str(client.hgetall(KEYS.session("s")))

    def test_lists_fetch_no_requests(self, client: Client, store: RedisStore) -> None:
        """A list does not even ask the server for what it does not show."""
        store.submit("s", SPEC, inputs=["i"], publish={"p": 1})
        store.attach_request("s", {"r": 1})
        with client.monitor() as monitor:
            store.list(owner="ann")
            client.echo("over")
            seen = []
            while "over" not in (command := monitor.next_command()["command"]):
                seen.append(command)
        reads = [command for command in seen if command.startswith("HMGET")]
        assert reads
        assert not any(
            word in command.split()
            for command in reads
            for word in ("request", "inputs", "publish")
        )


class TestOtherVersions:
    @pytest.mark.parametrize(
        ("field", "text", "said"),
        [
            ("state", "paused", "'paused'"),
            ("spec", "not json", "spec"),
            ("pid", '"x"', "pid"),
            ("archived", "1,x", "archived"),
        ],
    )
    def test_a_record_that_cannot_be_read(
        self, client: Client, store: RedisStore, field: str, text: str, said: str
    ) -> None:
        """get() refuses it in one line with a hint; a list shows the rest and says what is off."""
        store.submit("s", SPEC, host="h")
        store.submit("t", SPEC.model_copy(update={"name": "other"}))
        client.hset(KEYS.session("s"), field, text)
        with pytest.raises(errors.Conflict, match="upgrade") as caught:
            store.get("s")
        assert "\n" not in str(caught.value)
        assert said in caught.value.message
        shown = {record.id: record for record in store.list(live=True)}
        assert shown.keys() == {"s", "t"}
        assert said.strip("'") in shown["s"].spec.labels[NEWER_LABEL]
        assert NEWER_LABEL not in shown["t"].spec.labels
        assert shown["s"].host == "h"
        assert store.get_many(["s"]) == {"s": shown["s"]}

    @pytest.mark.parametrize(
        "change",
        [
            {"urgency": 7},
            {"mode": "swarm"},
            {"workspace": {"type": "container", "image": "x"}},
            {"workspace": {"type": "directory", "path": "/srv", "mount": "ro"}},
            {"workspace": {"type": "directory"}},
            {"argv": 5},
            {"urgency": 7, "mode": "swarm", "columns": "wide", "labels": 1},
        ],
    )
    def test_a_specification_with_more_in_it(
        self, client: Client, store: RedisStore, change: dict[str, Any]
    ) -> None:
        """Unknown words in a specification are left out of lists; the others are shown."""
        store.submit("s", SPEC)
        text = json.loads(client.hget(KEYS.session("s"), "spec"))
        client.hset(KEYS.session("s"), "spec", json.dumps(text | change))
        with pytest.raises(errors.Conflict):
            store.get("s")
        [shown] = store.list(owner="ann")
        assert shown.state is State.QUEUED
        assert (shown.spec.name, shown.spec.owner, shown.spec.env) == (
            "job",
            "ann",
            {"K": "secret"},
        )
        for word in change:
            assert word in shown.spec.labels[NEWER_LABEL]

    def test_an_unknown_state_is_never_written_over(
        self, client: Client, store: RedisStore
    ) -> None:
        """What a list shows in its place is not what the lifecycle table is asked about."""
        store.submit("s", SPEC, host="h")
        client.hset(KEYS.session("s"), "state", "paused")
        [shown] = store.list(host="h")
        assert shown.state is State.RUNNING
        assert not store.move("s", 1, State.QUEUED)
        assert not store.finish("s", 1, Outcome(id="s", state="failed"))
        assert store.assign("s", "h") is None
        assert not store.settle("s")
        assert client.hget(KEYS.session("s"), "state") == "paused"

    def test_an_unknown_end_is_shown_as_failed(self, client: Client, store: RedisStore) -> None:
        """Of an outcome in words not known here, the time of end is shown."""
        store.submit("s", SPEC, host="h")
        store.finish("s", 1, Outcome(id="s", state="failed", ended_at=5.0))
        key = KEYS.session("s")
        client.hset(
            key, mapping={"state": "evaporated", "outcome": '{"id":"s","state":"evaporated"}'}
        )
        [shown] = store.unsettled()
        assert (shown.state, shown.ended_at, shown.outcome) == (State.FAILED, 5.0, None)
        assert [record.id for record in store.list(live=False)] == ["s"]

    def test_a_further_field_is_no_trouble(self, client: Client, store: RedisStore) -> None:
        """Fields that a newer version adds beside ours are let be."""
        record = store.submit("s", SPEC)
        client.hset(KEYS.session("s"), "mood", '"sunny"')
        assert store.get("s") == record

    def test_an_event_that_cannot_be_read(self, client: Client, store: RedisStore) -> None:
        """An event without what events have is a Conflict that names it."""
        event_id = client.xadd(KEYS.events, {"session": "s"})
        with pytest.raises(errors.Conflict, match=event_id):
            store.events()


#: Every method that asks the server something.
END = AttemptEnd(attempt=1, ended_at=1.0, cause=Cause(kind="lost", message="gone"))
ACTIVITY = Activity(doing="idle", since=1.0, progress_at=1.0)
COMMANDS: dict[str, Callable[[Store], object]] = {
    "submit": lambda store: store.submit("s", SPEC),
    "attach_request": lambda store: store.attach_request("s", {}),
    "assign": lambda store: store.assign("s", "h"),
    "admit": lambda store: store.admit({"h": 1}),
    "prioritize": lambda store: store.prioritize("s", 1),
    "redirect": lambda store: store.redirect("s", "claude"),
    "set_limits": lambda store: store.set_limits({"l": None}),
    "set_shares": lambda store: store.set_shares({"o": 1}),
    "configure": lambda store: store.configure("h", {}, {}),
    "exhaust": lambda store: store.exhaust("a", 1),
    "admission": lambda store: store.admission(),
    "move": lambda store: store.move("s", 1, State.STARTING),
    "requeue": lambda store: store.requeue("s", END),
    "note_activity": lambda store: store.note_activity("s", 1, ACTIVITY),
    "request_cancel": lambda store: store.request_cancel("s", "why"),
    "finish": lambda store: store.finish("s", 1, Outcome(id="s", state="failed")),
    "settle": lambda store: store.settle("s"),
    "mark_archived": lambda store: store.mark_archived("s", 1),
    "get": lambda store: store.get("s"),
    "get_many": lambda store: store.get_many(["s"]),
    "list": lambda store: store.list(),
    "resolve": lambda store: store.resolve("s"),
    "queued": lambda store: store.queued(),
    "unsettled": lambda store: store.unsettled(),
    "record_event": lambda store: store.record_event("s", 1, "k"),
    "last_event_id": lambda store: store.last_event_id(),
    "events": lambda store: store.events(),
    "events, waiting": lambda store: store.events(block=30),
    "acquire_lease": lambda store: store.acquire_lease("l", "me", 1),
    "release_lease": lambda store: store.release_lease("l", "me"),
    "lease_holder": lambda store: store.lease_holder("l"),
    "quorum_rest": lambda store: store.quorum_rest("g"),
    "quorums": lambda store: store.quorums(),
    "beat": lambda store: announce(store, "h", {}, 1),
    "health": lambda store: store.health(),
    "hosts": lambda store: store.hosts(),
    "live_count": lambda store: store.live_count(["h"]),
    "watch_chord": lambda store: store.watch_chord("b", "m"),
    "watched_chords": lambda store: store.watched_chords(0),
    "unwatch_chord": lambda store: store.unwatch_chord("b"),
    "trim": lambda store: store.trim(),
    "ping": lambda store: store.ping(),
    "flows.submit": lambda store: store.flows.submit(FLOW),
    "flows.get": lambda store: store.flows.get("f"),
    "flows.list": lambda store: store.flows.list(live=True),
    "flows.entries": lambda store: store.flows.entries("f"),
    "flows.append": lambda store: store.flows.append("f", Resumed()),
    "flows.finish": lambda store: store.flows.finish("f", "failed", None, None, expect=0),
    "flows.resume": lambda store: store.flows.resume("f"),
    "context.put": lambda store: store.context.put("team:t", "k", "x", author="person:a"),
    "context.remove": lambda store: store.context.remove("team:t", "k", author="person:a"),
    "context.get": lambda store: store.context.get("team:t", "k"),
    "context.entries": lambda store: store.context.entries("team:t"),
    "context.history": lambda store: store.context.history("team:t"),
    "context.spaces": lambda store: store.context.spaces(),
    "context.expire": lambda store: store.context.expire("team:t", 1.0),
    "context.drop": lambda store: store.context.drop("team:t"),
    "approvals.open": lambda store: store.approvals.open(APPROVAL),
    "approvals.claim": lambda store: store.approvals.claim("a", ANSWER),
    "approvals.begin": lambda store: store.approvals.begin("a", "t"),
    "approvals.settle": lambda store: store.approvals.settle("a", "t"),
    "approvals.fail": lambda store: store.approvals.fail("a", "t", "x"),
    "approvals.withdraw": lambda store: store.approvals.withdraw("a", "t", "x"),
    "approvals.close": lambda store: store.approvals.close("a"),
    "approvals.get": lambda store: store.approvals.get("a"),
    "approvals.list": lambda store: store.approvals.list(),
    "approvals.find": lambda store: store.approvals.find("abcd"),
    "families.adopt": lambda store: store.families.adopt("p", "c", 1),
    "families.disown": lambda store: store.families.disown("p", "c"),
    "families.children": lambda store: store.families.children("p"),
    "rules.begin": lambda store: store.rules.begin("r", "0-0"),
    "rules.take": lambda store: store.rules.take("r", 1.0, 1, outward=True),
    "rules.job": lambda store: store.rules.job("r", "j"),
    "rules.report": lambda store: store.rules.report("r"),
    "rules.forgotten": lambda store: store.rules.forgotten("1-0"),
    "mailboxes.send": lambda store: store.mailboxes.send("person:a", "person:b", "x"),
    "mailboxes.take": lambda store: store.mailboxes.take("person:a", "r", 1),
    "mailboxes.acknowledge": lambda store: store.mailboxes.acknowledge("person:a", "r", ["1-0"]),
    "mailboxes.waiting": lambda store: store.mailboxes.waiting("person:a"),
    "mailboxes.dead": lambda store: store.mailboxes.dead("person:a"),
    "mailboxes.addresses": lambda store: store.mailboxes.addresses(),
    "mailboxes.tidy": lambda store: store.mailboxes.tidy("person:a"),
}


def test_the_list_of_commands_is_whole() -> None:
    """Each method of the contract is tried against servers that do not answer."""
    methods = {name for name in vars(Store) if not name.startswith("_")} - {"close"}
    # (what the store keeps besides sessions has commands of its own)
    named = {name.partition(",")[0].partition(".")[0] for name in COMMANDS}
    assert named == methods


@pytest.fixture(scope="module", params=["tcp", "unix"])
def black_hole(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The URL of a socket that takes connections and never answers; with a password in it."""
    family = socket.AF_INET if request.param == "tcp" else socket.AF_UNIX
    with socket.socket(family, socket.SOCK_STREAM) as listening:
        if request.param == "tcp":
            listening.bind(("127.0.0.1", 0))
            url = f"redis://user:hunter2@127.0.0.1:{listening.getsockname()[1]}/3"
        else:
            path = tmp_path_factory.mktemp("hole") / "s"
            listening.bind(str(path))
            url = f"redis+socket://:hunter2@{path}?virtual_host=3"
        listening.listen(128)
        yield url


def unavailable_in_time(store: Store, command: str) -> errors.Unavailable:
    """The error that the command ends in, at once or after the time limit."""
    before = time.monotonic()
    with pytest.raises(errors.Unavailable) as caught:
        COMMANDS[command](store)
    assert time.monotonic() - before < BOUND
    assert "\n" not in str(caught.value)
    return caught.value


class TestLostServers:
    @pytest.mark.parametrize("command", COMMANDS)
    def test_a_black_hole(self, black_hole: str, command: str) -> None:
        """A server that never answers is Unavailable within the time limit, its password hidden."""
        with contextlib.closing(open_store(black_hole, socket_timeout=LIMIT)) as store:
            error = unavailable_in_time(store, command)
        assert "did not answer in 0.3 s" in error.message
        assert "hunter2" not in str(error)

    @pytest.mark.parametrize("command", COMMANDS)
    def test_nobody_there(self, tmp_path: Path, command: str) -> None:
        """A socket that does not exist is Unavailable at once, its path named."""
        url = f"redis+socket://{tmp_path}/none?virtual_host=0"
        with contextlib.closing(open_store(url)) as store:
            error = unavailable_in_time(store, command)
        assert f"{tmp_path}/none" in error.message

    def test_a_closed_port_or_unknown_name(self) -> None:
        """A refused connection and a name that does not resolve are Unavailable."""
        with socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))
            port = bound.getsockname()[1]
            for place in (f"127.0.0.1:{port}", "no-such-host.invalid:6379"):
                with contextlib.closing(open_store(f"redis://{place}/0")) as store:
                    assert place in unavailable_in_time(store, "ping").message

    def test_a_frozen_server(self, own_redis_server: Any) -> None:
        """Frozen, a server that had answered is Unavailable; it goes on where it was."""
        url = own_redis_server.url
        with contextlib.closing(open_store(url, socket_timeout=LIMIT)) as store:
            store.submit("s", SPEC)
            own_redis_server.pause()
            for command in ("assign", "list", "events, waiting", "ping"):
                unavailable_in_time(store, command)
            own_redis_server.resume()
            assert store.get("s") is not None

    @pytest.mark.parametrize("how", ["stop", "kill"])
    def test_a_restarted_server(self, own_redis_server: Any, how: str) -> None:
        """After a restart the first command works, scripts too, and records are there."""
        with contextlib.closing(open_store(own_redis_server.url)) as store:
            store.submit("s", SPEC)
            getattr(own_redis_server, how)()
            unavailable_in_time(store, "get")
            own_redis_server.start()
            assert store.assign("s", "h") == 1
            own_redis_server.stop()
            own_redis_server.start()
            assert store.move("s", 1, State.STARTING)

    def test_a_long_wait_is_no_silence(self, redis_url: str) -> None:
        """Waiting for events longer than the time limit is not taken for a lost server."""
        with contextlib.closing(open_store(redis_url, socket_timeout=LIMIT)) as store:
            assert store.events(block=3 * LIMIT) == []

    def test_a_server_lost_while_waiting(self, own_redis_server: Any) -> None:
        """A reader waiting for events learns of the server's death."""
        with contextlib.closing(open_store(own_redis_server.url)) as store:
            caught: list[Exception] = []

            def follow() -> None:
                try:
                    store.events(block=60)
                except errors.Unavailable as error:
                    caught.append(error)

            thread = threading.Thread(target=follow)
            thread.start()
            own_redis_server.kill()
            thread.join(BOUND)
            assert not thread.is_alive()
            assert len(caught) == 1

    def test_forgotten_scripts_are_taught_again(self, client: Client, store: RedisStore) -> None:
        """A server that lost its scripts gets them again, unseen."""
        store.submit("s", SPEC)
        client.script_flush()
        assert store.assign("s", "h") == 1

    def test_a_wrong_password(self, own_redis_server: Any) -> None:
        """Missing or wrong credentials are Unavailable, and not shown."""
        url = own_redis_server.url
        with contextlib.closing(connect(url)) as client:
            client.config_set("requirepass", "right")
        for wrong in (url, url.replace("://", "://:hunter2@")):
            with contextlib.closing(open_store(wrong)) as store:
                error = unavailable_in_time(store, "ping")
                assert "hunter2" not in str(error)
                unavailable_in_time(store, "submit")
        with contextlib.closing(open_store(url.replace("://", "://:right@"))) as store:
            store.submit("s", SPEC)

    @pytest.mark.parametrize(
        ("setting", "value"), [("maxmemory", "1"), ("min-replicas-to-write", "1")]
    )
    def test_a_server_that_takes_no_writes(
        self, own_redis_server: Any, setting: str, value: str
    ) -> None:
        """A full or read-only server is Unavailable to a write, and the reason is given."""
        with contextlib.closing(connect(own_redis_server.url)) as client:
            client.config_set(setting, value)
        with contextlib.closing(open_store(own_redis_server.url)) as store:
            error = unavailable_in_time(store, "submit")
            assert "cannot serve this" in error.message
            unavailable_in_time(store, "watch_chord")
            assert store.get("s") is None

    def test_no_complaint_of_the_server_leaks(self, client: Client, store: RedisStore) -> None:
        """Anything else that the server refuses is an error of ours, in one line."""
        client.set(KEYS.session("s"), "not a hash", ex=60)
        client.set(KEYS.live, "not a sorted set", ex=60)
        for command in ("get", "list", "assign", "trim", "get_many"):
            if command == "trim":
                client.set(KEYS.ids, "not a sorted set", ex=60)
            with pytest.raises(errors.CodersError, match="WRONGTYPE") as caught:
                COMMANDS[command](store)
            assert "\n" not in str(caught.value)
        client.flushall()


def test_two_clients_two_clocks(client: Client) -> None:
    """Times in a record are those of the writers' clocks."""
    early = RedisStore(client, clock=ManualClock(100.0))
    late = RedisStore(client, clock=ManualClock(200.0))
    early.submit("s", SPEC)
    late.assign("s", "h")
    record = early.get("s")
    assert record is not None
    assert (record.created_at, record.assigned_at) == (100.0, 200.0)


def test_a_thousand_sessions_are_listed_fast(store: RedisStore) -> None:
    """A list of 1,000 sessions takes a few round trips, not 1,000."""
    nameless = SPEC.model_copy(update={"name": None})
    for number in range(1000):
        store.submit(f"s{number}", nameless, host="h")
    before = time.monotonic()
    assert len(store.list()) == 1000
    assert time.monotonic() - before < 1.0
