"""Claude Code's transcripts and hooks."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from coders_queue.agents.claude import hooks, transcript
from coders_queue.models.outcome import Usage

GOLDEN = Path(__file__).resolve().parents[1] / "golden/claude/2.1.330/transcript.jsonl"
CONVERSATION = "22dec549-8cd5-42ca-a3ae-2f4a895a817c"


def line(kind: str, content: Any, **more: Any) -> bytes:
    message = {"content": content, **more.pop("message", {})}
    return json.dumps({"type": kind, "message": message, **more}).encode() + b"\n"


def said(text: str, identity: str, used: int, **more: Any) -> bytes:
    message = {"id": identity, "usage": {"input_tokens": used, "output_tokens": 1}}
    return line("assistant", [{"type": "text", "text": text}], message=message, **more)


def test_a_real_transcript() -> None:
    """Three answers, an interrupted turn, three refusals; each message's tokens once."""
    found = transcript.read([GOLDEN.read_bytes()], CONVERSATION, "/home/dev/project", None)
    assert found.error == "API Error: 400 stub failure"
    assert found.result is None
    assert found.prompts == 6
    assert found.usage == Usage(input_tokens=44, output_tokens=28)


def test_the_totals_of_an_orderly_end_count_more() -> None:
    """They have the requests outside of the conversation, and the money."""
    state = {
        "projects": {
            "/home/dev/project": {
                "lastSessionId": CONVERSATION,
                "lastCost": 0.5,
                "lastModelUsage": {"m": {"inputTokens": 50, "outputTokens": 33}},
            }
        }
    }
    files = [GOLDEN.read_bytes(), json.dumps(state).encode()]
    found = transcript.read(files, CONVERSATION, "/home/dev/project", None)
    assert found.usage == Usage(input_tokens=50, output_tokens=33, cost_usd=0.5)
    other = transcript.read(files, "another", "/home/dev/project", None)
    assert other.usage == Usage(input_tokens=44, output_tokens=28)


def test_a_message_counts_once() -> None:
    """Its lines repeat it with what it has used so far, and a subagent's repeat its parent's."""
    main = said("", "m1", 3) + said("so", "m1", 5) + said("so it is", "m2", 7)
    side = said("", "m2", 7, isSidechain=True) + said("aside", "m3", 11, isSidechain=True)
    found = transcript.read([main, side], "c", "/w", None)
    assert found.usage == Usage(input_tokens=23, output_tokens=3)
    assert found.result == "so it is"


def test_an_earlier_run_of_the_conversation_is_not_counted() -> None:
    """A resumed conversation's file has it all."""
    old = said("old", "m1", 3, timestamp="2026-01-01T00:00:00.000Z")
    new = said("new", "m2", 5, timestamp="2026-01-01T00:01:00.000Z")
    found = transcript.read([old + new], "c", "/w", 1767225630.0)
    assert found.usage == Usage(input_tokens=5, output_tokens=1)


def test_a_later_answer_heals_an_error() -> None:
    """And a later prompt without an answer has none."""
    failed = line("user", "go") + said("API Error", "e", 0, isApiErrorMessage=True)
    healed = failed + line("user", "again") + said("done", "m1", 1)
    assert transcript.read([failed], "c", "/w", None).error == "API Error"
    assert transcript.read([healed], "c", "/w", None).error is None
    assert transcript.read([healed], "c", "/w", None).result == "done"
    assert transcript.read([healed + line("user", "and now?")], "c", "/w", None).result is None


@pytest.mark.parametrize(
    "data", [b"", b"\n\n", b"{", b"[1]\nnull\n3", b'{"type": 3}', b"\xff\xfe", b"[" * 100_000]
)
def test_what_is_no_transcript_says_nothing(data: bytes) -> None:
    """Cut lines, other JSON, noise."""
    assert transcript.read([data], "c", "/w", None) == transcript.Transcript()
    assert transcript.observe(data) is None
    assert hooks.observe(data) is None


def test_a_line_cut_in_the_middle_is_left_out() -> None:
    """The lines before it count."""
    data = said("whole", "m1", 3) + said("cut off", "m2", 5)[:-30]
    assert transcript.read([data], "c", "/w", None).result == "whole"


