"""opencode's command line, configuration and directories."""

from __future__ import annotations

import json
from typing import Any

import pytest

from coders_queue import errors
from coders_queue.agents.adapter import MAX_ARGUMENT_BYTES, LaunchFacts
from coders_queue.agents.opencode import plugin
from coders_queue.agents.opencode.adapter import OpencodeAdapter
from coders_queue.models.launch import ExitStatus, LaunchPlan
from coders_queue.models.spec import DirectoryWorkspace, SessionSpec

OPENCODE = OpencodeAdapter()
HERE = "/state/3f0c_1"


def spec_of(**fields: object) -> SessionSpec:
    workspace = DirectoryWorkspace(path="/w")
    return SessionSpec.model_validate({"agent": "opencode", "workspace": workspace, **fields})


def facts_of(spec: SessionSpec, **fields: object) -> LaunchFacts:
    return LaunchFacts.model_validate(
        {
            "session_id": "3f0c",
            "attempt": 1,
            "task": spec.task,
            "directory": HERE,
            "cwd": "/w",
            "home": "/h",
            "keep": "/state/kept",
            "version": "1.18.33",
            **fields,
        }
    )


def plan(*, facts: dict[str, object] | None = None, **fields: object) -> LaunchPlan:
    spec = spec_of(**{"task": "hi", **fields})
    return OPENCODE.plan(spec, facts_of(spec, **(facts or {})))


def options_of(made: LaunchPlan) -> dict[str, Any]:
    """What the plug-in is told."""
    files = {file.path: file.content.decode() for file in made.files}
    (line,) = [
        line for line in files[plugin.PLUGIN].splitlines() if line.startswith("const options = ")
    ]
    found: dict[str, Any] = json.loads(line.removeprefix("const options = "))
    return found


def content_of(made: LaunchPlan) -> dict[str, Any]:
    """The configuration that goes over the person's."""
    found: dict[str, Any] = json.loads(made.own_env["OPENCODE_CONFIG_CONTENT"])
    return found


def test_a_headless_prompt_is_standard_input() -> None:
    """Nothing of it is on the command line, where everyone can read it."""
    made = plan(task="--secret\n")
    assert made.stdin == b"--secret\n"
    assert made.argv == ("opencode", "run", "--format=json", "--title=")
    assert not made.terminal


@pytest.mark.parametrize("task", [None, "", " \n\t"])
def test_a_headless_run_without_a_task_is_refused(task: str | None) -> None:
    """It would end with a complaint of its own."""
    with pytest.raises(errors.UsageError, match="nothing to do"):
        plan(task=task)


@pytest.mark.parametrize("word", ["--format=default", "-s", "--attach", "--pure", "--prompt=x"])
def test_options_that_the_reading_rests_on_are_refused(word: str) -> None:
    """They are the adapter's own."""
    with pytest.raises(errors.UsageError, match="set by coders itself"):
        plan(argv=(word,))


def test_model_resume_and_further_arguments_reach_the_tool() -> None:
    """In the form that keeps a value a value."""
    made = plan(model="stub/m", resume="ses_1", argv=("--agent", "plan", "--title", "mine"))
    assert made.argv[3:] == ("--model=stub/m", "--session=ses_1", *made.argv[5:])
    assert made.argv[5:] == ("--agent", "plan", "--title", "mine")


def test_a_model_without_its_provider_is_refused() -> None:
    """opencode would look for a model without a name."""
    with pytest.raises(errors.UsageError, match="PROVIDER/MODEL"):
        plan(model="gpt-5")


def test_a_first_prompt_at_the_terminal_is_an_option_s_value() -> None:
    """opencode sends it by itself."""
    made = plan(mode="interactive", task="-x y")
    assert made.argv == ("opencode", "--prompt=-x y")
    assert made.terminal
    assert made.stdin is None
    assert options_of(made)["shown"] is None


@pytest.mark.parametrize("task", ["/init now", " !ls", "exit", "x" * MAX_ARGUMENT_BYTES])
def test_what_the_terminal_would_take_for_its_own_is_put_in_by_the_plug_in(task: str) -> None:
    """It shows a sentence that says where the task is, should the plug-in not be loaded."""
    made = plan(mode="interactive", task=task)
    shown = options_of(made)["shown"]
    assert f"{HERE}/{plugin.TASK}" in shown
    assert made.argv == ("opencode", f"--prompt={shown}")
    assert {file.path: file.content for file in made.files}[plugin.TASK] == task.encode()


def test_a_resumed_conversation_gets_its_prompt_from_the_plug_in() -> None:
    """``--prompt`` is for the first screen, which is not shown then."""
    made = plan(mode="interactive", resume="ses_1", task="go on")
    assert made.argv == ("opencode", "--session=ses_1")
    assert options_of(made)["send"] == "ses_1"
    without = plan(mode="interactive", resume="ses_1", task=None)
    assert options_of(without)["send"] is None


