"""Every store: a message is handed out to one, in order, again if it has to be, or buried."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from coders_queue import errors
from coders_queue.clock import ManualClock
from coders_queue.models import message as model
from coders_queue.models.lifecycle import State
from coders_queue.models.message import MailboxLimits, Message
from coders_queue.models.outcome import Outcome
from coders_queue.models.spec import DirectoryWorkspace, SessionSpec
from coders_queue.store import kinds
from coders_queue.store.base import Store
from coders_queue.store.connect import connect
from coders_queue.store.keys import Keys
from coders_queue.store.mailboxes import MailboxStore
from coders_queue.store.memory import MemoryStore
from coders_queue.store.redis import RedisStore

LIMITS = MailboxLimits(
    message=100, messages=5, size=300, of_sender=1000, expiry=1000.0, again=60.0, tries=3
)
ANN, BEN = "person:ann", "person:ben"
SPEC = SessionSpec(agent="shell", argv=("true",), workspace=DirectoryWorkspace(path="/srv"))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(params=["memory", "redis"])
def store(request: pytest.FixtureRequest, clock: ManualClock) -> Iterator[Store]:
    if request.param == "memory":
        yield MemoryStore(clock=clock, mailboxes=LIMITS)
        return
    with contextlib.closing(connect(request.getfixturevalue("redis_url"))) as client:
        yield RedisStore(client, clock=clock, mailboxes=LIMITS)


@pytest.fixture
def mail(store: Store) -> MailboxStore:
    return store.mailboxes


def begin(store: Store, session_id: str) -> str:
    store.submit(session_id, SPEC, host="h")
    return f"session:{session_id}"


def end(store: Store, session_id: str) -> None:
    store.move(session_id, 1, State.STARTING)
    store.move(session_id, 1, State.RUNNING)
    assert store.finish(session_id, 1, Outcome(id=session_id, state="succeeded"))


def texts(found: list[Message]) -> list[str]:
    return [one.text for one in found]


def test_a_message_arrives_as_it_was_sent(mail: MailboxStore, clock: ManualClock) -> None:
    """Byte for byte, with who sent it and when; looking at it changes nothing."""
    text = "caf\u00e9 \u4e2d \udcff\n\t\x01 {} %s"
    sent = mail.send(ANN, BEN, text, key="k 1")
    assert sent == Message(id=sent.id, to=ANN, sender=BEN, text=text, at=clock.now, key="k 1")
    assert mail.waiting(ANN) == mail.waiting(ANN) == [sent]
    assert mail.addresses() == [ANN]
    (taken,) = mail.take(ANN, "r", 10)
    assert taken == sent.model_copy(update={"tries": 1})
    assert mail.waiting(ANN) == [taken]
    assert mail.acknowledge(ANN, "r", [sent.id]) == [sent.id]
    assert (mail.waiting(ANN), mail.take(ANN, "r", 10), mail.addresses()) == ([], [], [])
    assert (mail.waiting(BEN), mail.dead(ANN)) == ([], [])


def test_a_message_is_sent_once(mail: MailboxStore) -> None:
    """However often its sender says so with its id, also once it was read; ids are a sender's."""
    first = mail.send(ANN, BEN, "x", key="k").id
    assert mail.send(ANN, BEN, "x", key="k").id == first
    assert mail.send(ANN, ANN, "x", key="k").id != first
    assert mail.send(BEN, BEN, "x", key="k").id
    mail.take(ANN, "r", 9)
    assert mail.acknowledge(ANN, "r", [first]) == [first]
    assert mail.send(ANN, BEN, "x", key="k").id == first
    assert [one.sender for one in mail.waiting(ANN)] == [ANN]


