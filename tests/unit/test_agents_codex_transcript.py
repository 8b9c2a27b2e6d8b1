"""What Codex writes down: recorded transcripts, copies of a parent's, and what is cut."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from coders_queue.agents.adapter import LaunchFacts
from coders_queue.agents.codex import transcript
from coders_queue.agents.codex.adapter import CodexAdapter
from coders_queue.agents.codex.transcript import Wanted, Wrote
from coders_queue.models.launch import ExitStatus, Reading
from coders_queue.models.outcome import Usage
from coders_queue.models.spec import DirectoryWorkspace, SessionSpec

GOLDEN = Path(__file__).parents[1] / "golden" / "codex"
CODEX = CodexAdapter()


def recorded(version: str, *names: str) -> list[bytes]:
    return [(GOLDEN / version / f"{name}.jsonl").read_bytes() for name in names]


def head(content: bytes) -> dict[str, object]:
    """The first line's payload."""
    found: dict[str, object] = json.loads(content.split(b"\n", 1)[0])["payload"]
    return found


def id_of(content: bytes) -> str:
    return str(head(content)["id"])


def tokens(found: Usage | None) -> tuple[int, int, int]:
    assert found is not None
    return found.input_tokens, found.output_tokens, found.cache_read_tokens


TERMINAL = recorded("0.169.0", "terminal")
#: Its answers as the stub counted them.
SPENT = (146 + 152 + 147, 18 + 25 + 19, 11 + 33 + 44)


def test_each_answer_is_counted_once() -> None:
    """Input without what came from the cache."""
    wrote = transcript.read(TERMINAL, Wanted(thread=id_of(TERMINAL[0])))
    assert tokens(wrote.usage) == SPENT
    assert wrote.result == "Stub says hi."


@pytest.mark.parametrize("version", ["0.125.0", "0.169.0"])
@pytest.mark.parametrize("order", [1, -1])
def test_a_subagent_counts_but_not_its_copy_of_the_parent(version: str, order: int) -> None:
    """Three answers of 11 and 7 tokens for the parent, one for the child."""
    files = recorded(version, "parent", "child-with-copy")
    wrote = transcript.read(files[::order], Wanted(thread=id_of(files[0])))
    assert tokens(wrote.usage) == (44, 28, 0)


def test_a_subagent_of_another_conversation_does_not_count() -> None:
    """Its file lies in the same directory."""
    files = [*recorded("0.169.0", "child-with-copy"), *TERMINAL]
    wrote = transcript.read(files, Wanted(thread=id_of(TERMINAL[0])))
    assert tokens(wrote.usage) == SPENT


def test_a_resumed_conversation_counts_from_the_attempts_start() -> None:
    """Totals that come again as it is resumed are no new tokens."""
    (content,) = recorded("0.98.0", "resumed-twice")
    wanted = Wanted(thread=id_of(content))
    assert tokens(transcript.read([content], wanted).usage) == (33, 21, 0)
    # 2026-11-22T21:39:42Z, between its second and its third turn
    wanted = Wanted(thread=id_of(content), since=1795383582.0)
    assert tokens(transcript.read([content], wanted).usage) == (11, 7, 0)


def test_a_total_that_shrinks_is_counted_anew() -> None:
    """Version 0.64 forgets its total when it is resumed."""
    (content,) = recorded("0.98.0", "resumed-twice")
    lines = content.split(b"\n")
    counts = [line for line in lines if b'"input_tokens": 22' in line]
    shrunk = b"\n".join([lines[0], *counts[:1], *[line for line in lines if b": 11," in line][:1]])
    assert tokens(transcript.read([shrunk], Wanted(thread=id_of(content))).usage) == (33, 21, 0)


@pytest.mark.parametrize("cut", [1, 40, 300, 5000, 12000])
def test_a_transcript_cut_in_the_middle_of_a_line_is_read_up_to_there(cut: int) -> None:
    """What is whole counts."""
    wrote = transcript.read([TERMINAL[0][:-cut]], Wanted(thread=id_of(TERMINAL[0])))
    assert wrote.thread == id_of(TERMINAL[0])


def test_the_own_thread_is_known_by_directory_time_and_task() -> None:
    """Where the id is not known beforehand: codex picks it."""
    wanted = Wanted(cwd="/w", task="first RUN:touch made", since=1795384403.0)
    assert transcript.read(TERMINAL, wanted).thread == id_of(TERMINAL[0])
    assert transcript.read(TERMINAL, Wanted(cwd="/elsewhere")) == Wrote()
    assert transcript.read(TERMINAL, Wanted(cwd="/w", since=1795384500.0)) == Wrote()


def test_a_conversation_that_began_with_another_task_is_another_sessions() -> None:
    """Even when it is the only one: this session's terminal may have been left before it began."""
    assert transcript.read(TERMINAL, Wanted(cwd="/w", task="something else")) == Wrote()
    spaced = "  first RUN:touch  made\n"  # as a terminal may have taken it
    assert transcript.read(TERMINAL, Wanted(cwd="/w", task=spaced)).thread == id_of(TERMINAL[0])


def test_of_two_that_look_alike_neither_is_taken() -> None:
    """Unless the terminal showed the id as it ended: another's tokens are not counted here."""
    other = TERMINAL[0].replace(
        id_of(TERMINAL[0]).encode(), b"01a2053f-0000-0000-0000-00000000000f"
    )
    files = [TERMINAL[0], other]
    assert transcript.read(files, Wanted(cwd="/w", task="first RUN:touch made")) == Wrote()
    printed = f"To continue this session, run:\n  codex resume {id_of(other)}\n"
    found = transcript.read(files, Wanted(cwd="/w", printed=printed))
    assert found.thread == id_of(other)
    assert tokens(found.usage) == SPENT