@pytest.mark.parametrize(
    ("version", "permission", "mode", "auto", "told"),
    [
        ("1.18.33", "default", "headless", False, None),
        ("1.18.33", "full", "headless", True, None),
        ("1.18.33", "full", "interactive", True, None),
        ("1.1.65", "full", "headless", False, {"*": "allow"}),
        (None, "full", "headless", True, None),
        (
            "1.18.33",
            "edit",
            "headless",
            False,
            {"edit": "allow", "bash": "deny", "external_directory": "deny"},
        ),
        (
            "1.1.65",
            "edit",
            "interactive",
            False,
            {"edit": "allow", "bash": "ask", "external_directory": "ask"},
        ),
    ],
)
def test_permissions(
    version: str | None, permission: str, mode: str, auto: bool, told: dict[str, str] | None
) -> None:
    """Told by an option where it has one, else by rules over the person's."""
    made = plan(facts={"version": version}, permission=permission, mode=mode)
    assert ("--auto" in made.argv) is auto
    given = made.own_env.get("OPENCODE_PERMISSION")
    assert (None if given is None else json.loads(given)) == told


def test_a_persons_own_variables_are_kept_beneath() -> None:
    """What they say of other things still counts; the last rule of a permission is ours."""
    theirs = {
        "OPENCODE_CONFIG_CONTENT": '{"theme": "x", "plugin": ["p"], "agent": {"a": {}}}',
        "OPENCODE_PERMISSION": '{"edit": "deny", "webfetch": "ask"}',
    }
    made = plan(facts={"environ": theirs}, permission="edit")
    content = content_of(made)
    assert content["theme"] == "x"
    assert content["plugin"] == ["p", f"file://{HERE}/{plugin.PLUGIN}"]
    assert content["agent"] == {"a": {}, "title": {"disable": True}}
    rules = json.loads(made.own_env["OPENCODE_PERMISSION"])
    assert list(rules) == ["webfetch", "edit", "bash", "external_directory"]
    assert rules["edit"] == "allow"
    # the agent's own commands get what was there before; no file holds it, for it may hold keys
    assert made.own_env[plugin.CONTENT] == theirs["OPENCODE_CONFIG_CONTENT"]
    assert not any(b'"theme"' in file.content for file in made.files)


@pytest.mark.parametrize("name", ["OPENCODE_CONFIG_CONTENT", "OPENCODE_PERMISSION"])
def test_variables_that_nothing_can_be_added_to_are_refused(name: str) -> None:
    """In one line that names the variable and not its content."""
    with pytest.raises(errors.UsageError, match=name) as caught:
        plan(facts={"environ": {name: "{secret: 1}"}}, permission="edit")
    assert "secret" not in str(caught.value)


def test_the_configuration_is_the_persons_shown_through_links() -> None:
    """opencode installs a package into it, and loads no plug-in before: here it has it."""
    made = plan()
    shown = {overlay.path: overlay for overlay in made.overlays}
    assert set(shown) == {"home/config", "home/config/opencode"}
    assert shown["home/config"].source == "/h/.config"
    assert shown["home/config"].skip == ("opencode",)
    assert shown["home/config/opencode"].only is None
    assert made.own_env["XDG_CONFIG_HOME"] == f"{HERE}/home/config"
    assert options_of(made)["environ"] == {"XDG_CONFIG_HOME": None}
    locked = {file.path: file.content for file in made.files}
    root = json.loads(locked["home/config/opencode/package-lock.json"])["packages"][""]
    assert list(root["dependencies"]) == ["@opencode-ai/plugin"]


@pytest.mark.parametrize(
    ("carry", "only"), [("login", ("auth.json", "mcp-auth.json")), ("none", ())]
)
def test_without_the_persons_set_up_conversations_are_kept_by_the_host(
    carry: str, only: tuple[str, ...]
) -> None:
    """Nothing but a login is shown, and the store is where later sessions find it."""
    environ = {"XDG_DATA_HOME": "/data"}
    made = plan(facts={"carry": carry, "environ": environ})
    shown = {overlay.path: overlay for overlay in made.overlays}
    assert shown["home/config/opencode"].only == ()
    assert shown["home/data/opencode"].source == "/data/opencode"
    assert shown["home/data/opencode"].only == only
    assert shown["home/data/opencode"].keep_in == "/state/kept"
    assert made.own_env["OPENCODE_DB"] == "/state/kept/opencode.db"
    assert options_of(made)["environ"]["XDG_DATA_HOME"] == "/data"
    old = plan(facts={"carry": carry, "version": "1.1.65"})
    assert "OPENCODE_DB" not in old.own_env


def test_the_marks_of_an_outer_opencode_do_not_come_through() -> None:
    """Spawned from inside of one, the session is no part of it."""
    assert {"OPENCODE", "OPENCODE_PID", "CODERS_OPENCODE_PID"} <= set(plan().unset)
    assert not any(pattern in ("OPENCODE_*", "*") for pattern in OPENCODE.pass_env)


def test_a_terminal_session_whose_task_was_never_sent_is_a_failure() -> None:
    """An exit status of 0 is no answer."""
    spec = spec_of(task="hi", mode="interactive")
    reading = OPENCODE.read(spec, facts_of(spec), b"", ExitStatus(code=0))
    assert not reading.ok
    assert reading.message == "opencode: ended before its task was sent"
