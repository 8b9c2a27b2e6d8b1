"""Codex's command line, settings and directory."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import pytest

from coders_queue import errors
from coders_queue.agents.adapter import MAX_ARGUMENT_BYTES, LaunchFacts
from coders_queue.agents.codex import config
from coders_queue.agents.codex.adapter import CodexAdapter
from coders_queue.models.launch import LaunchPlan
from coders_queue.models.spec import DirectoryWorkspace, SessionSpec

CODEX = CodexAdapter()
HEADLESS = ("codex", "exec", "--json", "--skip-git-repo-check")


def spec_of(**fields: object) -> SessionSpec:
    workspace = DirectoryWorkspace(path="/w")
    return SessionSpec.model_validate({"agent": "codex", "workspace": workspace, **fields})


def facts_of(spec: SessionSpec, **fields: object) -> LaunchFacts:
    return LaunchFacts.model_validate(
        {
            "session_id": "3f0c",
            "attempt": 1,
            "task": spec.task,
            "directory": "/state/3f0c_1",
            "cwd": "/w",
            "home": "/h",
            "keep": "/state/kept",
            **fields,
        }
    )


def plan(*, facts: dict[str, object] | None = None, **fields: object) -> LaunchPlan:
    spec = spec_of(**{"task": "hi", **fields})
    return CODEX.plan(spec, facts_of(spec, **(facts or {})))


def settings_of(made: LaunchPlan) -> dict[str, Any]:
    """The ``-c`` words as Codex understands them."""
    words = [made.argv[index + 1] for index, word in enumerate(made.argv) if word == "-c"]
    found = {}
    for word in words:
        key, _, value = word.partition("=")
        found[key] = tomllib.loads(f"x = {value}")["x"]
    return found


def test_a_headless_prompt_is_standard_input() -> None:
    """Nothing of it is on the command line, where everyone can read it."""
    made = plan(task="--secret\n")
    assert made.stdin == b"--secret\n"
    assert made.argv[: len(HEADLESS)] == HEADLESS
    assert made.argv[-1] == "-"
    assert not any("secret" in word for word in made.argv)
    assert not made.terminal


@pytest.mark.parametrize("task", [None, "", " \n\t"])
def test_a_headless_run_without_a_task_is_refused(task: str | None) -> None:
    """It would wait for one on its standard input."""
    with pytest.raises(errors.UsageError, match="nothing to do"):
        plan(task=task)


def test_a_prompt_in_the_terminal_stands_behind_the_end_of_options() -> None:
    """So that one which starts with a dash is no option, and ``exec`` no command."""
    made = plan(task="-x", mode="interactive", argv=("--search",))
    assert made.argv[-3:] == ("--search", "--", "-x")
    assert made.terminal
    assert made.stdin is None


def test_a_prompt_that_the_terminal_would_run_as_a_command_goes_into_a_file() -> None:
    """After "!" stands a command of the person's, which no model sees."""
    made = plan(task=" !ls", mode="interactive")
    assert made.files[0].content == b" !ls"
    assert "/state/3f0c_1/task.md" in made.argv[-1]
    assert plan(task="!ls").stdin == b"!ls"


def test_older_versions_are_not_left_to_offer_another_model() -> None:
    """The offer would stand in the way of the first prompt."""
    told = settings_of(plan(mode="interactive", facts={"version": "0.98.0"}))
    assert told["notice"]["model_migrations"]["gpt-5-codex"] == "gpt-5.2-codex"
    assert "notice" not in settings_of(plan(mode="interactive", facts={"version": "0.169.0"}))


def test_a_terminal_without_a_task_gets_no_prompt() -> None:
    """It opens and waits for a person."""
    assert "--" not in plan(task=None, mode="interactive").argv