@pytest.mark.parametrize(
    ("entry", "state"),
    [
        (line("user", "go"), "working"),
        (line("user", [{"type": "tool_result", "content": "x"}]), "working"),
        (line("user", [{"type": "text", "text": "[Request interrupted by user]"}]), "idle"),
        (said("so", "m", 1, message_=0), "working"),
        (said("API Error", "m", 1, isApiErrorMessage=True), "error"),
        (said("limit", "m", 1, isApiErrorMessage=True, error="rate_limit"), "rate_limited"),
    ],
)
def test_a_line_tells_the_state(entry: bytes, state: str) -> None:
    """One message at a time."""
    seen = transcript.observe(entry)
    assert seen is not None
    assert seen.state == state


def test_an_end_of_turn_is_idle_with_its_answer() -> None:
    """And its tokens."""
    message = {"stop_reason": "end_turn", "usage": {"input_tokens": 3, "output_tokens": 1}}
    seen = transcript.observe(line("assistant", [{"type": "text", "text": "so"}], message=message))
    assert seen is not None
    assert (seen.state, seen.result, seen.usage) == (
        "idle",
        "so",
        Usage(input_tokens=3, output_tokens=1),
    )


@pytest.mark.parametrize(
    ("told", "state", "text"),
    [
        ({"hook_event_name": "SessionStart", "source": "startup"}, "idle", None),
        ({"hook_event_name": "UserPromptSubmit", "prompt": "x"}, "working", None),
        (
            {
                "hook_event_name": "PermissionRequest",
                "tool_name": "Bash",
                "tool_input": {"command": "rm -r\n x"},
            },
            "waiting",
            "Bash: rm -r x",
        ),
        (
            {
                "hook_event_name": "Notification",
                "notification_type": "permission_prompt",
                "message": "May I?",
            },
            "waiting",
            "May I?",
        ),
        ({"hook_event_name": "StopFailure", "error": "rate_limit"}, "rate_limited", "rate_limit"),
        (
            {"hook_event_name": "StopFailure", "error": "invalid_request", "error_details": "400"},
            "error",
            "invalid_request: 400",
        ),
        ({"hook_event_name": "SessionEnd", "reason": "other"}, "exited", "other"),
    ],
)
def test_a_hook_tells_the_state(told: dict[str, Any], state: str, text: str | None) -> None:
    """Each event that the session asks for."""
    seen = hooks.observe(json.dumps(told).encode())
    assert seen is not None
    assert (seen.state, seen.question or seen.message) == (state, text)


def test_the_hooks_command_writes_what_it_is_told_whole(tmp_path: Path) -> None:
    """One file a telling, closed to others, also when many write at once."""
    command = json.loads(hooks.settings())["hooks"]["Stop"][0]["hooks"][0]["command"]
    environ = {"PATH": os.environ["PATH"], hooks.VARIABLE: f"{tmp_path}/a 'b' $c/hooks"}
    texts = [json.dumps({"number": number, "pad": "ž" * 50_000}) for number in range(8)]
    running = [
        subprocess.Popen(["/bin/sh", "-c", command], env=environ, stdin=subprocess.PIPE)
        for _ in texts
    ]
    for process, text in zip(running, texts, strict=True):
        process.communicate(text.encode(), timeout=30)
        assert process.returncode == 0
    files = sorted(Path(environ[hooks.VARIABLE]).iterdir())
    assert sorted(file.read_text() for file in files) == sorted(texts)
    assert all(file.suffix == ".json" and file.stat().st_mode & 0o777 == 0o600 for file in files)


def test_the_hooks_command_never_fails_the_agent(tmp_path: Path) -> None:
    """Without a directory, or with one that cannot be made, it does nothing."""
    command = json.loads(hooks.settings())["hooks"]["Stop"][0]["hooks"][0]["command"]
    (tmp_path / "file").write_text("")
    for environ in ({}, {hooks.VARIABLE: f"{tmp_path}/file/hooks"}):
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            env={"PATH": os.environ["PATH"], **environ},
            input=b"{}",
            timeout=30,
            capture_output=True,
        )
        assert done.returncode == 0


@pytest.mark.parametrize(
    ("version", "known"), [("2.0.76", False), ("2.1.77", False), ("2.1.78", True), (None, True)]
)
def test_a_version_gets_no_hook_that_it_does_not_know(version: str | None, known: bool) -> None:
    """Claude Code 2.0.76 asks about such a file at its start, and ends without an answer."""
    assert ("StopFailure" in json.loads(hooks.settings(version))["hooks"]) == known
