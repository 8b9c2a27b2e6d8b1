"""Loading settings: which source counts, where each value came from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from coders_queue import errors
from coders_queue.settings import keys
from coders_queue.settings.environment import from_environment
from coders_queue.settings.load import Loaded, leaves, load, load_current
from coders_queue.settings.schema import Settings


class Machine:
    """A machine's configuration: its files and variables, in a directory of the test."""

    def __init__(self, root: Path) -> None:
        self.system = root / "etc"
        self.user = root / "home" / ".config" / "coders"
        self.project = root / "home" / "project"
        self.cwd = self.project / "deep" / "inside"
        self.environ = {"HOME": str(root / "home")}
        for directory in (self.system, self.user, self.cwd):
            directory.mkdir(parents=True)

    def load(self, overrides: dict[str, Any] | None = None, **environ: str) -> Loaded:
        return load({**self.environ, **environ}, self.cwd, overrides or {}, system=self.system)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_without_any_source_the_defaults_hold(machine: Machine) -> None:
    """Each key then says that it is a default."""
    loaded = machine.load()
    assert loaded.settings == Settings()
    assert set(loaded.origins.values()) == {"default"}
    assert set(loaded.origins) == {keys.dotted(path) for path, _ in leaves(Settings())}
    assert loaded.files == ()


def test_each_source_covers_the_one_below(machine: Machine) -> None:
    """System, user, project, environment, flags: the later one wins, and is named as the origin."""
    (machine.system / "config.toml").write_text("[session]\ngrace = 1\noutput_limit = 1\n")
    loaded = machine.load()
    assert loaded.settings.session.grace == 1
    assert loaded.origins["session.grace"] == f"file {machine.system}/config.toml:2"

    (machine.user / "config.json").write_text('{\n "session": {\n  "grace": 2}}')
    assert machine.load().settings.session.grace == 2
    assert machine.load().origins["session.grace"] == f"file {machine.user}/config.json:3"

    (machine.project / ".coders.yaml").write_text("session:\n  grace: 3\n")
    assert machine.load().settings.session.grace == 3
    assert machine.load().origins["session.grace"] == f"file {machine.project}/.coders.yaml:2"

    loaded = machine.load(CODERS_SESSION_GRACE="4")
    assert loaded.settings.session.grace == 4
    assert loaded.origins["session.grace"] == "environment CODERS_SESSION_GRACE"

    loaded = machine.load({"session.grace": 5.0}, CODERS_SESSION_GRACE="4")
    assert loaded.settings.session.grace == 5
    assert loaded.origins["session.grace"] == "flag"

    assert loaded.settings.session.output_limit == 1
    assert loaded.origins["session.output_limit"] == f"file {machine.system}/config.toml:3"
    assert loaded.origins["session.timeout"] == "default"
    assert [file.name for file in loaded.files] == ["config.toml", "config.json", ".coders.yaml"]


def test_a_flag_of_none_was_not_given(machine: Machine) -> None:
    """So that parsed arguments can be handed over as they are."""
    loaded = machine.load({"log.level": None, "session.pass_env": "A, B"})
    assert loaded.origins["log.level"] == "default"
    assert loaded.settings.session.pass_env == ("A", "B")


def test_agents_are_merged_key_by_key(machine: Machine) -> None:
    """Two sources can each say a part of one agent, and of its variables."""
    (machine.user / "config.yaml").write_text(
        "agents:\n  claude:\n    program: /opt/claude\n    env:\n      A: file\n      B: file\n"
    )
    loaded = machine.load(
        CODERS_AGENTS_CLAUDE_ENV='{"B": "variable"}', CODERS_AGENTS_CLAUDE_ARGS="--one,--two"
    )
    claude = loaded.settings.agent("claude")
    assert claude.program == "/opt/claude"
    assert claude.args == ("--one", "--two")
    assert claude.env == {"A": "file", "B": "variable"}
    assert loaded.origins["agents.claude.env.A"] == f"file {machine.user}/config.yaml:5"
    assert loaded.origins["agents.claude.env.B"] == "environment CODERS_AGENTS_CLAUDE_ENV"
    assert loaded.settings.agent("shell").program is None


@pytest.mark.parametrize(
    ("variable", "text", "key", "value"),
    [
        ("CODERS_BROKER_URL", "redis://h:6379/1", "broker.url", "redis://h:6379/1"),
        ("CODERS_BROKER_URL", "none", "broker.url", None),
        ("CODERS_LOG_LEVEL", "DEBUG", "log.level", "debug"),
        ("CODERS_HOST_NAME", "box-1", "host.name", "box-1"),
        ("CODERS_HOST_ROLES", "control", "host.roles", ("control",)),
        ("CODERS_HOST_CAPACITY", "7", "host.capacity", 7),
        ("CODERS_SESSION_PASS_ENV", "A_*, B", "session.pass_env", ("A_*", "B")),
        ("CODERS_SESSION_PASS_ENV", '["A,B"]', "session.pass_env", ("A,B",)),
        ("CODERS_SESSION_PASS_ENV", "[]", "session.pass_env", ()),
        ("CODERS_SESSION_TIMEOUT", "1.5", "session.timeout", 1.5),
        ("CODERS_SESSION_TIMEOUT", "none", "session.timeout", None),
        ("CODERS_OWNER", "ada", "owner", "ada"),
    ],
)
def test_variables_set_keys(
    machine: Machine, variable: str, text: str, key: str, value: object
) -> None:
    """Each kind of value can be given as a text."""
    (machine.user / "config.yaml").write_text(
        "broker: {url: 'redis://other'}\nsession: {timeout: 9}\n"
    )
    loaded = machine.load(None, **{variable: text})
    found = {keys.dotted(path): value for path, value in leaves(loaded.settings)}
    assert found[key] == value
    assert loaded.origins[key] == f"environment {variable}"