def test_options_stand_before_the_conversation_to_resume() -> None:
    """``exec resume`` itself knows few of them."""
    made = plan(resume="01a2", model="gpt-x", argv=("--ephemeral",))
    assert made.argv[-4:] == ("--ephemeral", "resume", "01a2", "-")
    assert "--model=gpt-x" in made.argv
    inside = plan(resume="01a2", mode="interactive", task="go on")
    assert inside.argv[-4:] == ("resume", "01a2", "--", "go on")


@pytest.mark.parametrize(
    ("mode", "size", "in_file"),
    [
        ("headless", 1024 * 1024, False),
        ("headless", 1024 * 1024 + 1, True),
        ("interactive", MAX_ARGUMENT_BYTES, False),
        ("interactive", MAX_ARGUMENT_BYTES + 1, True),
    ],
)
def test_a_prompt_longer_than_its_channel_goes_into_a_file(
    mode: str, size: int, in_file: bool
) -> None:
    """The prompt then names the file."""
    made = plan(task="x" * size, mode=mode)
    contents = [file.content for file in made.files]
    assert (b"x" * size in contents) is in_file
    prompt = made.stdin.decode() if made.stdin is not None else made.argv[-1]
    assert ("/state/3f0c_1/task.md" in prompt) is in_file
    assert (len(prompt) == size) is not in_file


@pytest.mark.parametrize(
    ("mode", "permission", "words"),
    [
        ("headless", "default", ["--sandbox=workspace-write"]),
        ("headless", "edit", ["--sandbox=workspace-write"]),
        ("headless", "full", ["--dangerously-bypass-approvals-and-sandbox"]),
        ("interactive", "default", []),
        ("interactive", "edit", ["--sandbox=workspace-write", "--ask-for-approval=on-request"]),
        ("interactive", "full", ["--dangerously-bypass-approvals-and-sandbox"]),
    ],
)
def test_permissions_are_the_tools_sandboxes(mode: str, permission: str, words: list[str]) -> None:
    """Headless nobody can be asked, so that the sandbox is all there is."""
    made = plan(mode=mode, permission=permission)
    told = [word for word in made.argv if word.startswith(("--sandbox", "--ask", "--danger"))]
    assert told == words


@pytest.mark.parametrize(
    "cwd", ["/w", '/a "b"/c', "/back\\slash", "/tab\tnew\nline", "/žluť 漢字 🎉", "/del\x7f'x'"]
)
def test_any_directory_is_trusted_by_its_exact_name(cwd: str) -> None:
    """For this session alone: the user's settings are not touched."""
    settings = settings_of(plan(facts={"cwd": cwd}))
    assert settings["projects"] == {cwd: {"trust_level": "trusted"}}


def test_a_directory_that_toml_cannot_name_is_left_to_the_tools_question() -> None:
    """Codex could not read such an argument at all."""
    assert "projects" not in settings_of(plan(facts={"cwd": "/caf\udce9"}))


def test_its_background_server_is_not_used() -> None:
    """It would outlive the session, and give it the environment of another."""
    assert "--no-daemon" in plan(mode="interactive", facts={"version": "0.169.0"}).argv
    assert "--no-daemon" not in plan(mode="interactive", facts={"version": "0.125.0"}).argv


def test_a_schema_is_handed_over_as_a_file() -> None:
    """The option takes nothing else."""
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    made = plan(output_schema=schema)
    assert "--output-schema=/state/3f0c_1/answer.schema.json" in made.argv
    assert json.loads(made.files[0].content) == schema


@pytest.mark.parametrize("word", ["--json", "--output-schema=/x"])
def test_options_that_are_set_already_are_refused(word: str) -> None:
    """The reading of its output rests on them."""
    with pytest.raises(errors.UsageError, match="set by coders itself"):
        plan(argv=(word,))


def test_a_task_that_is_not_text_is_refused() -> None:
    """Codex reads UTF-8 only."""
    with pytest.raises(errors.UsageError, match="not UTF-8 text at character 3"):
        plan(task="abc\udcff")


