"""Every store: spaces of entries, versioned, compared, bounded, and gone in time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from coders_queue import errors
from coders_queue.clock import ManualClock
from coders_queue.models import context as model
from coders_queue.models.context import ContextEntry, ContextLimits
from coders_queue.store.base import Store
from coders_queue.store.connect import connect
from coders_queue.store.context import ContextStore
from coders_queue.store.keys import Keys
from coders_queue.store.memory import MemoryStore
from coders_queue.store.redis import RedisStore

LIMITS = ContextLimits(value=1000, space=4000, expiry=100.0)
ANN = model.person("ann")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(params=["memory", "redis"])
def store(request: pytest.FixtureRequest, clock: ManualClock) -> Iterator[Store]:
    if request.param == "memory":
        yield MemoryStore(clock=clock, context=LIMITS)
        return
    with contextlib.closing(connect(request.getfixturevalue("redis_url"))) as client:
        yield RedisStore(client, clock=clock, context=LIMITS)


@pytest.fixture
def context(store: Store) -> ContextStore:
    return store.context


def put(context: ContextStore, key: str, text: str = "x", version: int | None = None) -> int:
    return context.put("team:web", key, text, author=ANN, if_version=version).version


def texts(found: list[ContextEntry]) -> list[tuple[str, str, bool]]:
    return [(one.key, one.text, one.removed) for one in found]


def test_an_entry_is_found_as_it_was_put(context: ContextStore, clock: ManualClock) -> None:
    """With all that was said of it, byte for byte; what is not there is None."""
    text = "caf\u00e9 \u4e2d \udcff\n\t\x01 {} %s"
    given = context.put(
        "repo:/srv/a b/x".replace(" ", "_"), "docs/api.md", text, author=ANN, kind="file", lasts=9.5
    )
    assert given == ContextEntry(
        space="repo:/srv/a_b/x",
        key="docs/api.md",
        version=1,
        kind="file",
        text=text,
        author=ANN,
        at=clock.now,
        expires_at=clock.now + 9.5,
    )
    assert context.get("repo:/srv/a_b/x", "docs/api.md") == given
    assert context.entries("repo:/srv/a_b/x") == [given]
    assert context.get("repo:/srv/a_b/x", "docs") is None
    assert context.get("team:none", "docs") is None
    assert (context.entries("team:none"), context.history("team:none")) == ([], [])


def test_versions_count_up_and_are_remembered(context: ContextStore) -> None:
    """Over the keys of a space; a removal is a write too, and a key that comes back goes on."""
    assert [put(context, "a", "1"), put(context, "b", "2"), put(context, "a", "3")] == [1, 2, 3]
    assert context.remove("team:web", "a", author=ANN)
    assert not context.remove("team:web", "a", author=ANN)
    assert put(context, "a", "5") == 5
    assert texts(context.entries("team:web")) == [("a", "5", False), ("b", "2", False)]
    assert texts(context.history("team:web", "a")) == [
        *(("a", "5", False), ("a", "", True), ("a", "3", False), ("a", "1", False))
    ]
    assert [one.version for one in context.history("team:web")] == [5, 4, 3, 2, 1]


def test_a_version_is_compared(context: ContextStore) -> None:
    """Only who knows the last one writes; 0 is for a key that is not there."""
    put(context, "a", "1", version=0)
    for wrong in (0, 2):
        with pytest.raises(errors.Conflict, match="is version 1"):
            put(context, "a", "2", version=wrong)
        with pytest.raises(errors.Conflict):
            context.remove("team:web", "a", author=ANN, if_version=wrong)
    assert put(context, "a", "2", version=1) == 2
    with pytest.raises(errors.Conflict, match="is not there"):
        put(context, "b", "1", version=1)
    assert context.remove("team:web", "a", author=ANN, if_version=2)
    assert texts(context.entries("team:web")) == []


def test_of_many_who_compare_one_writes(context: ContextStore) -> None:
    """However many claim a key at once, one has it."""

    def claim(number: int) -> bool:
        try:
            context.put("flow:f", "claim", str(number), author=ANN, if_version=0)
        except errors.Conflict:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(claim, range(40))) == 1
    assert len(context.history("flow:f")) == 1


def test_spaces_are_apart(context: ContextStore) -> None:
    """The same key in two of them is two entries; a list has each with its size."""
    context.put("team:web", "a", "xy", author=ANN)
    context.put("flow:f", "a", "z", author=ANN)
    assert context.get("flow:f", "a") != context.get("team:web", "a")
    found = context.spaces()
    assert [(one.name, one.entries, one.size, one.version) for one in found] == [
        ("flow:f", 1, 2, 1),
        ("team:web", 1, 3, 1),
    ]
    assert context.drop("team:web")
    assert not context.drop("team:web")
    assert [one.name for one in context.spaces()] == ["flow:f"]
    assert context.entries("team:web") == context.history("team:web") == []


def test_an_oversized_value_is_refused(context: ContextStore) -> None:
    """A byte too many, counted with its key in UTF-8: nothing is written."""
    put(context, "k", "x" * 999)
    for text in ("x" * 1000, "\u4e2d" * 334):
        with pytest.raises(errors.TaskTooLarge, match="over the 1000 of one entry"):
            put(context, "k", text)
    assert [one.version for one in context.history("team:web")] == [1]


def test_a_space_has_a_budget(context: ContextStore) -> None:
    """What would pass it is refused; what was replaced or removed counts no more."""
    for number in range(4):
        put(context, f"k{number}", "x" * 998)
    with pytest.raises(errors.TaskTooLarge, match="team:web would have 4002 bytes"):
        put(context, "l", "x")
    put(context, "k0", "y" * 990)
    put(context, "l", "x")
    context.remove("team:web", "k1", author=ANN)
    put(context, "m", "x" * 990)
    assert {one.size for one in context.spaces()} == {992 + 2 + 2000 + 991}


def test_a_history_is_bounded(context: ContextStore) -> None:
    """By the same budget, the oldest first; what is there now stays."""
    put(context, "first", "x" * 900)
    for _ in range(30):
        put(context, "k", "x" * 900)
    kept = context.history("team:web")
    assert 2 <= len(kept) <= 4
    assert kept[0].version == 31
    assert context.get("team:web", "first") is not None


def test_a_space_has_so_many_entries(
    context: ContextStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that are there can be written still."""
    monkeypatch.setattr(model, "MAX_ENTRIES", 3)
    for key in "abc":
        put(context, key)
    with pytest.raises(errors.Conflict, match="no room for another"):
        put(context, "d")
    put(context, "a", "y")
    context.remove("team:web", "b", author=ANN)
    put(context, "d")


