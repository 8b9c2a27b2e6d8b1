"""``coders approvals``, ``approve`` and ``deny``: what they ask the host, and what they print."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from coders_queue import errors
from coders_queue.cli.main import main
from support.fake_host import SESSION_ID, FakeHost

pytest_plugins = ("support.host_fixtures",)

Capture = pytest.CaptureFixture[str]


def approval(**changes: Any) -> dict[str, Any]:
    return {
        "id": "3fa9c2d41b07",
        "session": SESSION_ID,
        "attempt": 1,
        "name": "fix",
        "host": "here",
        "owner": "ann",
        "agent": "claude",
        "kind": "permission",
        "text": "Do you want to proceed?",
        "detail": "Bash command\n  make \x1b[2Jit",
        "options": [{"text": "Yes", "means": "allow"}, {"text": "No", "means": "deny"}],
        "call": {"tool": "Bash", "command": "make \x1b[2Jit", "path": None, "whole": True},
        "since": time.time() - 90,
        "deadline": time.time() + 600,
        "state": "open",
        "answer": None,
        "failure": None,
        "ended_at": None,
        **changes,
    }


def answered(**changes: Any) -> dict[str, Any]:
    answer = {"choice": 1, "text": "Yes", "deny": False, "because": None, "by": "person:ann"}
    return approval(state="answered", answer={**answer, "at": 1.0, "note": None, **changes})


def asked(host: FakeHost) -> tuple[str, dict[str, Any]]:
    return host.requests[-1]["verb"], host.requests[-1]["params"]


def test_what_waits_is_listed(fake_host: FakeHost, capsys: Capture) -> None:
    """With what is to be run; what is hostile in it steers no terminal."""
    fake_host.answers["approvals"] = {"approvals": [approval()]}
    assert main(["approvals"]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[1].split()[:4] == ["3fa9c2d41b07", "fix", "claude", "here"]
    assert "Bash: make \\x1b[2Jit" in out
    assert asked(fake_host) == ("approvals", {"all": False, "limit": None})
    fake_host.answers["approvals"] = {"approvals": [answered(by="policy:2", deny=True)]}
    assert main(["approvals", "ls", "--all", "--limit", "3"]) == 0
    assert "denied by policy 2" in capsys.readouterr().out
    fake_host.answers["approvals"] = {"approvals": []}
    assert main(["approvals"]) == 0
    out, err = capsys.readouterr()
    assert (out, "nothing waits" in err) == ("", True)
    assert main(["approvals", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"approvals": []}


def test_one_is_shown_with_all_that_is_known(fake_host: FakeHost, capsys: Capture) -> None:
    """Its choices by number, and what its agent shows."""
    fake_host.answers["approval"] = approval(failure="it took no key")
    assert main(["approvals", "show", "3fa9"]) == 0
    out = capsys.readouterr().out
    assert "  1. Yes\n  2. No\n" in out
    assert "last try" in out
    assert "\x1b" not in out


def test_an_answer_says_what_was_meant(
    fake_host: FakeHost, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The plain yes, a choice, a denial with a word why; who answers is told, too."""
    fake_host.answers["approve"] = answered()
    assert main(["approve", "fix"]) == 0
    assert "answered 'Yes': fix, Bash: make" in capsys.readouterr().err
    monkeypatch.setenv("CODERS_SESSION_ID", SESSION_ID)
    assert main(["approve", "fix", "2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["state"] == "answered"
    assert asked(fake_host) == ("approve", {"ref": "fix", "choice": "2", "session": SESSION_ID})
    fake_host.answers["approve"] = answered(deny=True, text=None, note="not told why")
    assert main(["deny", "fix", "--because", "no"]) == 0
    err = capsys.readouterr().err
    assert "denied: fix" in err
    assert "warning: not told why" in err
    verb, params = asked(fake_host)
    assert (verb, params["deny"], params["because"]) == ("approve", True, "no")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["approve"], "ID|SESSION"),
        (["deny", "fix", "--because", " "], "--because says nothing"),
        (["approvals", "--limit", "0"], "--limit must be 1 or more"),
        (["approvals", "sho"], "sho"),
    ],
)
def test_a_wrong_call_is_told_in_a_line(
    fake_host: FakeHost, capsys: Capture, words: list[str], told: str
) -> None:
    """Exit code 2, and nothing is asked of the host."""
    assert main(words) == 2
    assert told in capsys.readouterr().err
    assert fake_host.requests == []


def test_what_was_not_given_has_its_exit_code(fake_host: FakeHost, capsys: Capture) -> None:
    """4 when it waits no more or nothing was pressed."""
    fake_host.answers["approve"] = errors.Undelivered("fix: asks something else now", "look")
    assert main(["approve", "fix"]) == 4
    assert "asks something else now" in capsys.readouterr().err
