"""What Claude Code's streams say: golden ones, cut ones, and rubbish."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coders_queue.agents import loose
from coders_queue.agents.adapter import LaunchFacts
from coders_queue.agents.claude.adapter import ClaudeAdapter
from coders_queue.agents.claude.stream import read_stream
from coders_queue.models.launch import ExitStatus, Reading
from coders_queue.models.outcome import Usage
from coders_queue.models.spec import DirectoryWorkspace, SessionSpec

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "claude" / "2.1.197"
GOOD = {"answer", "tool-call", "denied", "unknown-command"}
CASES = sorted(path.stem for path in GOLDEN.glob("*.jsonl"))


def golden(case: str) -> bytes:
    return (GOLDEN / f"{case}.jsonl").read_bytes()


def read(stdout: bytes, status: ExitStatus, stderr: bytes = b"") -> Reading:
    spec = SessionSpec(agent="claude", task="x", workspace=DirectoryWorkspace(path="/w"))
    facts = LaunchFacts(session_id="s", attempt=1, task="x", directory="/d", cwd="/w", home="/h")
    return ClaudeAdapter().read(spec, facts, stdout, status, stderr)


def read_golden(case: str) -> Reading:
    """A recorded stream with the exit status that it came with."""
    return read(golden(case), ExitStatus(code=0 if case in GOOD else 1))


def test_an_answer_is_a_result_with_what_it_cost() -> None:
    """Text, conversation and usage are those of the stream."""
    reading = read_golden("answer")
    assert reading.ok
    assert reading.message is None
    assert reading.result == "The stub has read the prompt."
    assert reading.conversation_id == json.loads(golden("answer").splitlines()[0])["session_id"]
    usage = reading.usage
    assert usage is not None
    assert usage.cost_usd == pytest.approx(0.00105)
    assert usage.model_copy(update={"cost_usd": None}) == Usage(
        input_tokens=102, output_tokens=11, cache_read_tokens=30, cache_write_tokens=40
    )


def test_usage_counts_every_turn() -> None:
    """A tool call takes two requests."""
    usage = read_golden("tool-call").usage
    assert usage is not None
    assert usage.input_tokens == 206


def test_a_denied_tool_is_told_but_is_no_failure() -> None:
    """The agent went on without it and gave its answer."""
    assert read_golden("denied").ok
    assert read_stream(golden("denied")).denials == ("Bash",)


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("refused-400", "API Error: 400"),
        ("overloaded-529", "API Error: 529"),
        ("max-turns", "Reached maximum number of turns (1)"),
        ("budget", "Reached maximum budget"),
        ("not-logged-in", "Not logged in"),
        ("unknown-conversation", "No conversation found with session ID"),
        ("unknown-command", "Unknown command: /no-such-command"),
    ],
)
def test_a_failure_says_why_in_one_line(case: str, words: str) -> None:
    """In the tool's own words."""
    reading = read_golden(case)
    assert not reading.ok
    assert reading.message is not None
    assert words in reading.message
    assert "\n" not in reading.message


@pytest.mark.parametrize("case", sorted(set(CASES) - GOOD))
def test_an_error_is_a_failure_although_it_exits_with_0(case: str) -> None:
    """The stream is believed over the exit status."""
    reading = read(golden(case), ExitStatus(code=0))
    assert not reading.ok
    assert reading.message is not None


def test_the_services_status_is_read() -> None:
    """What retrying depends on is data, not only text."""
    assert read_stream(golden("overloaded-529")).api_status == 529
    assert read_stream(golden("answer")).api_status is None


def test_money_spent_is_counted_although_a_budget_stopped_the_run() -> None:
    """The plain usage field is zero then; the one by model is not."""
    usage = read_golden("budget").usage
    assert usage is not None
    assert usage.input_tokens == 102
    assert usage.cost_usd is not None
    assert usage.cost_usd > 0


def test_a_result_followed_by_a_crash_is_a_failure_that_keeps_the_result() -> None:
    """The exit status is believed, too."""
    reading = read(golden("answer"), ExitStatus(signal=11))
    assert not reading.ok
    assert reading.message == "claude: gave its result, then killed by SIGSEGV"
    assert reading.result == "The stub has read the prompt."


@pytest.mark.parametrize("missing", [1, 50, 900])
def test_a_stream_cut_in_its_last_line_is_no_success(missing: int) -> None:
    """Even with exit status 0; the conversation is still known."""
    whole = golden("answer").rstrip(b"\n")
    reading = read(whole[:-missing], ExitStatus(code=0))
    assert not reading.ok
    assert reading.message is not None
    assert reading.message.startswith("claude: ended without a result, exit status 0")
    assert reading.conversation_id == read_golden("answer").conversation_id


def test_no_output_at_all_is_a_failure_with_the_words_of_its_errors() -> None:
    """The last line it wrote to standard error is the reason; without one, how it ended."""
    told = read(b"", ExitStatus(code=1), b"one\n\x1b[31merror: unknown option '--x'\x1b[0m\n")
    assert told.message == (
        "claude: ended without a result, exit status 1: error: unknown option '--x'"
    )
    assert told.conversation_id is None
    assert read(b"", ExitStatus(lost=True)).message == (
        "claude: ended without a result, vanished without an exit status"
    )


def test_other_lines_among_the_stream_do_no_harm() -> None:
    """Warnings, halves, other JSON, odd bytes and CRLF are passed over."""
    lines = golden("tool-call").splitlines()
    rubbish = [b"warning: x", b'{"type":"assi', b"[1]", b"7", b'{"type":3}', b"\xff\xfe\0", b"{}"]
    mixed = b"\r\n".join(part for pair in zip(lines, rubbish, strict=False) for part in pair)
    mixed += b"\r\n" + b"\n".join(lines[len(rubbish) :])
    assert len(lines) <= len(rubbish)
    clean, dirty = read_stream(golden("tool-call")), read_stream(mixed)
    assert dirty.noise[0] == "warning: x"
    assert (dirty.result, dirty.usage, dirty.is_error) == (clean.result, clean.usage, False)


@given(st.binary(max_size=400))
def test_no_bytes_upset_the_reader(data: bytes) -> None:
    """What is no stream has no result."""
    assert not read_stream(data).finished
    assert not read(data, ExitStatus(code=0)).ok


ODD = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers())
FIELDS = (
    *("is_error", "result", "subtype", "usage", "modelUsage", "total_cost_usd", "num_turns"),
    *("session_id", "api_error_status", "errors", "permission_denials"),
)


@given(st.dictionaries(st.sampled_from(FIELDS), ODD | st.dictionaries(st.text(), ODD)))
def test_a_result_of_odd_fields_is_read_and_success_is_never_guessed(
    event: dict[str, object],
) -> None:
    """Only a plain ``is_error: false`` counts as no error."""
    event = {**event, "type": "result"}
    reading = read(json.dumps(event).encode(), ExitStatus(code=0))
    if event.get("is_error") is not False:
        assert not reading.ok


def test_deep_nesting_is_a_line_like_any_other() -> None:
    """The parser's own limit is not the reader's crash."""
    assert loose.event(b"[" * 100_000) is None
