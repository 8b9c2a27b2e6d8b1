"""Search in shared context: what is found, and what comes first."""

from __future__ import annotations

import pytest

from coders_queue import errors
from coders_queue.models.context import ContextEntry
from coders_queue.searching import EXCERPT, search, words


def entry(key: str, text: str, at: float = 0.0) -> ContextEntry:
    return ContextEntry(space="team:web", key=key, version=1, text=text, author="person:a", at=at)


SHARED = [
    entry("api/owner", "Ann owns the API until June"),
    entry("deploy", "The api is deployed by Ben, and the owner of the pipeline is Cem"),
    entry("retryPolicy", "3 times, with backoff"),
    entry("notes", "The retries of the api client are in http_client.py. " + "Nothing else. " * 80),
    entry("empty", ""),
    entry("unicode", "Überprüfung der Straße"),
]


def keys(query: str, limit: int = 10) -> list[str]:
    return [hit.entry.key for hit in search(SHARED, query, limit)]


def test_a_word_of_the_key_counts_more() -> None:
    """And who has all words goes before who has some."""
    assert keys("api owner")[0] == "api/owner"
    assert set(keys("api owner")) == {"api/owner", "deploy", "notes"}
    assert keys("deploy ben api")[0] == "deploy"


def test_parts_of_names_are_words() -> None:
    """Of snake_case, camelCase and paths; a beginning finds the whole, which counts more."""
    assert words("retryPolicy http_client.py HTTPServer2 a-b") == [
        *("retry", "policy", "http", "client", "py", "http", "server", "2", "a", "b")
    ]
    assert keys("policy") == ["retryPolicy"]
    assert keys("retr") == ["retryPolicy", "notes"]
    assert keys("STRASSE") == keys("straße") == ["unicode"]
    assert keys("überprüfung") == ["unicode"]


def test_long_texts_count_less_and_of_equals_the_latest_is_first() -> None:
    """Nobody is found for being long."""
    found = search([entry("a", "cat"), entry("b", "cat " + "dog " * 500)], "cat", 5)
    assert [hit.entry.key for hit in found] == ["a", "b"]
    found = search([entry("a", "cat", 1.0), entry("b", "cat", 2.0)], "cat", 5)
    assert [hit.entry.key for hit in found] == ["b", "a"]


def test_the_answer_is_bounded() -> None:
    """In number and in what it shows of each; nothing is found where nothing is."""
    assert len(keys("api", limit=1)) == 1
    (hit,) = search([entry("k", "word " * 90 + "needle\n" + "word " * 90)], "needle", 5)
    assert "needle" in hit.excerpt
    assert len(hit.excerpt) <= EXCERPT + 2
    assert hit.excerpt.startswith("…")
    assert (search([], "api", 5), keys("nowhere")) == ([], [])


@pytest.mark.parametrize("query", ["", "  ", "!?", "_"])
def test_a_query_without_a_word_is_refused(query: str) -> None:
    """It would find all or nothing."""
    with pytest.raises(errors.UsageError, match="no word to search for"):
        search(SHARED, query, 5)
