"""``coders message`` and ``coders inbox``: what they ask the host, and what they print."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from coders_queue import errors
from coders_queue.cli import host as cli_host
from coders_queue.cli.main import main
from support.fake_host import SESSION_ID, FakeHost, HangUp

pytest_plugins = ("support.host_fixtures",)

Capture = pytest.CaptureFixture[str]


def message(number: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "id": f"{number}-0",
        "to": "person:me",
        "sender": "person:ann",
        "text": "hello",
        "at": time.time() - 90,
        "key": None,
        "tries": 1,
        "why": None,
        **changes,
    }


def answers(*given: Any) -> Callable[[dict[str, Any]], Any]:
    """One answer after the other; exceptions are raised."""
    left = list(given)

    def answer(_params: dict[str, Any]) -> Any:
        one = left.pop(0)
        if isinstance(one, Exception):
            raise one
        return one

    return answer


def asked(host: FakeHost, verb: str) -> list[dict[str, Any]]:
    return [one["params"] for one in host.requests if one["verb"] == verb]


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli_host, "_AGAIN", 0.01)


def test_a_message_is_sent_once_whatever_gets_lost(fake_host: FakeHost, capsys: Capture) -> None:
    """Asked again, with the same id of the sender, while the worker or its broker is away."""
    fake_host.answers["message"] = answers(HangUp(), errors.Unavailable("away"), message(7))
    assert main(["message", "person:ann", "hello"]) == 0
    assert capsys.readouterr().out == "7-0\n"
    sent = asked(fake_host, "message")
    assert len(sent) == 3
    assert sent[0] == sent[1] == sent[2]
    assert (sent[0]["to"], sent[0]["text"], sent[0]["session"]) == ("person:ann", "hello", None)
    assert len(sent[0]["key"]) == 32


def test_a_sender_is_named(
    fake_host: FakeHost, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The session, where it is one; its own id for the message is its own."""
    monkeypatch.setenv("CODERS_SESSION_ID", SESSION_ID)
    fake_host.answers["message"] = answers(message())
    assert main(["message", "fix", "hello", "--id", "note 1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["id"] == "1-0"
    (sent,) = asked(fake_host, "message")
    assert (sent["key"], sent["session"]) == ("note 1", SESSION_ID)


def test_a_look_changes_nothing(fake_host: FakeHost, capsys: Capture) -> None:
    """No reader is named; hostile texts steer no terminal."""
    given = {"address": "person:me", "messages": [message(text="a\n\x1b[2Jb"), message(2)]}
    fake_host.answers["inbox"] = answers(given, {**given, "messages": []})
    assert main(["inbox"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("1-0 from person:ann, 1m3")
    assert lines[1:3] == ["    a", "    \\x1b[2Jb"]
    assert asked(fake_host, "inbox") == [
        {"who": None, "session": None, "limit": None, "dead": False}
    ]
    assert main(["inbox"]) == 0
    out, err = capsys.readouterr()
    assert (out, "nothing is in the mailbox of person:me" in err) == ("", True)


def test_what_is_acknowledged_is_shown(fake_host: FakeHost, capsys: Capture) -> None:
    """Both requests are repeated under one reader's name; what others have by now is not ours."""
    given = {"address": "person:me", "messages": [message(1), message(2)]}
    fake_host.answers["inbox"] = answers(HangUp(), given)
    fake_host.answers["inbox-ack"] = answers(HangUp(), {"acknowledged": ["2-0"]})
    assert main(["inbox", "person:me", "--ack", "--limit", "2", "--json"]) == 0
    assert [one["id"] for one in json.loads(capsys.readouterr().out)["messages"]] == ["2-0"]
    taken, done = asked(fake_host, "inbox"), asked(fake_host, "inbox-ack")
    assert len({one["reader"] for one in (*taken, *done)}) == 1
    assert (taken[0]["limit"], done[0]["ids"]) == (2, ["1-0", "2-0"])


def test_an_acknowledgement_in_doubt_is_told(fake_host: FakeHost, capsys: Capture) -> None:
    """The messages are shown: better twice than not at all."""
    fake_host.answers["inbox"] = answers({"address": "person:me", "messages": [message()]})
    fake_host.answers["inbox-ack"] = answers(errors.CodersError("broken"))
    assert main(["inbox", "--ack"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("1-0 from person:ann")
    assert "may be shown again" in err


def test_dead_letters_are_shown_with_why(fake_host: FakeHost, capsys: Capture) -> None:
    """And nothing is taken."""
    dead = message(why="its receiver has ended")
    fake_host.answers["inbox"] = answers({"address": "session:x", "messages": [dead]})
    assert main(["inbox", "fix", "--dead"]) == 0
    assert "; dead: its receiver has ended" in capsys.readouterr().out
    assert asked(fake_host, "inbox")[0]["dead"] is True


@pytest.mark.parametrize(
    "words",
    [["message", "fix"], ["message", "fix", "x", "--file", "y"], ["inbox", "--ack", "--dead"]],
)
def test_what_is_off_is_told_before_anything_is_asked(
    fake_host: FakeHost, words: list[str]
) -> None:
    """With exit code 2."""
    assert main(words) == 2
    assert fake_host.requests == []


def test_without_a_worker_it_is_told_at_once(
    cli_state: Any, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is waited for that was never there."""
    monkeypatch.setattr(cli_host, "_AGAIN", 60.0)
    assert main(["message", "person:ann", "x"]) == 6
    assert "no worker listens" in capsys.readouterr().err
