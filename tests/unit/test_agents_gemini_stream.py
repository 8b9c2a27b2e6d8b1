"""What Gemini CLI prints and writes down, recorded from the real one, and broken."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from coders_queue.agents.adapter import LaunchFacts
from coders_queue.agents.gemini import render, stream, transcript
from coders_queue.agents.gemini.adapter import GeminiAdapter
from coders_queue.models.launch import ExitStatus, Reading
from coders_queue.models.spec import DirectoryWorkspace, SessionSpec

GOLDEN = Path(__file__).parents[1] / "golden/gemini/0.61.0"


def golden(name: str) -> bytes:
    return (GOLDEN / f"{name}.jsonl").read_bytes()


def read(stdout: bytes, code: int = 0, stderr: bytes = b"") -> Reading:
    spec = SessionSpec(agent="gemini", task="x", workspace=DirectoryWorkspace(path="/w"))
    facts = LaunchFacts(session_id="3f0c", attempt=1, task="x", directory="/s", cwd="/w", home="/h")
    return GeminiAdapter().read(spec, facts, stdout, ExitStatus(code=code), stderr)


def test_an_answer_after_a_tool() -> None:
    """The result is what was said after the tool; input is without cache, output with reasoning."""
    reading = read(golden("tool"))
    assert reading.ok
    assert reading.result == "Stub finished after the tool result."
    assert reading.usage is not None
    assert reading.usage.model_dump(exclude={"cost_usd"}) == {
        "input_tokens": 371,
        "output_tokens": 52,
        "cache_read_tokens": 66,
        "cache_write_tokens": 0,
    }
    assert reading.conversation_id


@pytest.mark.parametrize("code", [145, 0])
def test_a_refusal_is_a_failure_with_its_reason(code: int) -> None:
    """Whatever it ends with."""
    reading = read(golden("refused"), code)
    assert not reading.ok
    assert reading.message == ("gemini: Request had invalid authentication credentials. (HTTP 401)")
    assert reading.result is None


def test_an_answer_that_speaks_of_errors_is_none() -> None:
    """The words of the model decide nothing."""
    reading = read(golden("misleading"))
    assert reading.ok
    assert reading.result == "[API Error: 401 it says]"


@pytest.mark.parametrize("stdout", [b"", b"garbage\n\xff\x00", b"[1]\n{}\n", b'{"type": 3}\n'])
def test_what_is_no_stream_is_no_success(stdout: bytes) -> None:
    """Exit status 0 or not."""
    reading = read(stdout, stderr=b"Warning: x\nError: it broke\n    at f (x.js)\n")
    assert not reading.ok
    assert reading.message is not None
    assert reading.message.endswith("Error: it broke")


def test_a_stream_that_is_cut_off_is_no_success() -> None:
    """At any byte before the end of its last line."""
    whole = golden("tool")
    for end in range(0, len(whole) - 2, 61):
        assert not read(whole[:end]).ok, end


@pytest.mark.parametrize("result", [b'{"type":"result"}', b'{"type":"result","status":"odd"}'])
def test_a_result_that_does_not_say_success_is_none(result: bytes) -> None:
    """A kind of end that is not known yet is not believed."""
    assert not read(result).ok


def test_the_transcript_agrees_with_the_stream() -> None:
    """Save for calls that are not the conversation's own."""
    said = transcript.read([golden("tool.transcript")])
    assert said.result == "Stub finished after the tool result."
    assert said.error is None
    assert said.session_id == stream.read_stream(golden("tool")).session_id
    refused = transcript.read([golden("refused.transcript")])
    assert refused.result is None


def test_calls_beside_the_conversation_come_from_the_record_of_all() -> None:
    """Those of the conversation itself are in both, and counted once."""

    def call(role: str, tokens: int) -> dict[str, object]:
        facts = {
            "event.name": "gemini_cli.api_response",
            "event.timestamp": "2026-11-22T12:00:01.000Z",
            "role": role,
            "input_token_count": tokens,
            "output_token_count": 2,
            "total_token_count": tokens + 2,
        }
        return {"attributes": facts}

    calls = [call("main", 5), call("utility_router", 7)]
    record = "\n".join(json.dumps(one, indent=2) for one in calls).encode() + b'\n{\n  "cut'
    tokens = {"input": 5, "output": 2, "total": 7}
    line = {"id": "a", "timestamp": "2026-11-22T12:00:01Z", "type": "gemini", "tokens": tokens}
    written = json.dumps(line).encode() + b"\n"
    said = transcript.read([written + written, record])
    assert said.usage is not None
    assert (said.usage.input_tokens, said.usage.output_tokens) == (12, 4)


def test_only_the_attempts_own_part_of_a_transcript_counts() -> None:
    """What was there before a resume was paid for by another."""
    content = golden("tool.transcript")
    assert transcript.read([content], since=4_000_000_000.0).usage is None
    assert transcript.read([content], since=1.0) == transcript.read([content])


def test_an_older_transcript_is_one_object() -> None:
    """As before 0.40."""
    messages = [
        {"type": "user", "content": "hi"},
        {"id": "1", "type": "gemini", "content": "ho", "tokens": {"input": 3, "output": 1}},
    ]
    said = transcript.read([json.dumps({"sessionId": "s", "messages": messages}).encode()])
    assert (said.session_id, said.result) == ("s", "ho")
    assert said.usage is not None
    assert said.usage.input_tokens == 3


def test_what_a_person_sees_is_text() -> None:
    """Pieces of an answer are put together, tools are named, nothing commands the terminal."""
    shown = [render.render_line(line + b"\n") for line in golden("tool").splitlines()]
    text = b"".join(one for one in shown if one is not None).decode()
    assert "Stub finished after the tool result.\n* done" in text
    assert "> run_shell_command: echo made\n" in text
    assert '"type"' not in text
    evil = b'{"type":"message","role":"assistant","content":"\\u001b[2Jx","delta":true}\n'
    assert render.render_line(evil) == b"x"


def test_lines_tell_the_state() -> None:
    """Working until the result; an error is told with its reason."""
    seen = [stream.observe(line) for line in golden("tool").splitlines()]
    states = [one.state for one in seen if one is not None]
    assert states[0] == "starting"
    assert set(states[1:-1]) == {"working"}
    assert states[-1] == "idle"
    last = stream.observe(golden("refused").splitlines()[-1])
    assert last is not None
    assert (last.state, last.message) == (
        "error",
        "Request had invalid authentication credentials. (HTTP 401)",
    )
