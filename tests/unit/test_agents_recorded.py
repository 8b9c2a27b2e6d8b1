"""Recordings read by `coders agents read`: which kind each is, and what it says."""

from __future__ import annotations

import io
import json
import random
from pathlib import Path
from typing import Any

import pytest

from coders_queue.agents import recorded, registry
from coders_queue.cli.main import main

GOLDEN = Path(__file__).parents[1] / "golden" / "claude" / "2.1.197"

Capture = pytest.CaptureFixture[str]

PERMISSION = """\
● Bash(touch x)
  ⎿  Running…

────────────────────────────────────────────────────────────
 Bash command

   touch x

 Do you want to proceed?
 ❯ 1. Yes
   2. No

 Esc to cancel · Tab to amend
"""


def read(capsys: Capture, *words: str) -> dict[str, Any]:
    assert main(["agents", "read", *words, "--json"]) == 0
    said: dict[str, Any] = json.loads(capsys.readouterr().out)
    return said


@pytest.mark.parametrize(
    ("case", "state"),
    [
        ("answer", "idle"),
        ("tool-call", "idle"),
        ("overloaded-529", "error"),
        ("not-logged-in", "error"),
        ("max-turns", "error"),
        ("unknown-command", "error"),
    ],
)
def test_a_stream_is_known_by_its_lines(case: str, state: str, capsys: Capture) -> None:
    """A whole stream gives its end, its usage and its answer; a failure is never an answer."""
    said = read(capsys, "claude@2.1.197", str(GOLDEN / f"{case}.jsonl"))
    assert (said["kind"], said["source"], said["state"]) == ("stream", "stream", state)
    assert said["version"] == "2.1.197"
    assert (said["usage"] is None) == (said["state"] == "unknown")
    if state == "error":
        assert said["message"]


def test_the_usage_and_the_answer_of_a_stream(capsys: Capture) -> None:
    """Both as the result line has them."""
    said = read(capsys, "claude", str(GOLDEN / "answer.jsonl"))
    assert said["result"] == "The stub has read the prompt."
    assert (said["usage"]["input_tokens"], said["usage"]["output_tokens"]) == (102, 11)


def test_a_stream_that_stops_is_of_an_agent_that_works(tmp_path: Path, capsys: Capture) -> None:
    """Without its last line, or cut in the middle of it, there is no result to believe."""
    whole = (GOLDEN / "answer.jsonl").read_bytes()
    file = tmp_path / "cut.jsonl"
    for end in (whole.rstrip().rindex(b"\n") + 1, len(whole) - 40):
        file.write_bytes(whole[:end])
        said = read(capsys, "claude@2.1.197", str(file))
        assert (said["kind"], said["state"], said["result"]) == ("stream", "working", None)


def test_a_screen(tmp_path: Path, capsys: Capture) -> None:
    """A question with its choices; in words for people."""
    file = tmp_path / "screen.txt"
    file.write_text(PERMISSION)
    said = read(capsys, "claude@2.1.197", str(file), "--title", "✳ touch", "--columns", "60")
    assert (said["kind"], said["state"]) == ("screen", "waiting")
    assert said["question"] == "Do you want to proceed?"
    assert said["choices"] == ["Yes", "No"]
    assert main(["agents", "read", "claude", str(file)]) == 0
    out = capsys.readouterr().out
    assert "state         waiting (by its screen)" in out
    assert "choice        Yes" in out


def test_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """`-` takes what is piped in."""
    piped = io.TextIOWrapper(io.BytesIO(PERMISSION.encode()))
    monkeypatch.setattr("sys.stdin", piped)
    assert read(capsys, "claude", "-")["state"] == "waiting"


def test_hostile_bytes_are_read_in_peace() -> None:
    """Random bytes, deep nesting, endless escapes: an answer, never a fault, never a success."""
    rng = random.Random(7)
    samples = [
        b"",
        b"\n\n\n",
        b'{"type":',
        b"[" * 100_000,
        b'{"type":"result"}\n' * 3,
        b"\x1b]0;" + b"x" * 100_000,
        b"\x1b[" + b"9" * 50_000 + b"m",
        b'{"type":"result","is_error":"no","usage":{"input_tokens":-1}}\n',
        b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
        *(rng.randbytes(5000) for _ in range(5)),
    ]
    for name in registry.names():
        adapter = registry.get(name)
        for data in samples:
            for kind in (None, *recorded.KINDS):
                _, seen = recorded.read(adapter, None, data, kind=kind, title="\x1b]0;\x07" * 9)  # type: ignore[arg-type]
                assert seen.result is None, (name, kind, data[:60])


def test_what_is_wrong_with_the_call(tmp_path: Path, capsys: Capture) -> None:
    """No such file, no such size, no such agent."""
    (tmp_path / "s").write_text("x")
    for words, said in (
        (("claude", str(tmp_path / "gone")), "no such file or directory"),
        (("claude", str(tmp_path)), "is a directory"),
        (("claude", str(tmp_path / "s"), "--rows", "0"), "--rows: 0 is no size"),
        (("claude@latest", str(tmp_path / "s")), "not a version"),
    ):
        assert main(["agents", "read", *words]) == 2
        assert said in capsys.readouterr().err
    assert main(["agents", "read", "cluade", "x"]) == 5