KEY = {"OPENAI_API_KEY": "sk-secret"}


def test_the_users_own_directory_is_used_as_it_is() -> None:
    """Conversations, login, MCP servers and instructions are what the user has."""
    made = plan(facts={"config": {"/h/.codex/auth.json": b"{}"}, "environ": KEY})
    assert made.overlays == ()
    assert made.own_env == {}
    assert made.env == {}


def test_a_key_of_the_environment_is_its_login_where_there_is_no_other() -> None:
    """Headless by the variable that it reads, in the terminal by a login file of the session's."""
    assert plan(facts={"environ": KEY}).env == {"CODEX_API_KEY": "sk-secret"}
    made = plan(mode="interactive", facts={"environ": KEY})
    (login,) = made.files
    assert login.path == "home/codex/auth.json"
    assert json.loads(login.content)["OPENAI_API_KEY"] == "sk-secret"
    assert made.own_env == {"CODEX_HOME": "/state/3f0c_1/home/codex"}
    (overlay,) = made.overlays
    assert (overlay.source, overlay.only, overlay.keep_in) == ("/h/.codex", None, None)
    assert not any("sk-secret" in word for word in made.argv)


@pytest.mark.parametrize(
    "settings",
    [
        b'model_provider = "mine"',
        b'cli_auth_credentials_store = "keyring"',
    ],
)
def test_a_key_is_not_put_over_another_way_to_log_in(settings: bytes) -> None:
    """A provider of the user's has its own; a keyring may hold a login."""
    made = plan(
        mode="interactive", facts={"environ": KEY, "config": {"/h/.codex/config.toml": settings}}
    )
    assert made.overlays == ()
    assert made.files == ()


def test_the_service_that_the_environment_names_is_told_as_a_setting() -> None:
    """Newer versions read the variable no more; a password in it stays off the command line."""
    environ = {"OPENAI_BASE_URL": "http://127.0.0.1:1/v1"}
    told = settings_of(plan(facts={"environ": environ}))
    assert told["openai_base_url"] == "http://127.0.0.1:1/v1"
    environ = {"OPENAI_BASE_URL": "http://me:pw@proxy/v1"}
    assert "openai_base_url" not in settings_of(plan(facts={"environ": environ}))


@pytest.mark.parametrize(("carry", "only"), [("login", ("auth.json",)), ("none", ())])
def test_without_the_users_set_up_it_gets_a_directory_of_its_own(
    carry: str, only: tuple[str, ...]
) -> None:
    """Its conversations lie where later sessions find them."""
    environ = {"CODEX_HOME": "/my/codex"}
    made = plan(facts={"carry": carry, "environ": environ})
    (overlay,) = made.overlays
    assert overlay.source == "/my/codex"
    assert overlay.only == only
    assert overlay.keep_in == "/state/kept"
    assert "sessions" in overlay.keep


@pytest.mark.parametrize(
    ("carry", "names"),
    [("all", ["config.toml", "auth.json"]), ("login", ["auth.json"]), ("none", [])],
)
def test_it_looks_only_at_what_is_carried_in(carry: str, names: list[str]) -> None:
    """The rest of the user's files stay unread."""
    spec = spec_of(task="hi")
    facts = facts_of(spec, carry=carry)
    assert CODEX.config_files(spec, facts) == tuple(f"/h/.codex/{name}" for name in names)


def test_broken_settings_are_left_to_the_tool() -> None:
    """It says better what is wrong with them."""
    made = plan(facts={"config": {"/h/.codex/config.toml": b"= ="}})
    assert made.argv[0] == "codex"


@pytest.mark.parametrize("text", ["", "plain", 'q"uote', "\\", "\x00\x1f\x7f", "漢字"])
def test_a_string_survives_toml(text: str) -> None:
    """As the tool's own reader gives it back."""
    written = config.literal(text)
    assert tomllib.loads(f"x = {written}")["x"] == text
