"""Who carries rules out: one host at a time, and the next when it is gone."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from coders_queue import errors
from coders_queue.models.firing import RuleJob
from coders_queue.models.rule import Action, Rule
from coders_queue.models.spec import SessionSpec
from coders_queue.queue.rule_engine import RuleEngine
from coders_queue.store.memory import MemoryStore
from coders_workers import ruling
from coders_workers.ruling import Ruling

RULES = {"r": Rule.model_validate({"on": "session.archived", "do": [{"stop": {}}]})}


class Acts:
    """Counts what is done."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def do(self, job: RuleJob, action: Action) -> None:
        """See the contract."""
        self.done.append(job.id)


def until(condition: Callable[[], Any]) -> None:
    """Wait for it."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> MemoryStore:
    """With a session; pauses are short."""
    monkeypatch.setattr(ruling, "_PAUSE", 0.01)
    one = MemoryStore()
    spec = {"agent": "none", "workspace": {"type": "directory", "path": "/"}}
    one.submit("s", SessionSpec.model_validate(spec))
    return one


def begun(store: MemoryStore, holder: str) -> tuple[Ruling, Acts]:
    """A host at work."""
    acts = Acts()
    one = Ruling(store, RuleEngine(store, RULES, acts), RULES, holder)
    one.start()
    return one, acts


def happen(store: MemoryStore) -> None:
    """An event."""
    store.record_event("s", 1, "session.archived")


def test_one_host_at_a_time_carries_them_out(store: MemoryStore) -> None:
    """When it ends, the other goes on where it was; nothing is done twice."""
    first, by_first = begun(store, "first")
    until(lambda: store.rules.report("r"))
    second, by_second = begun(store, "second")
    happen(store)
    until(lambda: len(by_first.done) == 1)
    first.stop()
    happen(store)
    until(lambda: len(by_second.done) == 1)
    second.stop()
    assert len({*by_first.done, *by_second.done}) == 2
    assert len(by_first.done) == 1


def test_a_store_that_is_away_is_waited_for(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And whatever else goes wrong in a turn does not end it."""
    wrong: list[Exception] = [errors.Unavailable("away"), ZeroDivisionError("a bug")]
    whole, asked = store.last_event_id, threading.Event()

    def last_event_id() -> str:
        if wrong:
            raise wrong.pop(0)
        asked.set()
        return whole()

    monkeypatch.setattr(store, "last_event_id", last_event_id)
    one, acts = begun(store, "first")
    until(lambda: asked.is_set() and store.rules.report("r"))
    happen(store)
    until(lambda: acts.done)
    one.stop()
