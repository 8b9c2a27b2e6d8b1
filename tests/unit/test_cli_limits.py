"""``coders limits`` and ``coders prioritize``: what they ask the host, and what they print."""

from __future__ import annotations

import json
from typing import Any

import pytest

from coders_queue.cli.main import main
from support.fake_host import FakeHost, session

pytest_plugins = ("support.host_fixtures",)

Capture = pytest.CaptureFixture[str]

FOUND: dict[str, Any] = {
    "limits": [
        {
            "name": "claude-fleet",
            "agent": "claude",
            "host": None,
            "owner": "ann",
            "label": None,
            "concurrency": 5,
            "rate": 0.5,
            "burst": 3,
            "used": 4,
            "ready_in": 1.5,
            "waiting": 12,
        },
        {
            "name": "all",
            "agent": None,
            "host": None,
            "owner": None,
            "label": None,
            "concurrency": None,
            "rate": 2.0,
            "burst": 1,
            "used": 9,
            "ready_in": 0.0,
            "waiting": 13,
        },
    ],
    "shares": {"ann": 2.0},
    "exhausted": {"codex": 1_700_000_000.0},
    "waiting": 13,
}
WAITING = {
    "state": "queued",
    "waiting": {"position": 3, "why": "limit all is full (1 of 1)", "expected_at": 1.7e9},
    "priority": 2,
}


def test_limits_are_shown(fake_host: FakeHost, capsys: Capture) -> None:
    """Each with what it counts, how far it is used and who waits; shares and used-up quotas."""
    fake_host.answers["limits"] = FOUND
    assert main(["limits"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split("  ")[0] == "claude-fleet"
    for part in ("agent claude, owner ann", "4 of 5", "0.5/s, burst 3", "in 1.5 s", "12"):
        assert part in lines[1]
    for part in ("all sessions", "9", "2/s, burst 1", "now", "13"):
        assert part in lines[2]
    assert lines[3] == "share of ann: 2"
    assert lines[4].startswith("the quota of codex is used up until 20")
    assert main(["limits", "ls", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == FOUND


def test_no_limits(fake_host: FakeHost, capsys: Capture) -> None:
    """Said beside the output, which is empty."""
    fake_host.answers["limits"] = {"limits": [], "shares": {}, "exhausted": {}, "waiting": 0}
    assert main(["limits"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert "no limits" in err


@pytest.mark.parametrize(
    ("words", "verb", "asked"),
    [
        (
            ["set", "x", "--agent", "claude", "--concurrency", "5", "--rate", "0.5"],
            "limit",
            {"name": "x", "limit": {"agent": "claude", "concurrency": 5, "rate": 0.5}},
        ),
        (["rm", "x"], "limit", {"name": "x", "remove": True}),
        (["share", "ann", "2"], "share", {"owner": "ann", "weight": 2.0}),
        (["share", "ann", "default"], "share", {"owner": "ann", "weight": None}),
        (["reopen", "claude"], "reopen", {"account": "claude"}),
    ],
)
def test_limits_are_changed(
    fake_host: FakeHost, words: list[str], verb: str, asked: dict[str, Any]
) -> None:
    """As they were said."""
    fake_host.answers[verb] = FOUND
    assert main(["limits", *words]) == 0
    assert fake_host.asked(verb) == asked


def test_a_weight_is_a_number(fake_host: FakeHost, capsys: Capture) -> None:
    """Or the word for everybody's."""
    assert main(["limits", "share", "ann", "much"]) == 2
    assert "'much' is no weight" in capsys.readouterr().err


def test_prioritize(fake_host: FakeHost, capsys: Capture) -> None:
    """Says what the session waits for now."""
    fake_host.answers["prioritize"] = session(**WAITING)
    assert main(["prioritize", "fix", "2"]) == 0
    out, err = capsys.readouterr()
    assert out == "fix has priority 2\n"
    assert "fix waits at position 3: limit all is full (1 of 1), expected to start 20" in err
    assert fake_host.asked("prioritize") == {"ref": "fix", "priority": 2}


def test_who_waits_is_shown_everywhere(fake_host: FakeHost, capsys: Capture) -> None:
    """By ls with the position, by show, by spawn and by status."""
    one = session(**WAITING, started_at=None, ended_at=None)
    fake_host.answers |= {
        "ls": {"sessions": [one, session()]},
        "show": one,
        "spawn": one,
        "status": {
            "worker": {"pid": 1, "started_at": 1.0},
            "host": "h",
            "roles": ["host"],
            "broker": "b",
            "embedded": True,
            "degraded": False,
            "sessions": {"queued": 2},
            "waits": {"limit all is full (1 of 1)": 2},
            "state_dir": "/s",
        },
    }
    assert main(["ls"]) == 0
    out = capsys.readouterr().out
    assert "queued 3" in out
    assert "limit all is full (1 of 1)" in out
    assert main(["show", "fix"]) == 0
    assert "waits         at position 3: limit all is full" in capsys.readouterr().out
    assert main(["spawn", "shell", "--", "true"]) == 0
    assert "fix waits at position 3" in capsys.readouterr().err
    assert main(["status"]) == 0
    assert "waiting   2: limit all is full (1 of 1)" in capsys.readouterr().out