def test_an_empty_variable_is_not_set(machine: Machine) -> None:
    """As for most programs: VARIABLE= takes a setting back."""
    assert machine.load(CODERS_LOG_LEVEL="").origins["log.level"] == "default"


def test_variables_that_are_no_settings_pass(machine: Machine) -> None:
    """An agent's own variables, those of the tests, and those of strangers."""
    loaded = machine.load(
        CODERS_STATE_DIR="/s",
        CODERS_SESSION_ID="1",
        CODERS_ATTEMPT="1",
        CODERS_OLLAMA_API_KEY="k",
        CODERS_TEST_ANYTHING="x",
        CODERS_GUILD_OF_NOWHERE="y",
        CODERSBROKER="z",
    )
    assert set(loaded.origins.values()) == {"default"}


@pytest.mark.parametrize(
    "file", [".coders.yml", ".coders.json", ".coders.toml", ".coders/config.yaml"]
)
def test_the_project_file_is_found_upward(machine: Machine, file: str) -> None:
    """From a directory deep inside, in any of the formats; the nearest one counts alone."""
    text = "[workspace]\nkeep = 'always'" if "toml" in file else '{"workspace": {"keep": "always"}}'
    target = machine.project / file
    target.parent.mkdir(exist_ok=True)
    target.write_text(text)
    assert machine.load().settings.workspace.keep == "always"
    (machine.cwd.parent / ".coders.yaml").write_text("session: {grace: 1}")
    assert machine.load().settings.workspace.keep == "changed"


def test_xdg_config_home_is_followed(machine: Machine, tmp_path: Path) -> None:
    """The user's file lies there when it is set."""
    (tmp_path / "x" / "coders").mkdir(parents=True)
    (tmp_path / "x" / "coders" / "config.yaml").write_text("owner: ada")
    assert machine.load(XDG_CONFIG_HOME=str(tmp_path / "x")).settings.owner == "ada"


def test_a_readable_file_with_secrets_is_warned_of(machine: Machine) -> None:
    """The warning names the file, not the secret."""
    file = machine.user / "config.yaml"
    file.write_text("broker: {url: 'redis://:hunter2@h'}")
    file.chmod(0o644)
    (line,) = machine.load().warnings
    assert str(file) in line
    assert "hunter2" not in line
    file.chmod(0o600)
    assert machine.load().warnings == ()


def test_a_section_left_empty_is_as_none(machine: Machine) -> None:
    """Commenting out the last key of a section is no mistake."""
    (machine.user / "config.yaml").write_text("log:\n  # level: debug\nagents:\n  claude:\n")
    assert machine.load().settings == Settings()


documents = st.fixed_dictionaries(
    {},
    optional={
        "session": st.fixed_dictionaries(
            {},
            optional={
                "grace": st.floats(0, 3600),
                "output_limit": st.integers(0, 10**6),
                "pass_env": st.lists(st.text("ABC_*", min_size=1), max_size=4),
                "timeout": st.none() | st.floats(0.001, 1e6),
            },
        ),
        "agents": st.dictionaries(
            st.from_regex(r"[a-z][a-z0-9-]{0,9}", fullmatch=True),
            st.fixed_dictionaries(
                {"args": st.lists(st.text(st.characters(exclude_characters="\0", codec="utf-8")))},
                optional={"env": st.dictionaries(st.text("AB_", min_size=1), st.text("x: '\"\n#"))},
            ),
            max_size=3,
        ),
        "host": st.fixed_dictionaries({"capacity": st.integers(1, 10_000)}),
    },
)


@given(data=documents, form=st.sampled_from(["yaml", "json"]))
def test_a_file_means_what_it_says(
    data: dict[str, Any], form: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Any legal document, as YAML or JSON, gives the settings that its values give."""
    machine = Machine(tmp_path_factory.mktemp("m"))
    text = yaml.safe_dump(data) if form == "yaml" else json.dumps(data)
    file = machine.user / f"config.{form}"
    file.write_text(text, encoding="utf-8")
    loaded = machine.load()
    assert loaded.settings == Settings.model_validate(data)
    lines = text.split("\n")
    for name, origin in loaded.origins.items():
        if origin.startswith("file "):
            line = int(origin.rpartition(":")[2])
            assert name.rpartition(".")[2] in lines[line - 1]


def test_reading_the_process_itself_is_refused_where_its_directory_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shell may stand in a directory that somebody removed."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(errors.ConfigError, match="directory is gone"):
        load_current()


def test_every_setting_of_an_agent_has_its_variable() -> None:
    """Those of the schema, not of a list beside it."""
    for path in keys.all_keys():
        if path[:2] == ("agents", keys.ANY):
            variable = f"CODERS_AGENTS_MY_TOOL_{path[2].upper()}"
            value = {"args": "a,b", "env": "{}", "carry": "login"}.get(path[2], "x")
            (found,) = from_environment({variable: value})
            assert found[1] == ("agents", "my_tool", path[2])
