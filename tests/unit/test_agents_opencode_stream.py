"""What opencode's stream and the session's journal say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from coders_queue.agents.adapter import LaunchFacts
from coders_queue.agents.opencode.adapter import OpencodeAdapter
from coders_queue.models.launch import ExitStatus, Reading
from coders_queue.models.outcome import Usage
from coders_queue.models.spec import DirectoryWorkspace, SessionSpec

OPENCODE = OpencodeAdapter()
GOLDEN = Path(__file__).parents[1] / "golden" / "opencode"
VERSIONS = ("1.1.65", "1.18.33")
ANSWER = "Stub finished after the tool result."


def golden(version: str, case: str) -> bytes:
    return (GOLDEN / version / f"{case}.jsonl").read_bytes()


def read(
    stdout: bytes = b"",
    *,
    code: int = 0,
    stderr: bytes = b"",
    journal: list[dict[str, object]] | None = None,
    mode: str = "headless",
) -> Reading:
    workspace = DirectoryWorkspace(path="/w")
    spec = SessionSpec.model_validate(
        {"agent": "opencode", "workspace": workspace, "task": "hi", "mode": mode}
    )
    facts = LaunchFacts(session_id="s", attempt=1, task="hi", directory="/d", cwd="/w", home="/h")
    files = [] if journal is None else [lines(*journal)]
    return OPENCODE.read(spec, facts, stdout, ExitStatus(code=code), stderr, files)


def lines(*events: dict[str, object]) -> bytes:
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


def step(part: str, reason: str, session: str = "ses_1", **tokens: int) -> dict[str, object]:
    """One request to the model, in the journal."""
    about = {"type": "step", "session": session, "message": f"m{part}", "part": part}
    return {**about, "reason": reason, "tokens": tokens, "cost": 0}


SENT: dict[str, object] = {
    "type": "message", "session": "ses_1", "message": "m0", "role": "user", "end": False
}  # fmt: skip
SAID: dict[str, object] = {
    "type": "text", "session": "ses_1", "message": "m2", "part": "t", "text": "done"
}  # fmt: skip


@pytest.mark.parametrize("version", VERSIONS)
def test_a_run_with_a_tool_gives_answer_usage_and_conversation(version: str) -> None:
    """Two requests to the model, each counted once."""
    reading = read(golden(version, "tool-call"))
    assert reading.ok
    assert reading.result == ANSWER
    assert reading.usage == Usage(input_tokens=22, output_tokens=14)
    assert reading.conversation_id is not None
    assert reading.conversation_id.startswith("ses_")


@pytest.mark.parametrize("version", VERSIONS)
def test_a_stream_cut_anywhere_is_no_success(version: str) -> None:
    """Only with its last line it is complete."""
    whole = golden(version, "tool-call").rstrip()
    last = whole.rindex(b"\n")
    for end in (0, 1, 100, last // 2, last, last + 40, len(whole) - 1):
        assert not read(whole[:end]).ok


@pytest.mark.parametrize("version", VERSIONS)
def test_a_refusal_is_a_failure_whatever_the_exit_status(version: str) -> None:
    """1.1.65 ends with 0."""
    for code in (0, 1):
        reading = read(golden(version, "refused-401"), code=code)
        assert not reading.ok
        assert reading.message == "opencode: stub failure (HTTP 401)"
        assert reading.result is None


@pytest.mark.parametrize("version", VERSIONS)
def test_a_run_that_stops_at_a_refused_question_is_a_failure(version: str) -> None:
    """It ends with 0 and no answer; why is in the stream or among its errors."""
    noise = b"! permission requested: external_directory (/tmp/*); auto-rejecting\n"
    reading = read(golden(version, "denied"), stderr=noise)
    assert not reading.ok
    assert reading.message is not None
    assert "reject" in reading.message


def test_an_error_that_an_answer_followed_is_over() -> None:
    """opencode goes on by itself after some; the exit status tells whether it was enough."""
    stream = golden("1.18.33", "refused-401") + golden("1.18.33", "tool-call")
    assert read(stream).ok
    assert not read(stream, code=1).ok


@pytest.mark.parametrize(
    ("reason", "says"),
    [("length", "limit of tokens"), ("content-filter", "withheld"), ("error", "failed")],
)
def test_an_answer_that_is_not_whole_is_a_failure(reason: str, says: str) -> None:
    """The reason of the last step's end says so."""
    stream = golden("1.18.33", "tool-call").replace(b'"stop"', json.dumps(reason).encode())
    reading = read(stream)
    assert not reading.ok
    assert reading.message is not None
    assert says in reading.message


@pytest.mark.parametrize("noise", [b"", b"\xff\x00{", b"[]\n{}\nnull\n", b'{"type": 3}\n'])
def test_garbage_is_a_failure_that_says_what_was_heard(noise: bytes) -> None:
    """And nothing is made up."""
    reading = read(noise, stderr=b"\x1b[91mError: \x1b[0mno such model\n")
    assert not reading.ok
    assert reading.message is not None
    assert reading.message.endswith("exit status 0: Error: no such model")
    assert (reading.result, reading.usage, reading.conversation_id) == (None, None, None)