def test_messages_come_in_order(mail: MailboxStore) -> None:
    """As many as are wanted; a reader that asks again is given what it has in hand."""
    for number in range(4):
        mail.send(ANN, BEN, str(number))
    assert texts(mail.take(ANN, "r", 2)) == ["0", "1"]
    again = mail.take(ANN, "r", 3)
    assert [(one.text, one.tries) for one in again] == [("0", 1), ("1", 1), ("2", 1)]
    assert mail.take(ANN, "r", 0) == []
    assert mail.acknowledge(ANN, "r", [one.id for one in again]) == [one.id for one in again]
    assert texts(mail.take(ANN, "r", 9)) == ["3"]


def test_nobody_overtakes_a_message_in_hand(mail: MailboxStore) -> None:
    """While a sender's first is in hand, its later ones wait; those of others do not."""
    mail.send(ANN, BEN, "b1")
    (first,) = mail.take(ANN, "r", 1)
    mail.send(ANN, BEN, "b2")
    mail.send(ANN, ANN, "a1")
    assert texts(mail.take(ANN, "other", 9)) == ["a1"]
    mail.acknowledge(ANN, "r", [first.id])
    assert texts(mail.take(ANN, "other", 9)) == ["b2", "a1"]


def test_what_nobody_acknowledged_is_handed_out_again(
    mail: MailboxStore, clock: ManualClock
) -> None:
    """With the same id, after a time; who had it before has lost it then."""
    sent = mail.send(ANN, BEN, "x")
    mail.take(ANN, "r", 1)
    clock.advance(59)
    assert mail.take(ANN, "other", 1) == []
    clock.advance(1)
    (again,) = mail.take(ANN, "other", 1)
    assert (again.id, again.tries) == (sent.id, 2)
    assert mail.acknowledge(ANN, "r", [sent.id]) == []
    assert mail.acknowledge(ANN, "other", [sent.id]) == [sent.id]
    assert mail.acknowledge(ANN, "r", [sent.id]) == []


def test_an_acknowledgement_may_come_twice_or_late(mail: MailboxStore, clock: ManualClock) -> None:
    """The answer is the same; late it counts as long as nobody else has the message."""
    sent = mail.send(ANN, BEN, "x")
    mail.take(ANN, "r", 1)
    clock.advance(600)
    assert [mail.acknowledge(ANN, "r", [sent.id, sent.id]) for _ in range(2)] == [[sent.id]] * 2
    assert mail.acknowledge(ANN, "r", ["1-1"]) == []
    assert mail.acknowledge(ANN, "r", []) == []


def test_a_clock_that_is_set_back_keeps_nothing(mail: MailboxStore, clock: ManualClock) -> None:
    """What is in hand since a time that lies ahead is handed out again."""
    mail.send(ANN, BEN, "x")
    mail.take(ANN, "r", 1)
    clock.now -= 3600
    assert texts(mail.take(ANN, "other", 1)) == ["x"]


def test_a_released_message_was_never_handed_out(mail: MailboxStore) -> None:
    """Others have it at once, and it counts as no try."""
    sent = mail.send(ANN, BEN, "x")
    for _ in range(10):
        (taken,) = mail.take(ANN, "r", 1)
        assert taken.tries == 1
        mail.release(ANN, "other", [sent.id])
        assert mail.take(ANN, "other", 1) == []
        mail.release(ANN, "r", [sent.id, "1-1"])
    assert texts(mail.take(ANN, "other", 1)) == ["x"]


def test_after_too_many_tries_it_is_a_dead_letter(mail: MailboxStore, clock: ManualClock) -> None:
    """With its text and why; those after it go on."""
    sent = mail.send(ANN, BEN, "poison", key="k")
    mail.send(ANN, BEN, "next")
    for number in range(LIMITS.tries):
        assert texts(mail.take(ANN, f"r{number}", 1)) == ["poison"]
        clock.advance(60)
    assert texts(mail.take(ANN, "r", 9)) == ["next"]
    (dead,) = mail.dead(ANN)
    assert dead == sent.model_copy(update={"tries": 3, "why": model.UNACKNOWLEDGED})


