"""Qwen Code's command line, its settings, and what it prints and writes down."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from coders_queue import errors
from coders_queue.agents.adapter import MAX_ARGUMENT_BYTES, LaunchFacts
from coders_queue.agents.qwen import render, stream, transcript
from coders_queue.agents.qwen.adapter import QwenAdapter
from coders_queue.models.launch import ExitStatus, LaunchPlan, Reading
from coders_queue.models.spec import DirectoryWorkspace, SessionSpec

QWEN = QwenAdapter()
GOLDEN = Path(__file__).parents[1] / "golden/qwen/0.15.10"


def golden(name: str) -> bytes:
    return (GOLDEN / f"{name}.jsonl").read_bytes()


def spec_of(**fields: object) -> SessionSpec:
    workspace = DirectoryWorkspace(path="/w")
    return SessionSpec.model_validate({"agent": "qwen", "workspace": workspace, **fields})


def facts_of(spec: SessionSpec, **fields: object) -> LaunchFacts:
    return LaunchFacts.model_validate(
        {
            "session_id": "3f0c",
            "attempt": 1,
            "task": spec.task,
            "directory": "/state/3f0c_1",
            "cwd": "/w",
            "home": "/h",
            "keep": "/keep",
            **fields,
        }
    )


def plan(*, facts: dict[str, object] | None = None, **fields: object) -> LaunchPlan:
    spec = spec_of(**{"task": "do it", **fields})
    return QWEN.plan(spec, facts_of(spec, **(facts or {})))


def seeded(made: LaunchPlan, path: str) -> Any:
    (content,) = [seed.content for seed in made.files if seed.path == path]
    return json.loads(content)


def read(
    stdout: bytes, code: int = 0, stderr: bytes = b"", transcripts: tuple[bytes, ...] = ()
) -> Reading:
    spec = spec_of(task="x")
    status = ExitStatus(code=code)
    return QWEN.read(spec, facts_of(spec), stdout, status, stderr, transcripts)


def joined(made: LaunchPlan) -> bytes:
    """The prompt, as Qwen Code puts it together."""
    (word,) = [word for word in made.argv if word.startswith("--prompt=")]
    end = word.removeprefix("--prompt=").encode()
    return end if made.stdin is None else made.stdin + b"\n\n" + end


@pytest.mark.parametrize(
    "task", ["-x\n y\n\n", "a\n\nb" * 40_000, "x\n\n" + "y" * 100_000 + "\n\n"]
)
def test_a_headless_prompt_arrives_whole(task: str) -> None:
    """As an argument; what is too long for one is parted at an empty line."""
    made = plan(task=task)
    assert joined(made) == task.encode()
    assert all(len(word.encode()) <= MAX_ARGUMENT_BYTES for word in made.argv)


def test_a_long_prompt_without_an_empty_line_is_standard_input() -> None:
    """Qwen Code adds an empty line of its own to that."""
    task = "line\n" * 40_000
    made = plan(task=task)
    assert made.stdin == task.encode()
    assert not any(word.startswith("--prompt") for word in made.argv)


def test_a_run_without_a_task_and_options_of_the_adapters_are_refused() -> None:
    """Each is named."""
    with pytest.raises(errors.UsageError, match="nothing to do"):
        plan(task=" ")
    with pytest.raises(errors.UsageError, match="--input-format"):
        plan(argv=("--input-format", "stream-json"))


@pytest.mark.parametrize(
    ("mode", "permission", "words"),
    [
        ("headless", "default", ["--approval-mode=auto-edit"]),
        ("headless", "full", ["--approval-mode=yolo"]),
        ("interactive", "default", []),
        ("interactive", "edit", ["--approval-mode=auto-edit"]),
    ],
)
def test_permissions(mode: str, permission: str, words: list[str]) -> None:
    """As the table in the adapter says."""
    made = plan(mode=mode, permission=permission)
    assert [word for word in made.argv if word.startswith("--approval-mode")] == words


def test_a_schema_is_told_by_qwen_codes_own_option() -> None:
    """Headless only: in the terminal there is no such option."""
    made = plan(output_schema={"type": "object"})
    assert "--json-schema=@/state/3f0c_1/schema.json" in made.argv
    assert seeded(made, "schema.json") == {"type": "object"}
    made = plan(output_schema={"type": "object"}, mode="interactive")
    assert not any(word.startswith("--json-schema") for word in made.argv)


def test_the_machines_settings_are_kept_under_the_sessions() -> None:
    """The file of system settings is replaced by one that holds what it said."""
    config = {"/etc/qwen-code/settings.json": b'{"tools": {"exclude": ["x"]}} // policy'}
    made = plan(facts={"config": config})
    found = seeded(made, "qwen-system-settings.json")
    assert found["tools"] == {"exclude": ["x"]}
    assert found["general"]["enableAutoUpdate"] is False
    where = made.own_env["QWEN_CODE_SYSTEM_SETTINGS_PATH"]
    assert where == "/state/3f0c_1/qwen-system-settings.json"
    assert made.overlays == ()
    assert "QWEN_HOME" not in made.own_env


@pytest.mark.parametrize("carry", ["login", "none"])
def test_less_than_all_is_shown_by_a_directory_of_the_sessions_own(carry: str) -> None:
    """The login's settings go in with the login."""
    users = b'{"security": {"auth": {"selectedType": "qwen-oauth"}}, "mcpServers": {"a": {}}}'
    facts: dict[str, object] = {"carry": carry, "config": {"/h/.qwen/settings.json": users}}
    made = plan(facts={**facts, "environ": {"OPENAI_API_KEY": "k"}})
    assert made.own_env["QWEN_HOME"] == "/state/3f0c_1/home/qwen"
    found = seeded(made, "home/qwen/settings.json")
    assert "mcpServers" not in found
    assert ("security" in found) is (carry == "login")
    assert ("--auth-type=openai" in made.argv) is (carry == "none")
    (overlay,) = made.overlays
    assert ("oauth_creds.json" in (overlay.only or ())) is (carry == "login")
    assert overlay.keep_in == "/keep"
    spec = spec_of(task="x", resume="abc")
    assert QWEN.transcripts(spec, facts_of(spec, carry=carry)) == (
        "/keep/projects/*/chats/abc.jsonl",
    )


