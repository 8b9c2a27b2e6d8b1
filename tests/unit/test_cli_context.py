"""``coders context``: what it asks the host, and what it prints."""

from __future__ import annotations

import io
import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from coders_queue.cli.main import main
from support.fake_host import SESSION_ID, FakeHost, session

pytest_plugins = ("support.host_fixtures",)

Capture = pytest.CaptureFixture[str]


def entry(**changes: Any) -> dict[str, Any]:
    return {
        "space": "team:web",
        "key": "api/owner",
        "version": 7,
        "kind": "fact",
        "author": "person:ann",
        "at": time.time() - 90,
        "expires_at": None,
        "removed": False,
        "size": 21,
        **changes,
    }


def asked(host: FakeHost) -> dict[str, Any]:
    params: dict[str, Any] = host.requests[-1]["params"]
    return params


def test_spaces_and_entries_are_listed(fake_host: FakeHost, capsys: Capture) -> None:
    """What is hostile in a name steers no terminal; nothing is said beside an empty output."""
    space = {"name": "team:web", "entries": 2, "size": 40, "version": 7}
    times = {"written_at": time.time() - 90, "expires_at": time.time() + 7200}
    fake_host.answers["context-ls"] = {"spaces": [{**space, **times}]}
    assert main(["context"]) == 0
    row = capsys.readouterr().out.splitlines()[1].split()
    assert row[:3] == ["team:web", "2", "40"]
    rows = [entry(), entry(key="x\x1b[2J", author=f"session:{SESSION_ID}", expires_at=1.0)]
    fake_host.answers["context-ls"] = {"space": "team:web", "entries": rows}
    assert main(["context", "ls", "team:web"]) == 0
    _, first, second = capsys.readouterr().out.splitlines()
    assert first.split()[:5] == ["api/owner", "fact", "7", "21", "ann"]
    assert second.split()[:5] == ["x\\x1b[2J", "fact", "7", "21", "3f2a9c1e"]
    fake_host.answers["context-ls"] = {"space": "team:web", "entries": []}
    assert main(["context", "ls", "team:web"]) == 0
    out, err = capsys.readouterr()
    assert (out, "holds nothing" in err) == ("", True)
    assert main(["context", "ls", "team:web", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["entries"] == []


def test_an_entry_is_printed_byte_for_byte(
    fake_host: FakeHost, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """No line end is added, no byte changed."""
    fake_host.answers["context-get"] = {**entry(), "text": "a\udcff\n\x1b[0m"}
    assert main(["context", "get", "team:web", "api/owner", "--version", "3"]) == 0
    assert capfdbinary.readouterr().out == b"a\xff\n\x1b[0m"
    assert asked(fake_host) == {"space": "team:web", "key": "api/owner", "version": 3}


def test_an_entry_is_put(
    fake_host: FakeHost,
    capsys: Capture,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """From a word, a file or standard input; with the session it is put by, if one does."""
    fake_host.answers["context-put"] = entry()
    assert main(["context", "put", "team:web", "api/owner", "Ann", "--expires", "2h"]) == 0
    assert capsys.readouterr().out == "7\n"
    assert asked(fake_host) == {
        "space": "team:web",
        "key": "api/owner",
        "text": "Ann",
        "kind": "fact",
        "lasts": 7200.0,
        "if_version": None,
        "session": None,
    }
    monkeypatch.setenv("CODERS_SESSION_ID", SESSION_ID)
    (tmp_path / "f").write_bytes(b"a\0\xff")
    words = ["context", "put", "repo:x", "f", "--file", str(tmp_path / "f"), "--if-version", "0"]
    assert main(words) == 0
    put = asked(fake_host)
    assert (put["text"], put["kind"], put["if_version"]) == ("a\0\udcff", "file", 0)
    assert put["session"] == SESSION_ID
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"piped")))
    assert main(["context", "put", "repo:x", "f", "--file", "-", "--kind", "decision"]) == 0
    assert (asked(fake_host)["text"], asked(fake_host)["kind"]) == ("piped", "decision")


def test_entries_are_removed_found_and_remembered(fake_host: FakeHost, capsys: Capture) -> None:
    """Each is asked for as it is meant."""
    fake_host.answers["context-rm"] = {"space": "team:web", "key": "a"}
    assert main(["context", "rm", "team:web", "a", "--if-version", "2"]) == 0
    assert (asked(fake_host)["key"], asked(fake_host)["if_version"]) == ("a", 2)
    assert main(["context", "rm", "team:web", "--all"]) == 0
    assert (asked(fake_host)["key"], asked(fake_host)["all"]) == (None, True)
    hit = {**entry(), "score": 1.5, "excerpt": "Ann owns\x07 it"}
    fake_host.answers["context-search"] = {"hits": [hit]}
    capsys.readouterr()
    assert main(["context", "search", "who owns", "--space", "team:web"]) == 0
    assert asked(fake_host) == {"query": "who owns", "spaces": ["team:web"], "limit": None}
    assert capsys.readouterr().out.splitlines() == [
        "team:web api/owner (fact, ann)",
        "    Ann owns\\x07 it",
    ]
    fake_host.answers["context-history"] = {
        "space": "team:web",
        "writes": [entry(removed=True, version=8), entry()],
    }
    assert main(["context", "history", "team:web"]) == 0
    _, last, first = capsys.readouterr().out.splitlines()
    assert last.split()[:3] == ["8", "api/owner", "removed"]
    assert first.split()[:3] == ["7", "api/owner", "fact"]


@pytest.mark.parametrize(
    "words",
    [
        ["put", "team:web", "a"],
        ["put", "team:web", "a", "x", "--file", "y"],
        ["put", "team:web", "a", "x", "--expires", "soon"],
        ["put", "team:web", "a", "--file", "/no/such/file"],
        ["put", "team:web", "a", "x", "--kind", "rumour"],
        ["rm", "team:web"],
        ["rm", "team:web", "a", "--all"],
        ["get", "team:web"],
    ],
)
def test_what_is_off_is_told_before_anything_is_asked(
    fake_host: FakeHost, capsys: Capture, words: list[str]
) -> None:
    """In one line, with exit code 2."""
    assert main(["context", *words]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line for line in lines if line.startswith("coders: error: ")] == lines[:1]
    assert fake_host.requests == []


def test_a_session_names_its_spaces(fake_host: FakeHost) -> None:
    """In the order given."""
    fake_host.answers["spawn"] = session()
    words = ["spawn", "shell", "--context", "team:web", "--context", "repo:/srv/x", "--", "true"]
    assert main(words) == 0
    assert asked(fake_host)["spec"]["context"] == ["team:web", "repo:/srv/x"]