def test_what_nobody_takes_expires(mail: MailboxStore, clock: ManualClock) -> None:
    """As a dead letter; what is in hand does not."""
    mail.send(ANN, BEN, "in hand")
    mail.send(ANN, ANN, "left")
    mail.take(ANN, "r", 1)
    clock.advance(990)
    mail.take(ANN, "r", 1)
    mail.send(ANN, BEN, "young")
    clock.advance(10)
    assert mail.tidy(ANN) == 1
    assert [(one.text, one.why) for one in mail.dead(ANN)] == [("left", model.EXPIRED)]
    assert mail.tidy(ANN) == 0
    assert texts(mail.waiting(ANN)) == ["in hand", "young"]


def test_a_reader_can_bury(mail: MailboxStore) -> None:
    """What it has in hand, with its own reason; nothing else."""
    first, second = (mail.send(ANN, BEN, text) for text in "xy")
    mail.take(ANN, "r", 1)
    mail.bury(ANN, "r", [first.id, second.id], "no prompt")
    assert [(one.id, one.why) for one in mail.dead(ANN)] == [(first.id, "no prompt")]
    assert texts(mail.waiting(ANN)) == ["y"]


def test_a_session_that_nobody_knows_or_that_has_ended_gets_nothing(store: Store) -> None:
    """One error each, and nothing is sent; one that waits for its turn can be written to."""
    mail = store.mailboxes
    with pytest.raises(errors.NotFound, match="there is no session nobody"):
        mail.send("session:nobody", ANN, "x")
    address = begin(store, "s")
    sent = mail.send(address, ANN, "x", key="k")
    end(store, "s")
    with pytest.raises(errors.Conflict, match="session s has ended: it is succeeded"):
        mail.send(address, ANN, "y")
    # asked again, since the answer was lost
    assert mail.send(address, ANN, "x", key="k").id == sent.id
    assert mail.addresses() == [address]


@pytest.mark.parametrize("how", ["take", "tidy"])
def test_the_end_of_a_session_makes_dead_letters(store: Store, how: str) -> None:
    """Of all that waits for it or is in hand, and an event tells of each, without its text."""
    mail = store.mailboxes
    address = begin(store, "s")
    sent = [mail.send(address, ANN, "x").id, mail.send(address, BEN, "y").id]
    mail.take(address, "r", 1)
    end(store, "s")
    if how == "take":
        assert mail.take(address, "r", 9) == []
    else:
        assert mail.tidy(address) == 2
    assert (mail.waiting(address), mail.addresses()) == ([], [])
    dead = mail.dead(address)
    assert [(one.id, one.why) for one in dead] == [
        (sent[1], model.RECEIVER_OVER),
        (sent[0], model.RECEIVER_OVER),
    ]
    told = [one for one in store.events() if one.kind == kinds.MESSAGE_DEAD]
    assert [(one.session, one.data) for one in told] == [
        ("s", {"message": sent[0], "sender": ANN, "tries": 1}),
        ("s", {"message": sent[1], "sender": BEN, "tries": 0}),
    ]


def test_a_mailbox_has_limits(mail: MailboxStore) -> None:
    """In number and in bytes; what was read makes room."""
    for _ in range(5):
        mail.send(ANN, BEN, "x")
    with pytest.raises(errors.Conflict, match="person ann is full: 5 messages of 5 bytes"):
        mail.send(ANN, BEN, "x")
    (first,) = mail.take(ANN, "r", 1)
    mail.acknowledge(ANN, "r", [first.id])
    mail.send(ANN, BEN, "x")
    for _ in range(3):
        mail.send(BEN, ANN, "x" * 100)
    with pytest.raises(errors.Conflict, match="is full: 3 messages of 300 bytes"):
        mail.send(BEN, ANN, "x")
    taken = mail.take(BEN, "r", 9)
    mail.acknowledge(BEN, "r", [one.id for one in taken])
    mail.send(BEN, ANN, "x" * 100)


