"""Recordings read by `coders agents read`: which kind each is, and what it says."""

from __future__ import annotations

import io
import json
import random
from datetime import UTC, datetime
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


LIMIT = """\
❯ go on

  ⎿  You've hit your session limit · resets 11pm (Europe/Prague)

✻ Baked for 0s

────────────────────────────────────────────────────────────
❯\xa0
────────────────────────────────────────────────────────────
  ? for shortcuts
"""


def test_when_a_limit_ends_needs_the_time_of_the_look(tmp_path: Path, capsys: Capture) -> None:
    """`resets 11pm` is a moment for one who knows what day it was, and none otherwise."""
    file = tmp_path / "screen.txt"
    file.write_text(LIMIT)
    said = read(capsys, "claude@2.1.197", str(file))
    assert (said["state"], said["resets_at"]) == ("rate_limited", None)
    end = datetime(2026, 11, 22, 22, tzinfo=UTC).timestamp()
    for at in ("2026-11-22T20:15:00Z", "1795378500", "2026-11-22T21:15+01:00"):
        assert read(capsys, "claude@2.1.197", str(file), "--at", at)["resets_at"] == end
    for at in ("", "now", "2026-13-01", "9" * 400, "-1"):
        assert main(["agents", "read", "claude", str(file), f"--at={at}"]) == 2
        assert "is no time" in capsys.readouterr().err


def test_a_transcript_is_told_from_a_stream(tmp_path: Path, capsys: Capture) -> None:
    """By whose reading fits; what it says at its last line counts, with all that was used."""
    whole = (GOLDEN.parent / "2.1.330" / "transcript.jsonl").read_text().splitlines(keepends=True)
    said = read(capsys, "claude@2.1.330", str(GOLDEN.parent / "2.1.330" / "transcript.jsonl"))
    assert (said["kind"], said["state"]) == ("transcript", "error")
    assert said["message"] == "API Error: 400 stub failure"
    answered = max(n for n, line in enumerate(whole) if '"end_turn"' in line)
    file = tmp_path / "until-an-answer.jsonl"
    file.write_text("".join(whole[: answered + 1]))
    said = read(capsys, "claude@2.1.330", str(file))
    assert (said["kind"], said["state"]) == ("transcript", "idle")
    assert said["result"]
    assert said["usage"]["input_tokens"] > 0


def test_the_agents_colours_and_title_cannot_speak_to_the_terminal(
    tmp_path: Path, capsys: Capture
) -> None:
    """Escape sequences of a screen, a question or a title reach neither output."""
    file = tmp_path / "screen.txt"
    file.write_text(PERMISSION.replace("1. Yes", "1. Yes\x1b]0;owned\x07\x1b[2J\x9b31m"))
    title = "\x1b]52;c;ZXZpbA==\x07✳ touch\x1b[2J\n"
    assert main(["agents", "read", "claude", str(file), "--title", title]) == 0
    plain = capsys.readouterr().out
    assert "waiting" in plain
    assert read(capsys, "claude", str(file), "--title", title)["choices"][1] == "No"
    assert not set(plain) & {"\x1b", "\x07", "\x9b"}


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
        (("claude@latest", str(tmp_path / "s")), "not one exact version"),
    ):
        assert main(["agents", "read", *words]) == 2
        assert said in capsys.readouterr().err
    assert main(["agents", "read", "cluade", "x"]) == 5
