"""What a session shares, reads and is sent, by the verbs of its own socket: once, and as itself."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from coders_queue import errors, ids
from coders_queue.clock import ManualClock
from coders_queue.in_session import table
from coders_queue.models.context import session as address_of
from coders_queue.models.message import MailboxLimits
from coders_queue.models.spec import DirectoryWorkspace, SessionSpec
from coders_queue.settings.schema import Settings
from coders_queue.store.memory import MemoryStore
from coders_workers.in_session.call import Call
from coders_workers.in_session.carriers import carriers


class Room:
    """Two sessions of one host."""

    def __init__(self, directory: Path) -> None:
        self.clock = ManualClock()
        self.store = MemoryStore(clock=self.clock, mailboxes=MailboxLimits(again=60.0))
        self.directory = directory
        self.gone = False
        self.station: Any = SimpleNamespace(store=self.store, settings=Settings())
        self.one = self.session(context=("team:web", "flow:f"), name="one")
        self.two = self.session(context=("flow:f",), name="two")
        self.none = self.session()

    def session(self, **fields: Any) -> str:
        session_id = ids.new_session_id()
        spec = SessionSpec(
            agent="shell", argv=("true",), workspace=DirectoryWorkspace(path="/"), **fields
        )
        self.store.submit(session_id, spec, host="here")
        (self.directory / session_id).mkdir()
        return session_id

    def ask(
        self, session_id: str, verb: str, /, request: str | None = None, **params: Any
    ) -> dict[str, Any]:
        record = self.store.get(session_id)
        assert record is not None
        call = Call(
            self.station,
            record,
            self.directory / session_id,
            table.load(verb).checked(params),
            request or ids.new_session_id(),
            lambda: self.gone,
        )
        answer = carriers()[verb](call)
        table.load(verb).shown(answer)
        return answer


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


def test_what_one_shares_another_reads(room: Room) -> None:
    """In the space that both have; its author is the session, whatever it says."""
    shared = room.ask(room.one, "share", key="owner", text="Ann", space="flow:f", kind="decision")
    assert (shared["author"], shared["version"]) == (address_of(room.one), 1)
    room.ask(room.one, "share", key="plan", text="by June")  # into the first of its spaces
    assert room.ask(room.two, "read", key="owner")["text"] == "Ann"
    assert room.ask(room.one, "read", key="owner")["space"] == "flow:f"
    listed = room.ask(room.one, "read")["entries"]
    assert [(one["space"], one["key"]) for one in listed] == [
        ("team:web", "plan"),
        ("flow:f", "owner"),
    ]
    hits = room.ask(room.one, "search", query="ann june")["hits"]
    assert {hit["key"] for hit in hits} == {"plan", "owner"}
    assert room.ask(room.two, "search", query="june")["hits"] == []


def test_asked_again_nothing_is_shared_twice(room: Room) -> None:
    """Also where it was to be the first; of another session the claim is refused."""
    for _ in range(2):
        claimed = room.ask(room.one, "share", key="claim", text="me", space="flow:f", if_version=0)
        assert claimed["version"] == 1
    with pytest.raises(errors.Conflict, match="is version 1, not a new key"):
        room.ask(room.two, "share", key="claim", text="me", if_version=0)
    assert len(room.store.context.history("flow:f")) == 1


@pytest.mark.parametrize(
    ("verb", "params"),
    [
        ("share", {"key": "a", "text": "x"}),
        ("read", {}),
        ("read", {"key": "a"}),
        ("search", {"query": "x"}),
    ],
)
def test_a_session_has_its_own_spaces_alone(room: Room, verb: str, params: dict[str, Any]) -> None:
    """Another's is refused by name, and so is one that has none."""
    with pytest.raises(errors.Denied, match="'team:web' is no space of this session"):
        room.ask(room.two, verb, **params, space="team:web")
    with pytest.raises(errors.Denied, match="has no space of shared context"):
        room.ask(room.none, verb, **params)