def test_a_sender_whom_nobody_reads_is_held_up(mail: MailboxStore) -> None:
    """Over all mailboxes: whoever writes to many fills none of them, and still no more than so."""
    for number in range(5):
        for _ in range(2):
            mail.send(f"person:p{number}", BEN, "x" * 100)
    with pytest.raises(errors.Conflict, match="1000 bytes of messages from person ben wait unread"):
        mail.send("person:another", BEN, "x")
    mail.send("person:another", ANN, "x")
    (first, _) = mail.take("person:p1", "r", 2)
    mail.bury("person:p1", "r", [first.id], "why")
    mail.send("person:another", BEN, "x" * 100)
    for number in range(5):
        taken = mail.take(f"person:p{number}", "r", 9)
        mail.acknowledge(f"person:p{number}", "r", [one.id for one in taken])
    for _ in range(2):
        mail.send("person:p1", BEN, "x" * 100)


@pytest.mark.parametrize(
    ("to", "sender", "text", "key", "error", "said"),
    [
        ("ann", BEN, "x", None, errors.UsageError, "'ann' is nobody's address"),
        ("person:a b", BEN, "x", None, errors.UsageError, "is nobody's address"),
        ("session:", BEN, "x", None, errors.UsageError, "is nobody's address"),
        (ANN, "crew:x", "x", None, errors.UsageError, "is nobody's address"),
        (ANN, BEN, " \n", None, errors.UsageError, "no text to send"),
        (ANN, BEN, "x" * 101, None, errors.TaskTooLarge, "over the 100 of one"),
        (ANN, BEN, "\u4e2d" * 34, None, errors.TaskTooLarge, "has 102 bytes"),
        (ANN, BEN, "\ud800", None, errors.UsageError, "lone surrogate"),
        (ANN, BEN, "x", "", errors.UsageError, "is no id of a message"),
        (ANN, BEN, "x", "k" * 201, errors.UsageError, "is no id of a message"),
        (ANN, BEN, "x", "a\nb", errors.UsageError, "is no id of a message"),
    ],
)
def test_what_cannot_be_sent(
    mail: MailboxStore,
    to: str,
    sender: str,
    text: str,
    key: str | None,
    error: type[errors.CodersError],
    said: str,
) -> None:
    """One error that says why; nothing is sent."""
    with pytest.raises(error, match=said):
        mail.send(to, sender, text, key=key)
    assert mail.addresses() == []


def test_a_key_of_one_is_none_of_another(mail: MailboxStore) -> None:
    """However the parts of it are put together."""
    assert (
        mail.send(ANN, "person:b", "x", key="c:d").id != mail.send(ANN, "person:b", "x", key="c").id
    )
    assert len(mail.waiting(ANN)) == 2


def test_of_many_readers_each_message_has_one(mail: MailboxStore) -> None:
    """At once, from many senders at once: none twice, none lost."""
    gathered: list[str] = []

    def read(number: int) -> None:
        for _ in range(12):
            taken = mail.take(ANN, f"r{number}", 2)
            own = mail.acknowledge(ANN, f"r{number}", [one.id for one in taken])
            gathered.extend(own)

    sent = [mail.send(ANN, f"person:p{number}", "x").id for number in range(5)]
    with ThreadPoolExecutor(5) as pool:
        list(pool.map(read, range(5)))
    assert sorted(gathered) == sorted(sent)


def test_a_mailbox_is_gone_in_time(redis_url: str) -> None:
    """On the server every key of it has an end."""
    with contextlib.closing(connect(redis_url)) as client:
        store = RedisStore(client, mailboxes=LIMITS)
        mail = store.mailboxes
        mail.send(ANN, BEN, "x", key="k")
        mail.send(ANN, BEN, "y")
        first, second = mail.take(ANN, "r", 2)
        mail.acknowledge(ANN, "r", [first.id])
        mail.bury(ANN, "r", [second.id], "why")
        mail.send(ANN, BEN, "z")
        names = Keys()
        assert sorted(client.keys("*")) == sorted(
            [
                *(names.mail(ANN), names.mail_hands(ANN), names.mail_dead(ANN)),
                *(names.mail_sent(ANN, BEN, "k"), f"{names.mail_read(ANN)}{first.id}"),
                *(names.mailboxes, names.mail_weight(BEN)),
            ]
        )
        assert all(0 < client.ttl(key) <= 3600 for key in client.keys("*"))
        assert client.get(names.mail_weight(BEN)) == "1"
        client.delete(names.mail(ANN))  # as its time does
        assert mail.addresses() == [ANN]
        assert (mail.tidy(ANN), mail.addresses()) == (0, [])