def test_two_first_starts_at_once_are_told_as_what_they_are() -> None:
    """Both make the tables of a new store, and one fails at it with a page of SQL."""
    sql = b"Failed query: \n  CREATE TABLE `session` (\n    FOREIGN KEY (`a`)\n  );\n\nparams: \n"
    reading = read(code=1, stderr=sql)
    assert not reading.ok
    assert reading.message is not None
    assert "at the same time: try again" in reading.message


def test_reasoning_counts_once() -> None:
    """Within the output or beside it, as the total tells."""
    beside = step("1", "stop", total=150, input=100, output=40, reasoning=10)
    within = step("2", "stop", total=140, input=100, output=40, reasoning=10)
    untold = step("3", "stop", input=1, output=2, reasoning=3)
    for one, output in ((beside, 50), (within, 40), (untold, 5)):
        reading = read(golden("1.18.33", "tool-call"), journal=[one])
        assert reading.usage is not None
        assert reading.usage.output_tokens == output


def test_what_sub_agents_took_is_in_the_whole() -> None:
    """The stream does not have it; the journal does."""
    child: dict[str, object] = {"type": "session", "session": "ses_2", "parent": "ses_1"}
    first, last = step("1", "tool-calls", input=5, output=1), step("2", "stop", input=7, output=1)
    inner = step("9", "stop", "ses_2", input=100, output=10)
    reading = read(journal=[SENT, child, first, inner, inner, SAID, last], mode="interactive")
    assert reading.ok
    assert reading.result == "done"
    assert reading.conversation_id == "ses_1"
    assert reading.usage == Usage(input_tokens=112, output_tokens=12)


def test_a_terminal_sessions_last_turn_decides() -> None:
    """An error that was its last word is a failure; a person's own stop is none."""
    error: dict[str, object] = {
        "type": "error", "session": "ses_1", "error": {"name": "X", "message": "no", "status": 429},
    }  # fmt: skip
    stop: dict[str, object] = {
        "type": "error", "session": "ses_1", "error": {"name": "MessageAbortedError"}
    }  # fmt: skip
    failed = read(journal=[SENT, error], mode="interactive")
    assert failed.message == "opencode: no (HTTP 429)"
    assert read(journal=[SENT, stop], mode="interactive").ok
    again = {**SENT, "message": "m1"}
    recovered = read(journal=[SENT, error, again, SAID, step("2", "stop")], mode="interactive")
    assert recovered.ok
    assert recovered.result == "done"


def test_the_stream_says_what_goes_on() -> None:
    """Working until the last step's end."""
    states = [
        seen.state
        for line in golden("1.18.33", "tool-call").splitlines(keepends=True)
        if (seen := OPENCODE.observe_stream(line)) is not None
    ]
    assert states == ["working"] * 5 + ["idle"]
    (line,) = golden("1.18.33", "refused-401").splitlines()
    seen = OPENCODE.observe_stream(line)
    assert seen is not None
    assert (seen.state, seen.message) == ("error", "stub failure (HTTP 401)")
    assert OPENCODE.observe_stream(b"noise\n") is None


def test_the_journal_says_what_goes_on() -> None:
    """Each line on its own: state, question, limit."""

    def seen(**event: object) -> tuple[str, str | None] | None:
        found = OPENCODE.observe_transcript(lines(event))
        return None if found is None else (found.state, found.question or found.message)

    def status(**about: object) -> dict[str, object]:
        return {"type": "status", "session": "ses_1", "status": about}

    assert seen(type="started", pid=1) == ("starting", None)
    assert seen(**SENT) == ("working", None)
    assert seen(**status(type="busy")) == ("working", None)
    assert seen(**status(type="idle")) == ("idle", None)
    assert seen(**status(type="idle"), child=True) == ("working", None)
    assert seen(**status(type="idle"), error={"name": "E", "message": "no"}) == ("error", "no")
    retry = status(type="retry", attempt=1, message="Rate limit reached", next=2_000_000_000_000)
    limited = OPENCODE.observe_transcript(lines(retry))
    assert limited is not None
    assert (limited.state, limited.resets_at) == ("rate_limited", 2_000_000_000.0)
    assert seen(**status(type="retry", message="server error")) == ("working", "server error")
    asked = {"type": "asked", "what": "bash", "patterns": ["git push"]}
    assert seen(**asked) == ("waiting", "Permission required: bash: git push")
    options = [{"label": "Red"}, {"label": "Blue"}]
    question = {"type": "asked", "questions": [{"question": "Which?", "options": options}]}
    found = OPENCODE.observe_transcript(lines(question))
    assert found is not None
    assert (found.question, found.choices) == ("Which?", ("Red", "Blue"))
    assert seen(type="session", session="ses_1") is None


def test_a_person_sees_what_matters() -> None:
    """Tools and texts as plain text, no escape sequence among them."""
    shown = b"".join(
        text
        for line in golden("1.18.33", "tool-call").splitlines(keepends=True)
        if (text := OPENCODE.render(line)) is not None
    )
    assert shown.decode() == f"> bash: echo hi\n  | hi\n{ANSWER}\n* done\n"
    failed = OPENCODE.render(golden("1.18.33", "refused-401"))
    assert failed == b"* failed: stub failure (HTTP 401)\n"
    assert OPENCODE.render(b"\x1b]0;evil\x07plain\n") == b"plain\n"
