"""Claude Code's command line."""

from __future__ import annotations

import uuid
from fnmatch import fnmatchcase

import pytest

from coders_queue import errors
from coders_queue.agents.adapter import MAX_ARGUMENT_BYTES, LaunchFacts
from coders_queue.agents.claude.adapter import TASK_FILE, ClaudeAdapter, conversation_id
from coders_queue.models.launch import ExitStatus, LaunchPlan
from coders_queue.models.spec import DirectoryWorkspace, SessionSpec

CLAUDE = ClaudeAdapter()
HEADLESS = ("claude", "-p", "--output-format", "stream-json", "--verbose")


def spec_of(**fields: object) -> SessionSpec:
    workspace = DirectoryWorkspace(path="/w")
    return SessionSpec.model_validate({"agent": "claude", "workspace": workspace, **fields})


def facts_of(spec: SessionSpec, **fields: object) -> LaunchFacts:
    return LaunchFacts.model_validate(
        {
            "session_id": "3f0c",
            "attempt": 1,
            "task": spec.task,
            "directory": "/state/3f0c_1",
            "cwd": "/w",
            "home": "/h",
            **fields,
        }
    )


def plan(*, facts: dict[str, object] | None = None, **fields: object) -> LaunchPlan:
    spec = spec_of(**fields)
    return CLAUDE.plan(spec, facts_of(spec, **(facts or {})))


def test_a_headless_prompt_is_standard_input() -> None:
    """Nothing of it is on the command line, where everyone can read it."""
    made = plan(task="--secret\n")
    assert made.stdin == b"--secret\n"
    assert made.argv[: len(HEADLESS)] == HEADLESS
    assert not any("secret" in word for word in made.argv)
    assert not made.terminal
    assert not made.merge_stderr


@pytest.mark.parametrize("task", [None, "", " \n\t"])
def test_a_headless_run_without_a_task_is_refused(task: str | None) -> None:
    """Claude Code would end with 0 and no word for white space."""
    with pytest.raises(errors.UsageError, match="nothing to do"):
        plan(task=task)


def test_a_prompt_in_the_terminal_stands_behind_the_end_of_options() -> None:
    """So that one which starts with a dash is no option, nor a value of the last one."""
    made = plan(task="-x", mode="interactive", argv=("--allowedTools", "Bash"))
    assert made.argv[-4:] == ("--allowedTools", "Bash", "--", "-x")
    assert made.terminal
    assert made.stdin is None
    assert "-p" not in made.argv


def test_a_terminal_without_a_task_gets_no_prompt() -> None:
    """It opens and waits for a person."""
    assert "--" not in plan(mode="interactive").argv


