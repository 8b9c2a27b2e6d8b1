"""What the lines of ``codex exec --json`` mean, recorded from 0.169.0 and 0.98.0."""

from __future__ import annotations

import json

import pytest

from coders_queue.agents.adapter import LaunchFacts
from coders_queue.agents.codex import stream
from coders_queue.agents.codex.adapter import CodexAdapter
from coders_queue.models.launch import ExitStatus, Reading
from coders_queue.models.outcome import Usage
from coders_queue.models.spec import DirectoryWorkspace, SessionSpec

CODEX = CodexAdapter()
THREAD = "01a20530-7028-7953-a77b-ff793873ce95"
STARTED = {"type": "thread.started", "thread_id": THREAD}
TURN = {"type": "turn.started"}
WARNING = {
    "type": "item.completed",
    "item": {"id": "item_0", "type": "error", "message": "Model metadata for `x` not found."},
}
ANSWER = {
    "type": "item.completed",
    "item": {"id": "item_1", "type": "agent_message", "text": "Stub says hi."},
}
DONE = {
    "type": "turn.completed",
    "usage": {
        "input_tokens": 120,
        "cached_input_tokens": 20,
        "cache_write_input_tokens": 0,
        "output_tokens": 14,
        "reasoning_output_tokens": 3,
    },
}
LIMIT = "exceeded retry limit, last status: 429 Too Many Requests"
FAILED = [
    {"type": "error", "message": LIMIT},
    {"type": "turn.failed", "error": {"message": LIMIT}},
]
GOOD = [STARTED, WARNING, TURN, ANSWER, DONE]


def lines(*events: object) -> bytes:
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


def read(stdout: bytes, code: int | None = 0, stderr: bytes = b"", **fields: object) -> Reading:
    spec = SessionSpec.model_validate(
        {"agent": "codex", "workspace": DirectoryWorkspace(path="/w"), "task": "hi", **fields}
    )
    facts = LaunchFacts(
        session_id="3f0c", attempt=1, task="hi", directory="/s/3f0c_1", cwd="/w", home="/h"
    )
    return CODEX.read(spec, facts, stdout, ExitStatus(code=code), stderr)


def test_a_completed_turn_is_a_success_with_its_last_message() -> None:
    """The tokens are told apart: read from the cache, and not."""
    assert read(lines(*GOOD)) == Reading(
        ok=True,
        result="Stub says hi.",
        conversation_id=THREAD,
        usage=Usage(input_tokens=100, output_tokens=14, cache_read_tokens=20),
    )


def test_a_retry_that_worked_is_no_failure() -> None:
    """The notice of it has the type of an error."""
    notice = {"type": "error", "message": "Reconnecting... 1/5 (unexpected status 500)"}
    assert read(lines(STARTED, TURN, notice, ANSWER, DONE)).ok


def test_a_failed_turn_is_a_failure_whatever_the_exit_status() -> None:
    """It says why, in the tool's words, and the conversation can be resumed."""
    reading = read(lines(STARTED, TURN, *FAILED))
    assert not reading.ok
    assert reading.message == f"codex: {LIMIT}"
    assert reading.conversation_id == THREAD


@pytest.mark.parametrize(
    "stdout",
    [
        b"",
        b"Segmentation fault\n",
        b"\x00\xff garbage \xfe\n{}\n[]\n",
        lines(STARTED, TURN, ANSWER),
        lines(*GOOD)[:-30],
        lines(*GOOD, TURN),
        lines(*GOOD, TURN, ANSWER),
    ],
)
def test_a_stream_without_its_end_is_no_success(stdout: bytes) -> None:
    """Nothing, garbage, a line that is cut, a turn that only began."""
    reading = read(stdout)
    assert not reading.ok
    assert reading.message is not None
    assert "ended without a result" in reading.message


def test_an_exit_status_counts_even_after_the_result() -> None:
    """Something went wrong after it."""
    reading = read(lines(*GOOD), code=3)
    assert reading.message == "codex: gave its result, then exit status 3"
    assert not reading.ok


def test_what_it_says_before_it_gives_up_is_the_reason() -> None:
    """Its last line of errors."""
    reading = read(b"", code=1, stderr=b"Error: thread/resume failed: no rollout found\n")
    assert reading.message is not None
    assert "no rollout found" in reading.message


def test_a_new_conversation_in_place_of_the_one_to_resume_is_a_failure() -> None:
    """Version 0.98 begins one for an id that it does not find, and ends with 0."""
    other = "01a20530-7028-7953-a77b-ff793873ce96"
    assert not read(lines(*GOOD), resume=other).ok
    assert read(lines(*GOOD), resume=THREAD.upper()).ok
    assert read(lines(*GOOD), resume="a name of it").ok


def test_a_resumed_conversation_counts_only_what_is_new() -> None:
    """Its stream counts from the beginning, so that without the transcript it is not known."""
    assert read(lines(*GOOD), resume=THREAD).usage is None


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -5, True, "7", None, 2**70])
def test_counts_that_are_none_count_nothing(number: object) -> None:
    """Python's JSON reads NaN and Infinity, too."""
    assert stream.read_usage({"input_tokens": number}) == Usage()


@pytest.mark.parametrize(
    ("event", "state"),
    [
        (STARTED, "starting"),
        (TURN, "working"),
        (ANSWER, "working"),
        (WARNING, "working"),
        (DONE, "idle"),
        (FAILED[0], "rate_limited"),
        (FAILED[1], "rate_limited"),
        ({"type": "error", "message": "unexpected status 500"}, "working"),
        ({"type": "turn.failed", "error": {"message": "unexpected status 401"}}, "error"),
        ({"type": "turn.failed"}, "error"),
    ],
)
def test_each_line_says_what_state_it_is_in(event: object, state: str) -> None:
    """An error before the end of the turn is tried again."""
    seen = stream.observe(json.dumps(event).encode())
    assert seen is not None
    assert seen.state == state


def test_lines_of_other_kinds_say_nothing() -> None:
    """Nor do those that are no events."""
    assert stream.observe(b'{"type": "something.new"}') is None
    assert stream.observe(b"not json") is None


@pytest.mark.parametrize(
    ("event", "shown"),
    [
        (STARTED, f"* Codex, conversation {THREAD}\n"),
        (TURN, None),
        (ANSWER, "Stub says hi.\n"),
        (DONE, "* done (120 tokens in, 14 out)\n"),
        (FAILED[1], f"* failed: {LIMIT}\n"),
        (
            {"type": "item.started", "item": {"type": "command_execution", "command": "ls\nx"}},
            "> ls x\n",
        ),
        (
            {
                "type": "item.completed",
                "item": {
                    "type": "command_execution",
                    "aggregated_output": "one\n\x1b[31mtwo\n",
                    "exit_code": 1,
                },
            },
            "  ! one\n  ! two\n  ! exit status 1\n",
        ),
        (
            {
                "type": "item.completed",
                "item": {"type": "file_change", "changes": [{"path": "a.py", "kind": "add"}]},
            },
            "  | add a.py\n",
        ),
        ({"type": "item.completed", "item": {"type": "brand_new"}}, None),
    ],
)
def test_a_person_sees_what_is_worth_seeing(event: object, shown: str | None) -> None:
    """In plain text that commands no terminal."""
    rendered = CODEX.render(json.dumps(event).encode() + b"\n")
    assert (None if rendered is None else rendered.decode()) == shown
