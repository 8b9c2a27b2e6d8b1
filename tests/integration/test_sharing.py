"""Shared context and messages on a whole stack: what one puts or sends, others are given, once."""

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

#: It answers with the prompt that it got.
ECHO = """\
name = "echo"
program = "/bin/sh"
version = []

[headless]
prompt = "file"
argv = ["-c", 'printf "SAYS\\n%s\\nEND\\n" "$(cat "$1")"', "sh", "{task_file}"]

[headless.output]
format = "text"
result = { after = "^SAYS$", before = "^END$" }
"""


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
    """A stack that runs, with an agent that shows its prompt and one at its terminal."""
    config = tmp_path_factory.mktemp("config")
    (config / "coders" / "agents").mkdir(parents=True)
    (config / "coders" / "agents" / "echo.toml").write_text(ECHO)
    program = prompts.parent / "tiny"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} {_TUI} {prompts} "$@"\n')
    program.chmod(0o755)
    (config / "coders" / "agents" / "tiny.toml").write_text(TINY.format(program=program))
    with command_line({"XDG_CONFIG_HOME": str(config), "CODERS_OWNER": "ann"}) as one:
        one.ok("up")
        yield one


def test_what_one_puts_the_next_is_given(coders: CommandLine, tmp_path: Path) -> None:
    """Before its prompt, or in a file where it has none; bytes survive, and a session is named."""
    (tmp_path / "raw").write_bytes(b"\xff\x00raw")
    put = ("context", "put", "team:web")
    coders.ok(*put, "raw", "--file", str(tmp_path / "raw"))
    assert coders.ok("context", "get", "team:web", "raw").out == b"\xff\x00raw"
    program = str(coders.program)
    inside = coders.run_shell(
        *(program, *put, "rule", "round half up", "--kind", "decision", "--json"),
        options=("--env", "CODERS_STATE_DIR"),
    )
    rule = json.loads(inside["output"])
    assert rule["author"] == f"session:{inside['id']}"

    done = coders.ok("run", "echo", "--json", "do it", "--context", "team:web").json
    prompt = done["result"]
    assert prompt.rstrip().endswith("end of the shared context\n\ndo it")
    assert prompt.index("round half up") < prompt.index("\ufffd\ufffdraw")
    assert f"session {inside['id'][:8]}" in prompt

    shown = coders.run_shell("sh", "-c", 'cat "$CODERS_CONTEXT"', options=("--context", "team:web"))
    given = json.loads(shown["output"])
    assert [(one["key"], one["text"]) for one in given["entries"]] == [
        ("rule", "round half up"),
        ("raw", "\udcff\0raw"),
    ]
    empty = coders.ok("spawn", "shell", "--context", "team:wbe", "--", "true")
    assert "team:wbe holds nothing yet" in empty.err


def test_python_and_the_command_line_see_the_same(coders: CommandLine) -> None:
    """Whoever writes; a search finds it, the history tells who did."""
    with Coders(state_dir=coders.paths.state, start=False) as client:
        space = client.context("flow:f")
        entry = space.put("verdict", "ship it", if_version=0)
        assert coders.ok("context", "get", "flow:f", "verdict").text == "ship it"
        coders.ok("context", "rm", "flow:f", "verdict", "--if-version", str(entry.version))
        assert space.get("verdict") is None
        assert [one.removed for one in space.history("verdict")] == [True, False]
        space.put("verdict", "wait for the tests", kind="decision")
        hits = coders.ok("context", "search", "tests", "--json").json["hits"]
        assert [(one["space"], one["key"]) for one in hits] == [("flow:f", "verdict")]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("get", "team:web", "nothing"), 3, "there is no nothing in team:web"),
        (("get", "team:web", "rule", "--version", "99"), 3, "version 99 of rule"),
        (("rm", "team:none", "--all"), 3, "team:none holds nothing"),
        (("ls", "crew"), 2, "'crew' names no space"),
        (("put", "team:web", "a b", "x"), 2, "'a b' is no key"),
        (("put", "team:web", "big", "--file", "/dev/stdin"), 2, "over the 262144 of one entry"),
        (("put", "team:web", "a", "x", "--if-version", "77"), 4, "is not there, not version 77"),
        (("search", "???"), 2, "no word to search for"),
    ],
)
def test_what_people_get_wrong(
    coders: CommandLine, words: tuple[str, ...], code: int, said: str
) -> None:
    """One line that says what, and nothing written."""
    before = coders.ok("context", "ls", "--json").out
    done = coders("context", *words, stdin=b"x" * 262_145)
    assert done.code == code, done
    errors = [line for line in done.err.splitlines() if line.startswith("coders: error: ")]
    assert len(errors) == 1
    assert said in errors[0]
    assert coders.ok("context", "ls", "--json").out == before


def test_a_session_of_no_space_is_not_started(coders: CommandLine) -> None:
    """The name is told."""
    done = coders("run", "shell", "--context", "web", "--", "true")
    assert done.code == 2
    assert "'web' names no space" in done.err


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
def test_what_cannot_be_sent_or_read(
    coders: CommandLine, words: tuple[str, ...], code: int, said: str
) -> None:
    """One line that says what, and nothing sent."""
    done = coders(*words, stdin=b"x" * 65_537)
    assert done.code == code, done
    assert len([line for line in done.err.splitlines() if "coders: error: " in line]) == 1
    assert said in done.err
    assert coders.ok("inbox", "person:ben", "--json").json["messages"] == []