@pytest.mark.parametrize(
    ("params", "error", "said"),
    [
        ({"key": "gone"}, errors.NotFound, "there is no gone in flow:f"),
        ({"key": "a b"}, errors.UsageError, "is no key"),
        ({"version": 3}, errors.UsageError, "name its key"),
    ],
)
def test_what_cannot_be_read(
    room: Room, params: dict[str, Any], error: type[errors.CodersError], said: str
) -> None:
    """One error that says why."""
    with pytest.raises(error, match=said):
        room.ask(room.one, "read", **params)


def test_a_message_is_sent_once_however_often_it_is_asked(room: Room) -> None:
    """As the session; its request is the sender's id. Another request is another message."""
    sent = [room.ask(room.one, "message", request="r1", to="two", text="hi") for _ in range(3)]
    assert len({one["id"] for one in sent}) == 1
    room.ask(room.one, "message", request="r2", to="two", text="hi")
    room.ask(room.one, "message", request="r1", to="person:ann", text="hi")
    (first, second) = room.ask(room.two, "inbox")["messages"]
    assert (first["sender"], first["text"]) == (address_of(room.one), "hi")
    assert first["id"] != second["id"]
    with pytest.raises(errors.NotFound, match="person:nobody"):
        room.ask(room.one, "message", to="nobody", text="x")


def test_an_inbox_shows_each_message_once(room: Room) -> None:
    """A request that is made again, since its answer was lost, is answered the same."""
    for text in "abc":
        room.ask(room.one, "message", to="two", text=text)
    first = room.ask(room.two, "inbox", request="r1", limit=2)
    assert [one["text"] for one in first["messages"]] == ["a", "b"]
    assert room.ask(room.two, "inbox", request="r1", limit=2) == first
    assert [one["text"] for one in room.ask(room.two, "inbox")["messages"]] == ["c"]
    assert room.ask(room.two, "inbox") == {"messages": []}
    assert room.ask(room.two, "inbox", request="r1") == first


def test_a_worker_that_dies_before_it_has_acknowledged_loses_nothing(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked again, the same come; not asked again, another request gets them in their time."""
    room.ask(room.one, "message", to="two", text="a")
    with monkeypatch.context() as patch:
        patch.setattr(room.store.mailboxes, "acknowledge", lambda *_: 1 / 0)
        for request in ("r1", "r1"):
            with pytest.raises(ZeroDivisionError):
                room.ask(room.two, "inbox", request=request)
    assert room.ask(room.two, "inbox", request="r2") == {"messages": []}
    assert [one["text"] for one in room.ask(room.two, "inbox", request="r1")["messages"]] == ["a"]

    room.ask(room.one, "message", to="two", text="b")
    with monkeypatch.context() as patch:
        patch.setattr(room.store.mailboxes, "acknowledge", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            room.ask(room.two, "inbox", request="r3")
    room.clock.advance(60)
    assert [one["text"] for one in room.ask(room.two, "inbox")["messages"]] == ["b"]
    # too late: it is another's
    assert room.ask(room.two, "inbox", request="r3") == {"messages": []}


def test_only_the_last_answers_are_kept(room: Room) -> None:
    """Whatever else the agent has put there."""
    strange = room.directory / room.two / "inbox-strange.json"
    strange.symlink_to("/nowhere")
    for number in range(20):
        room.ask(room.one, "message", to="two", text=str(number))
        (one,) = room.ask(room.two, "inbox", request=f"r{number}")["messages"]
        assert one["text"] == str(number)
    assert len(list((room.directory / room.two).glob("inbox-*.json"))) == 16


def test_a_wait_ends(room: Room) -> None:
    """With a message, with its time, or with the caller."""
    assert room.ask(room.two, "inbox", wait=0.01) == {"messages": []}
    room.ask(room.one, "message", to="two", text="a")
    assert len(room.ask(room.two, "inbox", wait=600)["messages"]) == 1
    room.gone = True
    assert room.ask(room.two, "inbox", wait=600) == {"messages": []}
