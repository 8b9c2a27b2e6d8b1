"""Which sessions another agent takes over while the quota of theirs is used up."""

from __future__ import annotations

from typing import Any

import pytest

from coders_queue import ids
from coders_queue.models.spec import DirectoryWorkspace, SessionSpec
from coders_queue.queue.fallback import Fallback
from coders_queue.settings.schema import Settings
from coders_queue.store.memory import MemoryStore

FOREVER = 4e9


class Desk:
    """A store, and a look now and then."""

    def __init__(self, **instead: str) -> None:
        self.store = MemoryStore()
        agents = {name: {"fallback": other} for name, other in instead.items()}
        settings = Settings.model_validate({"agents": agents})
        self.now = 0.0
        self.fallback = Fallback(self.store, settings, lambda: self.now)

    def waiting(self, **changes: Any) -> str:
        given = {"agent": "claude", "task": "x", "workspace": DirectoryWorkspace(path="/")}
        session_id = ids.new_session_id()
        self.store.submit(session_id, SessionSpec.model_validate(given | changes))
        self.store.attach_request(session_id, {})
        return session_id

    def look(self) -> int:
        self.now += 10
        return self.fallback.look()

    def agent(self, session_id: str) -> str:
        record = self.store.get(session_id)
        assert record is not None
        return record.spec.agent


def test_it_takes_over_when_the_quota_is_used_up() -> None:
    """And not before; the rest of the request stays as it was."""
    desk = Desk(claude="codex")
    session = desk.waiting()
    assert desk.look() == 0
    desk.store.exhaust("claude", FOREVER)
    assert desk.look() == 1
    assert desk.agent(session) == "codex"
    assert desk.look() == 0


def test_without_a_quota_of_its_own_it_hands_on() -> None:
    """To the next one, if there is; in a circle everybody waits."""
    desk = Desk(claude="codex", codex="gemini")
    session = desk.waiting()
    for account in ("claude", "codex"):
        desk.store.exhaust(account, FOREVER)
    assert desk.look() == 1
    assert desk.agent(session) == "gemini"
    circle = Desk(claude="codex", codex="claude")
    held = circle.waiting()
    for account in ("claude", "codex"):
        circle.store.exhaust(account, FOREVER)
    assert circle.look() == 0
    assert circle.agent(held) == "claude"


@pytest.mark.parametrize(
    "own",
    [
        {"model": "opus"},
        {"version": "2.1.197"},
        {"resume": "conversation"},
        {"argv": ("--verbose",)},
        {"agent": "gemini"},
    ],
)
def test_what_is_the_agents_own_waits(own: dict[str, Any]) -> None:
    """A model, a version, arguments or a conversation mean nothing to another agent."""
    desk = Desk(claude="codex")
    session = desk.waiting(**own)
    desk.store.exhaust("claude", FOREVER)
    assert desk.look() == 0
    assert desk.agent(session) == own.get("agent", "claude")


def test_an_agent_that_is_not_known_takes_nothing_over() -> None:
    """Nor does its name keep others from going on."""
    desk = Desk(claude="clod", clod="codex")
    session = desk.waiting()
    desk.store.exhaust("claude", FOREVER)
    assert desk.look() == 1
    assert desk.agent(session) == "codex"


def test_it_looks_now_and_then() -> None:
    """However often it is asked."""
    desk = Desk(claude="codex")
    desk.store.exhaust("claude", FOREVER)
    assert desk.look() == 0
    desk.waiting()
    assert desk.fallback.look() == 0
    assert desk.look() == 1