def test_how_to_log_in_is_told_when_the_user_has_not_chosen() -> None:
    """By the key that is there; what the person gives as an argument wins."""
    facts: dict[str, object] = {"environ": {"OPENAI_API_KEY": "k"}}
    assert "--auth-type=openai" in plan(facts=facts).argv
    made = plan(facts=facts, argv=("--auth-type", "gemini"))
    assert "--auth-type=openai" not in made.argv
    assert not any(word.startswith("--auth-type") for word in plan().argv)


def test_an_answer_after_a_tool() -> None:
    """Usage is the transcript's where there is one: the stream counts what was before a resume."""
    written = golden("tool.transcript")
    reading = read(golden("tool"), transcripts=(written,))
    assert reading.ok
    assert reading.result == "Stub finished after the tool result."
    assert reading.usage is not None
    assert reading.usage.model_dump(exclude={"cost_usd"}) == {
        "input_tokens": 252,
        "output_tokens": 34,
        "cache_read_tokens": 33,
        "cache_write_tokens": 0,
    }
    assert read(golden("tool")).usage == reading.usage
    spec = spec_of(task="x")
    later = facts_of(spec, started_at=4_000_000_000.0)
    stale = QWEN.read(spec, later, golden("tool"), ExitStatus(code=0), b"", (written,))
    assert stale.usage == reading.usage


def test_a_refusal_that_qwen_code_calls_a_success_is_a_failure() -> None:
    """It ends with 0 and ``is_error: false``, and the refusal is the text of the answer."""
    assert b'"is_error":false' in golden("refused")
    reading = read(golden("refused"))
    assert not reading.ok
    assert reading.message == "qwen: 401 Incorrect API key provided: stub."
    assert reading.result is None


def test_an_answer_that_speaks_of_errors_is_none() -> None:
    """The model was paid for the same words."""
    reading = read(golden("misleading"), transcripts=(golden("misleading.transcript"),))
    assert reading.ok
    assert reading.result == "[API Error: 401 it says]"


@pytest.mark.parametrize("stdout", [b"", b"garbage\n\xff\x00", b"[1]\n{}\n", b'{"type": 3}\n'])
def test_what_is_no_stream_is_no_success(stdout: bytes) -> None:
    """Exit status 0 or not; what it printed is quoted."""
    reading = read(stdout, 1, b"No saved session found with ID x.\n")
    assert not reading.ok
    assert reading.message is not None
    assert "No saved session found with ID x." in reading.message
    assert not read(stdout).ok


def test_a_stream_that_is_cut_off_is_no_success() -> None:
    """At any byte before the end of its last line."""
    whole = golden("tool")
    for end in range(0, len(whole) - 2, 61):
        assert not read(whole[:end]).ok, end


def test_data_is_preferred_to_its_text() -> None:
    """A schema's answer comes as data."""
    line = b'{"type":"result","is_error":false,"result":"{}","structured_result":{"a":1}}'
    assert read(line).result == {"a": 1}


def test_the_transcript_tells_the_end_of_a_session() -> None:
    """Result, usage, id; an error of the service where the last turn ended in one."""
    said = transcript.read([golden("tool.transcript")])
    assert said.result == "Stub finished after the tool result."
    assert said.error is None
    assert said.session_id == stream.read_stream(golden("tool")).session_id
    refused = transcript.read([golden("refused.transcript")])
    assert refused.result is None
    assert refused.error == "401 Incorrect API key provided: stub."
    cut = golden("tool.transcript")[:-40]
    assert transcript.read([cut]).session_id == said.session_id


def test_what_a_person_sees_is_text() -> None:
    """Answers, tools and their results."""
    shown = [render.render_line(line + b"\n") for line in golden("tool").splitlines()]
    text = b"".join(one for one in shown if one is not None).decode()
    assert "> run_shell_command: echo made\n" in text
    assert "Stub finished after the tool result.\n* done" in text
    assert '"type"' not in text


def test_lines_tell_the_state() -> None:
    """Working until the result; a refusal is an error at once."""
    seen = [stream.observe(line) for line in golden("tool").splitlines()]
    states = [one.state for one in seen if one is not None]
    assert states[0] == "starting"
    assert set(states[1:-1]) == {"working"}
    assert states[-1] == "idle"
    refused = [stream.observe(line) for line in golden("refused").splitlines()]
    assert "error" in [one.state for one in refused if one is not None]