@pytest.mark.parametrize(("extra", "in_file"), [(0, False), (1, True)])
def test_a_prompt_longer_than_an_argument_goes_into_a_file(extra: int, in_file: bool) -> None:
    """The limit is the system's, counted in bytes; the prompt then names the file."""
    task = "ž" * (MAX_ARGUMENT_BYTES // 2) + "x" * (MAX_ARGUMENT_BYTES % 2 + extra)
    made = plan(task=task, mode="interactive")
    if not in_file:
        assert made.argv[-1] == task
        assert not any(file.path == TASK_FILE for file in made.files)
        return
    (file,) = [file for file in made.files if file.path == TASK_FILE]
    assert file.content == task.encode()
    assert f"/state/3f0c_1/{file.path}" in made.argv[-1]
    assert f"--allowedTools=Read(//state/3f0c_1/{file.path})" in made.argv
    assert all(len(word.encode()) <= MAX_ARGUMENT_BYTES for word in made.argv)


def test_what_is_no_utf8_is_refused_clearly() -> None:
    """Claude Code would replace it without a word."""
    with pytest.raises(errors.UsageError, match="not UTF-8 text at character 2"):
        plan(task="ab\udcff")


def test_the_conversation_is_fixed_by_session_and_attempt() -> None:
    """The same for a plan made twice, another for the next attempt, and a valid UUID."""
    spec = spec_of(task="x")
    first = conversation_id(spec, facts_of(spec))
    assert str(uuid.UUID(first)) == first
    assert first == conversation_id(spec, facts_of(spec))
    assert first != conversation_id(spec, facts_of(spec, attempt=2))
    assert f"--session-id={first}" in CLAUDE.plan(spec, facts_of(spec)).argv


def test_a_resumed_conversation_keeps_its_id() -> None:
    """Claude Code takes either a new id or one to resume."""
    made = plan(task="x", resume="-odd id")
    assert "--resume=-odd id" in made.argv
    assert not any(word.startswith("--session-id") for word in made.argv)
    spec = spec_of(mode="interactive", resume="abc")
    reading = CLAUDE.read(spec, facts_of(spec), b"", ExitStatus(code=0))
    assert reading.conversation_id == "abc"


@pytest.mark.parametrize(
    ("mode", "permission", "is_root", "words"),
    [
        ("headless", "default", False, {"--permission-mode=acceptEdits"}),
        ("interactive", "default", False, set()),
        ("headless", "edit", False, {"--permission-mode=acceptEdits"}),
        ("interactive", "edit", False, {"--permission-mode=acceptEdits"}),
        ("headless", "full", False, {"--dangerously-skip-permissions"}),
        ("interactive", "full", False, {"--dangerously-skip-permissions"}),
        ("headless", "default", True, {"--permission-mode=acceptEdits"}),
    ],
)
def test_permissions_are_the_tools_own_modes(
    mode: str, permission: str, is_root: bool, words: set[str]
) -> None:
    """Exactly these options, and no other that grants anything."""
    made = plan(task="x", mode=mode, permission=permission, facts={"is_root": is_root})
    granting = ("--permission-mode", "--dangerously", "--allow")
    assert {word for word in made.argv if word.startswith(granting)} == words


def test_full_permission_as_root_names_the_tools() -> None:
    """Skipping all checks is refused to root, unless the person says that this is a sandbox."""
    made = plan(task="x", permission="full", facts={"is_root": True})
    assert "--dangerously-skip-permissions" not in made.argv
    assert any(word.startswith("--allowedTools=Bash,") for word in made.argv)
    assert "IS_SANDBOX" not in made.env
    for said in ({"env": {"IS_SANDBOX": "1"}}, {"facts": {"host_env": {"IS_SANDBOX": "1"}}}):
        facts = {"is_root": True, **said.get("facts", {})}
        fields = {key: value for key, value in said.items() if key != "facts"}
        made = plan(task="x", permission="full", facts=facts, **fields)
        assert "--dangerously-skip-permissions" in made.argv


@pytest.mark.parametrize("word", ["--output-format", "--output-format=text", "--session-id=x"])
def test_an_argument_that_breaks_the_reading_is_refused(word: str) -> None:
    """The error names the option, not its value."""
    with pytest.raises(errors.UsageError, match=r"^--(output-format|session-id) is set by coders"):
        plan(task="x", argv=(word,))


def test_model_and_further_arguments_are_handed_on() -> None:
    """In the tool's own spelling."""
    made = plan(task="x", model="opus", argv=("--max-turns", "3"))
    assert "--model=opus" in made.argv
    assert made.argv[-2:] == ("--max-turns", "3")


def test_a_session_spawned_from_inside_claude_code_is_not_part_of_it() -> None:
    """The marks of the outer one are taken away, and nothing updates itself meanwhile."""
    made = plan(task="x")
    assert {"CLAUDECODE", "CLAUDE_CODE_ENTRYPOINT"} <= set(made.unset)
    assert made.env == {"DISABLE_AUTOUPDATER": "1", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"}


@pytest.mark.parametrize(
    ("name", "taken"),
    [
        ("ANTHROPIC_API_KEY", True),
        ("ANTHROPIC_BASE_URL", True),
        ("CLAUDE_CODE_OAUTH_TOKEN", True),
        ("CLAUDE_CODE_USE_BEDROCK", True),
        ("CLAUDE_CONFIG_DIR", True),
        ("https_proxy", True),
        ("CLAUDECODE", False),
        ("CLAUDE_CODE_ENTRYPOINT", False),
        ("CLAUDE_CODE_SSE_PORT", False),
        ("CLAUDE_CODE_SESSION_ID", False),
        ("IS_SANDBOX", False),
        ("AWS_SECRET_ACCESS_KEY", False),
        ("GOOGLE_APPLICATION_CREDENTIALS", False),
    ],
)
def test_of_the_persons_environment_only_what_it_needs_is_taken(name: str, taken: bool) -> None:
    """Its own key and settings; no mark of another session, no claim, no other service's secret."""
    assert any(fnmatchcase(name, pattern) for pattern in CLAUDE.pass_env) is taken


def test_a_terminal_session_succeeds_by_exit_status_alone() -> None:
    """Its bytes are a screen, not a stream."""
    spec = spec_of(mode="interactive")
    assert CLAUDE.read(spec, facts_of(spec), b"", ExitStatus(code=0)).ok
    failed = CLAUDE.read(spec, facts_of(spec), b"", ExitStatus(code=1))
    assert (failed.ok, failed.message) == (False, "claude: exit status 1")


@pytest.mark.parametrize(
    ("task", "ok"), [("do it", False), ("/help", True), (" \n", True), (None, True)]
)
def test_a_terminal_left_before_its_task_was_sent_is_no_success(task: str | None, ok: bool) -> None:
    """Someone left at its login, say: with status 0, and nothing was done."""
    spec = spec_of(mode="interactive", task=task)
    found = CLAUDE.read(spec, facts_of(spec), b"", ExitStatus(code=0))
    assert found.ok is ok
    assert found.message == (None if ok else "claude: ended before its task was sent")