def test_an_entry_expires(context: ContextStore, clock: ManualClock) -> None:
    """From then on it is not there: for reading, comparing, and the budget."""
    context.put("team:web", "a", "x" * 900, author=ANN, lasts=5.0)
    put(context, "b")
    clock.advance(4.9)
    assert len(context.entries("team:web")) == 2
    clock.advance(0.1)
    assert context.get("team:web", "a") is None
    assert [one.key for one in context.entries("team:web")] == ["b"]
    assert [one.entries for one in context.spaces()] == [1]
    assert put(context, "a", "y", version=0) == 3
    assert {one.size for one in context.spaces()} == {4}
    clock.advance(50)
    assert context.get("team:web", "a") is not None  # the new one has no end of its own


def test_a_space_expires_after_its_last_write(context: ContextStore, clock: ManualClock) -> None:
    """A write renews it, with the time that was set for it; one that is not there has none."""
    put(context, "a")
    clock.advance(60)
    put(context, "b")
    (info,) = context.spaces()
    assert info.expires_at == clock.now + 100
    assert context.expire("team:web", 7.0)
    put(context, "c")
    (info,) = context.spaces()
    assert info.expires_at == clock.now + 7
    assert not context.expire("team:none", 7.0)
    clock.advance(7)
    assert context.spaces() == []


@pytest.mark.parametrize(
    "space", ["", "web", "team:", "team:a b", "team:../x", "crew:x", "flow:a\n", "repo: x", "repo:"]
)
def test_what_names_no_space(context: ContextStore, space: str) -> None:
    """One error that says how they look, whatever is asked."""
    for ask in (
        lambda: context.put(space, "a", "x", author=ANN),
        lambda: context.get(space, "a"),
        lambda: context.entries(space),
        lambda: context.history(space),
        lambda: context.remove(space, "a", author=ANN),
        lambda: context.expire(space, 1.0),
        lambda: context.drop(space),
    ):
        with pytest.raises(errors.UsageError, match="names no space"):
            ask()


@pytest.mark.parametrize("key", ["", "a b", "a\n", "-x", "x" * 201])
def test_what_is_no_key(context: ContextStore, key: str) -> None:
    """One error that says how they look."""
    with pytest.raises(errors.UsageError, match="is no key"):
        put(context, key)
    with pytest.raises(errors.UsageError, match="is no key"):
        context.get("team:web", key)
    with pytest.raises(errors.UsageError, match="lone surrogate"):
        put(context, "a", "\ud800")


def test_every_key_has_the_time_of_its_space(redis_url: str) -> None:
    """On the server nothing of a space outlives it."""
    with contextlib.closing(connect(redis_url)) as client:
        store = RedisStore(client, context=LIMITS)
        store.context.put("team:web", "a", "x", author=ANN, lasts=5.0)
        names = Keys()
        keys = [
            *(names.context("team:web"), names.context_meta("team:web")),
            *(names.context_log("team:web"), names.context_expiring("team:web"), names.contexts),
        ]
        assert sorted(client.keys("*")) == sorted(keys)
        assert all(90 < client.ttl(key) <= 100 for key in keys)
        store.context.expire("team:web", 10.0)
        assert all(client.ttl(key) <= 10 for key in keys[:-1])
        assert client.ttl(keys[-1]) > 90
        store.context.drop("team:web")
        assert client.keys("*") == []
