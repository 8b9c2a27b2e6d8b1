"""Shared context on a whole stack: put by one, given to the next, refused in one line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from coders_queue.client.client import Coders
from support.command_line import CommandLine, command_line

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


@pytest.fixture(scope="module")
def coders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    """A stack that runs, with an agent that shows its prompt."""
    config = tmp_path_factory.mktemp("config")
    (config / "coders" / "agents").mkdir(parents=True)
    (config / "coders" / "agents" / "echo.toml").write_text(ECHO)
    with command_line({"XDG_CONFIG_HOME": str(config)}) as one:
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
