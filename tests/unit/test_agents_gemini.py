"""Gemini CLI's command line, and the home of its own that a session gets."""

from __future__ import annotations

import json
import uuid
from fnmatch import fnmatchcase
from typing import Any

import pytest

from coders_queue import errors
from coders_queue.agents.adapter import MAX_ARGUMENT_BYTES, LaunchFacts
from coders_queue.agents.gemini import settings
from coders_queue.agents.gemini.adapter import GeminiAdapter
from coders_queue.models.launch import ExitStatus, LaunchPlan
from coders_queue.models.spec import DirectoryWorkspace, SessionSpec

GEMINI = GeminiAdapter()
OWN = "home/gemini/.gemini"


def spec_of(**fields: object) -> SessionSpec:
    workspace = DirectoryWorkspace(path="/w")
    return SessionSpec.model_validate({"agent": "gemini", "workspace": workspace, **fields})


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
    return GEMINI.plan(spec, facts_of(spec, **(facts or {})))


def seeded(made: LaunchPlan, name: str = "settings.json") -> dict[str, Any]:
    """What the session's own file says."""
    (content,) = [seed.content for seed in made.files if seed.path == f"{OWN}/{name}"]
    found: dict[str, Any] = json.loads(content)
    return found


def auth(made: LaunchPlan) -> object:
    return settings.at(seeded(made), "security", "auth", "selectedType")


def test_a_headless_prompt_is_standard_input() -> None:
    """Nothing of it is on the command line, where everyone can read it."""
    made = plan(task="--secret\n")
    assert made.stdin == b"--secret\n"
    assert "--output-format=stream-json" in made.argv
    assert not any("secret" in word for word in made.argv)
    assert not made.terminal


@pytest.mark.parametrize("task", [None, "", " \n\t"])
def test_a_headless_run_without_a_task_is_refused(task: str | None) -> None:
    """Gemini CLI would wait for one."""
    with pytest.raises(errors.UsageError, match="nothing to do"):
        plan(task=task)


@pytest.mark.parametrize("word", ["-p", "--output-format=text", "--resume", "--session-id=x"])
def test_an_option_that_the_reading_rests_on_is_refused(word: str) -> None:
    """It is named; others go through as they are."""
    with pytest.raises(errors.UsageError, match=word.partition("=")[0]):
        plan(argv=(word,))
    assert "--include-directories=/x" in plan(argv=("--include-directories=/x",)).argv


def test_a_first_prompt_in_the_terminal_is_an_argument() -> None:
    """One that starts with a dash stays a prompt."""
    made = plan(task="-x\ny", mode="interactive")
    assert made.argv[-1] == "--prompt-interactive=-x\ny"
    assert made.stdin is None
    assert made.terminal


def test_a_prompt_too_long_for_an_argument_is_a_file() -> None:
    """Its directory is shown to Gemini CLI, which reads nothing outside otherwise."""
    task = "x" * MAX_ARGUMENT_BYTES
    made = plan(task=task, mode="interactive")
    assert all(len(word) <= MAX_ARGUMENT_BYTES for word in made.argv)
    assert "/state/3f0c_1/task.md" in made.argv[-1]
    assert "--include-directories=/state/3f0c_1" in made.argv
    assert [seed.content for seed in made.files if seed.path == "task.md"] == [task.encode()]


@pytest.mark.parametrize(
    ("mode", "permission", "words"),
    [
        ("headless", "default", ["--approval-mode=auto_edit"]),
        ("headless", "edit", ["--approval-mode=auto_edit"]),
        ("headless", "full", ["--approval-mode=yolo"]),
        ("interactive", "default", []),
        ("interactive", "edit", ["--approval-mode=auto_edit"]),
        ("interactive", "full", ["--approval-mode=yolo"]),
    ],
)
def test_permissions(mode: str, permission: str, words: list[str]) -> None:
    """As the table in the adapter says."""
    made = plan(mode=mode, permission=permission)
    assert [word for word in made.argv if word.startswith("--approval-mode")] == words


def test_the_conversation_is_known_before_the_start() -> None:
    """A UUID of the attempt's own, or the one that is resumed."""
    (word,) = [word for word in plan().argv if word.startswith("--session-id=")]
    assert uuid.UUID(word.partition("=")[2]).version == 5
    again = plan(resume="latest").argv
    assert "--resume=latest" in again
    assert not any(word.startswith("--session-id") for word in again)


def test_transcripts_are_looked_for_by_the_conversations_id() -> None:
    """In the user's directory, or where the host keeps them when nothing is carried in."""
    spec = spec_of(task="x", resume="12345678-0000-4000-8000-000000000000")
    first, second = GEMINI.transcripts(spec, facts_of(spec))
    assert first == "/h/.gemini/tmp/*/chats/session-*12345678.json*"
    assert second == "/state/3f0c_1/gemini-calls.log"
    first, _ = GEMINI.transcripts(spec, facts_of(spec, carry="none"))
    assert first.startswith("/keep/tmp/*/chats/")


def test_the_users_settings_are_carried_in() -> None:
    """Comments and all; what a session must have lies over them."""
    users = b'{// mine\n"mcpServers": {"a": {"url": "http://x//y"}}, "ui": {"theme": "GitHub"}}'
    made = plan(facts={"config": {"/h/.gemini/settings.json": users}})
    found = seeded(made)
    assert found["mcpServers"] == {"a": {"url": "http://x//y"}}
    assert found["ui"]["theme"] == "GitHub"
    assert found["general"]["enableAutoUpdate"] is False
    assert made.own_env["GEMINI_CLI_HOME"] == "/state/3f0c_1/home/gemini"
    assert seeded(made, "trustedFolders.json") == {"/w": "TRUST_FOLDER"}


