"""Messages on a whole stack: pulled once, pushed into a terminal, refused in one line."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from coders_queue.client.client import Coders
from coders_queue.store import kinds
from support.command_line import CommandLine, command_line
from support.local_stack import eventually

pytestmark = [pytest.mark.broker, pytest.mark.tmux]

#: The tiny agent with an input box, which writes down what it is given.
TINY = """\
name = "tiny"
program = "{program}"
version = []

[interactive]
argv = ["turn=0.2"]
[[interactive.screen]]
state = "working"
where = "footer"
match = '^working'
[[interactive.screen]]
state = "idle"
where = "footer"
match = '^idle[|](?P<draft>.*)$'
"""
_TUI = Path(__file__).resolve().parents[1] / "support" / "tiny_tui.py"


@pytest.fixture(scope="module")
def prompts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the tiny agent writes what it was given."""
    return tmp_path_factory.mktemp("tiny") / "prompts"


@pytest.fixture(scope="module")
def coders(prompts: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    """A stack that runs, with an agent at its terminal."""
    config = tmp_path_factory.mktemp("config")
    program = prompts.parent / "tiny"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} {_TUI} {prompts} "$@"\n')
    program.chmod(0o755)
    (config / "coders" / "agents").mkdir(parents=True)
    (config / "coders" / "agents" / "tiny.toml").write_text(TINY.format(program=program))
    with command_line({"XDG_CONFIG_HOME": str(config), "CODERS_OWNER": "ann"}) as one:
        one.ok("up")
        yield one


def test_an_inbox_shows_each_message_once(coders: CommandLine) -> None:
    """In order, to a session that asks for its own; a look shows them again and again."""
    session_id = coders.spawn_shell("sleep", "60", options=("--name", "reader"))
    first = coders.ok("message", "reader", "one").text.strip()
    coders.ok("message", f"session:{session_id}", "--file", "-", stdin=b"two\xff")
    assert (
        coders.ok("message", "reader", "x", "--id", "k").out
        == coders.ok("message", session_id[:12], "x", "--id", "k").out
    )
    inside = {"CODERS_SESSION_ID": session_id}
    for _ in range(2):
        looked = coders.ok("inbox", "--json", env=inside).json
    read = coders.ok("inbox", "--ack", "--json", env=inside).json
    for shown in (looked, read):
        assert shown["address"] == f"session:{session_id}"
        assert [one["text"] for one in shown["messages"]] == ["one", "two\udcff", "x"]
    assert read["messages"][0]["id"] == first
    assert read["messages"][0]["sender"] == "person:ann"
    assert coders.ok("inbox", "--ack", "--json", env=inside).json["messages"] == []

    # and back, to the person the host is for
    coders.ok("message", "person:ann", "done", env=inside)
    (answer,) = coders.ok("inbox", "--ack", "--json").json["messages"]
    assert (answer["sender"], answer["text"]) == (f"session:{session_id}", "done")
    coders.ok("kill", "reader")


def test_an_agent_at_its_terminal_is_given_its_messages(coders: CommandLine, prompts: Path) -> None:
    """When it is idle, with their ids; over a person's draft nothing is typed."""
    started = coders.ok("spawn", "tiny", "--interactive", "--name", "tiny", "--json").json

    def doing() -> str:
        activity = coders.ok("show", "tiny", "--json").json["activity"]
        return str(activity["doing"]) if activity else ""

    eventually(lambda: doing() == "idle")
    coders.ok("send", "tiny", "my draft", "--no-enter")
    with Coders(state_dir=coders.paths.state, start=False) as client:
        sent = client.message("tiny", "look at\nthe logs")
        mailbox = client.inbox("tiny")
        # handed out and put back: it was tried
        eventually(lambda: "message_held_up" in coders_log(coders))
        assert [one.tries for one in mailbox.look()] in ([0], [1])
        assert not prompts.exists()
        coders.ok("send", "tiny", "--key", "C-u")
        eventually(prompts.exists)
        (prompt,) = [json.loads(line) for line in prompts.read_text().splitlines()]
        assert f"message {sent.id} from " in prompt
        assert "\nlook at\nthe logs\n=====" in prompt
        eventually(lambda: mailbox.look() == [])

        # its end: what waits is a dead letter, and nothing more is taken
        coders.ok("send", "tiny", "another draft", "--no-enter")
        late = client.message("tiny", "too late")
        coders.ok("kill", "tiny")
        eventually(lambda: [one.id for one in client.inbox(started["id"]).dead()] == [late.id])
        told = [one for one in client.store.events() if one.kind == kinds.MESSAGE_DEAD]
        assert [one.data["message"] for one in told] == [late.id]
    done = coders("message", "tiny", "x")
    assert done.code == 4
    assert "has ended: it is cancelled; nothing was sent" in done.err


def coders_log(coders: CommandLine) -> str:
    """What the worker wrote."""
    return (coders.paths.logs / "worker.log").read_text(errors="replace")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("message", "nobody", "x"), 3, "person:nobody"),
        (("message", "person:a b", "x"), 2, "'person:a b' is nobody's address"),
        (("message", "person:ben", " "), 2, "no text to send"),
        (("message", "person:ben", "--file", "-"), 2, "over the 65536 of one"),
        (("message", "person:ben", "x", "--id", "a\nb"), 2, "no id of a message"),
        (("inbox", "nobody"), 3, "nobody"),
    ],
)
def test_what_people_get_wrong(
    coders: CommandLine, words: tuple[str, ...], code: int, said: str
) -> None:
    """One line that says what, and nothing sent."""
    done = coders(*words, stdin=b"x" * 65_537)
    assert done.code == code, done
    assert len([line for line in done.err.splitlines() if "coders: error: " in line]) == 1
    assert said in done.err
    assert coders.ok("inbox", "person:ben", "--json").json["messages"] == []
