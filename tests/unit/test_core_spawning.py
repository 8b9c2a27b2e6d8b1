"""What a caller is told when the store fails in the middle of its spawn."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from coders_queue import errors, ids
from coders_queue.models.spec import DirectoryWorkspace, SessionSpec
from coders_queue.settings.schema import Settings
from coders_queue.store.memory import MemoryStore
from coders_workers.server.spawning import Spawning

SPEC = SessionSpec(agent="shell", argv=("true",), workspace=DirectoryWorkspace(path="/"))


def away(*_: object, **__: object) -> Any:
    raise errors.Unavailable("it did not answer")


def spawning(**parts: Any) -> Any:
    station = SimpleNamespace(settings=Settings(), store=MemoryStore(), **parts)
    return Spawning(station)  # type: ignore[arg-type]


def test_a_write_without_an_answer_may_have_happened(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that is silent during the write leaves open whether it took the session: say so."""
    one = spawning()
    monkeypatch.setattr(one._station.store, "submit", away)
    session_id = ids.new_session_id()
    with pytest.raises(errors.Unavailable, match=f"{session_id[:8]} may have been taken"):
        one._submit(session_id, SPEC, "here")


def test_a_session_taken_is_not_to_be_spawned_again() -> None:
    """A store that is silent after the write has the session: say that it goes on."""
    one = spawning(bulletin=SimpleNamespace(wait=away))
    record = one._station.store.submit("s", SPEC)
    with pytest.raises(errors.Unavailable, match="is written down and goes on"):
        one._alive(record)


def test_a_message_that_is_not_sent_is_no_failure() -> None:
    """A session that is written down needs no message: what mends lost ones finds it."""
    one = spawning(app=SimpleNamespace(publisher=SimpleNamespace(resend=away)))
    record = one._station.store.submit("s", SPEC)
    assert one._publish(record) is None
