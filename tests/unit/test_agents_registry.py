"""Names of agents and the spelling NAME@VERSION."""

from __future__ import annotations

import pytest

from coders_queue import errors
from coders_queue.agents import registry


def test_every_agent_is_found_under_its_own_name() -> None:
    """The list of names is the list of adapters."""
    assert {"claude", "codex", "shell"} <= set(registry.names())
    assert [registry.get(name).name for name in registry.names()] == list(registry.names())


def test_an_unknown_agent_is_answered_with_the_nearest_names() -> None:
    """A slip of the finger is corrected; anything else gets the whole list."""
    with pytest.raises(errors.UnknownAgent, match=r"no agent 'cluade' \(did you mean claude"):
        registry.get("cluade")
    with pytest.raises(errors.UnknownAgent, match=r"there are: claude, "):
        registry.get("zzz")


@pytest.mark.parametrize(
    ("text", "parsed"),
    [("claude", ("claude", None)), ("claude@2.1.197", ("claude", "2.1.197"))],
)
def test_a_version_follows_the_at_sign(text: str, parsed: tuple[str, str | None]) -> None:
    """Without one, the installed version is meant."""
    assert registry.parse(text) == parsed


@pytest.mark.parametrize("text", ["claude@", "claude@latest", "claude@1 2", "claude@../x", "@1.0"])
def test_what_is_no_version_or_no_name_is_refused(text: str) -> None:
    """A version is exact: a tag or a path is none."""
    with pytest.raises((errors.UsageError, errors.UnknownAgent)):
        registry.parse(text)


def test_a_wrong_version_is_answered_with_one_of_the_same_agent() -> None:
    """What the hint says to write is a version that was tested."""
    with pytest.raises(errors.UsageError, match="'latest' is not one exact version") as caught:
        registry.parse("codex@latest")
    assert caught.value.hint == f"write it as codex@{registry.get('codex').tested[-1]}"