@pytest.mark.parametrize(
    "content",
    [b"", b"\n\n", b"garbage", b"[]\n{}\n", b'{"type": "session_meta", "payload": {"id": 7}}\n'],
)
def test_what_is_no_transcript_says_nothing(content: bytes) -> None:
    """Nor does it stop the reading."""
    assert transcript.read([content], Wanted(cwd="/w")) == Wrote()


def spec_of(**fields: object) -> SessionSpec:
    workspace = DirectoryWorkspace(path="/w")
    return SessionSpec.model_validate({"agent": "codex", "workspace": workspace, **fields})


def read_terminal(content: bytes, code: int = 0, stdout: bytes = b"") -> Reading:
    spec = spec_of(task="first RUN:touch made", mode="interactive")
    facts = LaunchFacts(
        session_id="3f0c",
        attempt=1,
        task=spec.task,
        directory="/s/3f0c_1",
        cwd="/w",
        home="/h",
        started_at=1795384403.0,
    )
    return CODEX.read(spec, facts, stdout, ExitStatus(code=code), b"", [content])


def test_a_session_in_a_terminal_gives_result_tokens_and_conversation() -> None:
    """From its transcript: the screen holds none of them."""
    reading = read_terminal(TERMINAL[0])
    assert reading.ok
    assert reading.result == "Stub says hi."
    assert reading.conversation_id == id_of(TERMINAL[0])
    assert tokens(reading.usage) == SPENT


def test_a_session_that_ends_on_a_failed_turn_failed() -> None:
    """Leaving it with exit status 0 does not make it a success."""
    lines = TERMINAL[0].split(b"\n")
    last = max(index for index, line in enumerate(lines) if b"429 Too Many" in line)
    reading = read_terminal(b"\n".join(lines[: last + 1]))
    assert not reading.ok
    assert reading.message == "codex: exceeded retry limit, last status: 429 Too Many Requests"


def test_a_session_that_was_killed_failed() -> None:
    """What it cost is known all the same."""
    reading = read_terminal(TERMINAL[0], code=137)
    assert reading.message == "codex: exit status 137"
    assert tokens(reading.usage) == SPENT


def test_a_headless_run_counts_its_subagents_too() -> None:
    """Its stream does not."""
    files = recorded("0.169.0", "parent", "child-with-copy")
    stdout = b"\n".join(
        json.dumps(event).encode()
        for event in (
            {"type": "thread.started", "thread_id": id_of(files[0])},
            {"type": "turn.started"},
            {"type": "turn.completed", "usage": {"input_tokens": 33, "output_tokens": 21}},
        )
    )
    facts = LaunchFacts(
        session_id="3f0c", attempt=1, task="x", directory="/s/3f0c_1", cwd="/w", home="/h"
    )
    reading = CODEX.read(spec_of(task="x"), facts, stdout, ExitStatus(code=0), b"", files)
    assert tokens(reading.usage) == (44, 28, 0)


def line(kind: str, **payload: object) -> bytes:
    return json.dumps({"timestamp": "t", "type": kind, "payload": payload}).encode()


LIMITS = {"primary": {"used_percent": 100.0, "window_minutes": 300, "resets_at": 1795390000}}


@pytest.mark.parametrize(
    ("written", "state"),
    [
        (line("event_msg", type="task_started"), "working"),
        (line("event_msg", type="task_complete", last_agent_message="hi"), "idle"),
        (line("event_msg", type="turn_aborted"), "idle"),
        (line("event_msg", type="error", message="unexpected status 500"), "error"),
        (line("event_msg", type="task_complete", error={"message": "status 401"}), "error"),
        (line("event_msg", type="error", message="You've hit your usage limit."), "rate_limited"),
        (line("event_msg", type="token_count", rate_limits=LIMITS), "rate_limited"),
        (line("response_item", type="function_call", name="exec_command"), "working"),
    ],
)
def test_each_line_says_what_state_it_is_in(written: bytes, state: str) -> None:
    """As the stream of a headless run."""
    seen = CODEX.observe_transcript(written)
    assert seen is not None
    assert seen.state == state
    assert seen.source == "transcript"


def test_the_end_of_a_limit_is_told() -> None:
    """With every answer comes what is used of each limit, and when it begins anew."""
    seen = transcript.observe(line("event_msg", type="token_count", rate_limits=LIMITS))
    assert seen is not None
    assert seen.resets_at == 1795390000.0
    some = {"primary": {"used_percent": 40.0, "resets_at": 1}}
    assert transcript.observe(line("event_msg", type="token_count", rate_limits=some)) is None


def test_a_question_to_the_person_is_told_with_its_choices() -> None:
    """The tool for it is called with them."""
    asked = {"questions": [{"question": "Which\ncolour?", "options": [{"label": "red"}]}]}
    written = line(
        "response_item",
        type="function_call",
        name="request_user_input",
        arguments=json.dumps(asked),
    )
    seen = transcript.observe(written)
    assert seen is not None
    assert (seen.state, seen.question, seen.choices) == ("waiting", "Which colour?", ("red",))


@pytest.mark.parametrize("written", [b"", b"x", b"{}", line("world_state"), line("event_msg")])
def test_other_lines_say_nothing(written: bytes) -> None:
    """Nor do those that are cut."""
    assert transcript.observe(written) is None