class Reading(RuleBasedStateMachine):
    """Readers that come and go, die and are slow; senders that say it twice."""

    store: Store

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock()
        limits = MailboxLimits(again=10.0, tries=1000, messages=1000)
        self.mail = self.opened(self.clock, limits)
        self.sent: dict[str, list[str]] = {ANN: [], BEN: []}
        self.shown: list[tuple[str, str]] = []
        self.hands: dict[str, list[Message]] = {}

    def opened(self, clock: ManualClock, limits: MailboxLimits) -> MailboxStore:
        return MemoryStore(clock=clock, mailboxes=limits).mailboxes

    @rule(sender=st.sampled_from([ANN, BEN]), doubled=st.booleans())
    def send(self, sender: str, doubled: bool) -> None:
        number = len(self.sent[sender])
        for _ in range(1 + doubled):
            sent = self.mail.send("person:cem", sender, str(number), key=str(number))
        self.sent[sender].append(sent.id)

    @rule(reader=st.sampled_from("rst"), limit=st.integers(1, 4))
    def take(self, reader: str, limit: int) -> None:
        self.hands[reader] = self.mail.take("person:cem", reader, limit)

    @precondition(lambda self: self.hands)
    @rule(reader=st.sampled_from("rst"), doubled=st.booleans())
    def acknowledge(self, reader: str, doubled: bool) -> None:
        hand = self.hands.pop(reader, [])
        for _ in range(1 + doubled):
            own = self.mail.acknowledge("person:cem", reader, [one.id for one in hand])
        self.shown += [(one.sender, one.id) for one in hand if one.id in own]

    @rule(reader=st.sampled_from("rst"))
    def release(self, reader: str) -> None:
        hand = self.hands.pop(reader, [])
        self.mail.release("person:cem", reader, [one.id for one in hand])

    @rule(reader=st.sampled_from("rst"))
    def die(self, reader: str) -> None:
        self.hands.pop(reader, None)

    @rule(seconds=st.sampled_from([1.0, 9.0, 11.0]))
    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @invariant()
    def each_is_shown_once_and_in_order(self) -> None:
        for sender, sent in self.sent.items():
            shown = [one for who, one in self.shown if who == sender]
            assert shown == sent[: len(shown)]

    def teardown(self) -> None:
        self.clock.advance(20)
        left = self.mail.take("person:cem", "last", 1000)
        own = self.mail.acknowledge("person:cem", "last", [one.id for one in left])
        self.shown += [(one.sender, one.id) for one in left if one.id in own]
        assert len(self.shown) == sum(len(sent) for sent in self.sent.values())
        self.each_is_shown_once_and_in_order()


@pytest.mark.parametrize("kind", ["memory", "redis"])
def test_whatever_readers_do_each_message_is_shown_once_and_in_order(
    kind: str, request: pytest.FixtureRequest
) -> None:
    """None is lost, none shown twice, and none before an earlier one of its sender."""
    machine: type[Reading] = Reading
    if kind == "redis":
        client = connect(request.getfixturevalue("redis_url"))
        request.addfinalizer(client.close)

        class OnRedis(Reading):
            def opened(self, clock: ManualClock, limits: MailboxLimits) -> MailboxStore:
                client.flushall()
                return RedisStore(client, clock=clock, mailboxes=limits).mailboxes

        machine = OnRedis
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        machine,
        settings=hypothesis_settings(max_examples=40, stateful_step_count=30, deadline=None),
    )