def test_settings_that_cannot_be_read_are_left_to_gemini_cli() -> None:
    """It says where they are wrong."""
    made = plan(facts={"config": {"/h/.gemini/settings.json": b"{oops"}})
    assert b"{oops" in [seed.content for seed in made.files]


@pytest.mark.parametrize(
    ("environ", "config", "carry", "chosen"),
    [
        ({"GEMINI_API_KEY": "k"}, {}, "all", "gemini-api-key"),
        ({}, {".env": b"GEMINI_API_KEY=k\n"}, "all", "gemini-api-key"),
        ({}, {".env": b"GEMINI_API_KEY=k\n"}, "none", None),
        ({}, {"oauth_creds.json": b"{}"}, "login", "oauth-personal"),
        ({"GOOGLE_GENAI_USE_VERTEXAI": "true", "GEMINI_API_KEY": "k"}, {}, "all", "vertex-ai"),
        ({"GOOGLE_API_KEY": "k"}, {}, "all", "vertex-ai"),
        ({}, {}, "all", None),
    ],
)
def test_how_to_log_in_is_told_when_the_user_has_not_chosen(
    environ: dict[str, str], config: dict[str, bytes], carry: str, chosen: str | None
) -> None:
    """Otherwise it asks on its first start."""
    named = {f"/h/.gemini/{name}": content for name, content in config.items()}
    made = plan(facts={"environ": environ, "config": named, "carry": carry})
    assert auth(made) == chosen


@pytest.mark.parametrize(
    ("carry", "chosen"),
    [("all", "oauth-personal"), ("login", "oauth-personal"), ("none", "gemini-api-key")],
)
def test_the_users_own_login_is_kept(carry: str, chosen: str) -> None:
    """A key in the environment does not take its place."""
    users = b'{"security": {"auth": {"selectedType": "oauth-personal"}}, "mcpServers": {}}'
    config = {"/h/.gemini/settings.json": users}
    made = plan(facts={"environ": {"GEMINI_API_KEY": "k"}, "config": config, "carry": carry})
    assert auth(made) == chosen
    assert ("mcpServers" in seeded(made)) is (carry == "all")


def test_what_is_carried_in_is_shown_by_an_overlay() -> None:
    """Everything, the credentials, or nothing; conversations outlive the session in any case."""
    shown = {carry: plan(facts={"carry": carry}).overlays[1] for carry in ("all", "login", "none")}
    assert shown["all"].only is None
    assert shown["all"].keep_in is None
    assert "oauth_creds.json" in (shown["login"].only or ())
    assert shown["none"].only == ()
    assert shown["none"].keep_in == "/keep"
    assert {overlay.keep for overlay in shown.values()} == {("tmp", "history")}


def test_side_calls_are_recorded_in_the_terminal_unless_the_user_records_elsewhere() -> None:
    """The user's own telemetry is not taken away."""
    assert seeded(plan(mode="interactive"))["telemetry"]["outfile"].endswith("gemini-calls.log")
    assert "telemetry" not in seeded(plan())
    users = {"/h/.gemini/settings.json": b'{"telemetry": {"enabled": true, "target": "gcp"}}'}
    made = plan(mode="interactive", facts={"config": users})
    assert seeded(made)["telemetry"] == {"enabled": True, "target": "gcp"}


def test_a_silent_retry_is_told_by_the_record_of_calls() -> None:
    """A record's own status counts, and that of a metric, told again and again, does not."""
    adapter = GeminiAdapter()
    seen = [
        adapter.observe_transcript(line, None)
        for line in (b'    "status_code": 429,', b'    "status_code": 200,')
    ]
    assert [one.state for one in seen if one] == ["rate_limited", "working"]
    for line in (b'                "status_code": 429,', b'    "status_code": 500,', b"    x"):
        assert adapter.observe_transcript(line, None) is None


@pytest.mark.parametrize(
    ("code", "words"),
    [(41, "log in"), (42, "input"), (52, "configuration"), (53, "turns"), (55, "not trusted")],
)
def test_exit_statuses_are_told_in_words(code: int, words: str) -> None:
    """Also where nothing was printed."""
    spec = spec_of(task="x")
    reading = GEMINI.read(spec, facts_of(spec), b"", ExitStatus(code=code))
    assert not reading.ok
    assert reading.message is not None
    assert f"exit status {code}" in reading.message
    assert words in reading.message


@pytest.mark.parametrize("name", ["GEMINI_API_KEY", "GOOGLE_GENAI_USE_VERTEXAI", "HTTPS_PROXY"])
def test_what_is_taken_along(name: str) -> None:
    """Keys and addresses of the model service."""
    assert any(fnmatchcase(name, pattern) for pattern in GEMINI.pass_env)
    assert not any(fnmatchcase("GEMINI_CLI_IDE_SERVER_PORT", one) for one in GEMINI.pass_env)


def test_a_version_without_the_option_makes_up_its_conversations_id() -> None:
    """Its file is then one of those written in its directory meanwhile."""
    made = plan(facts={"version": "0.34.0"})
    assert not any(word.startswith("--session-id") for word in made.argv)
    spec = spec_of(task="x")
    first, _ = GEMINI.transcripts(spec, facts_of(spec, version="0.34.0"))
    assert first == "/h/.gemini/tmp/*/chats/session-*.json*"
