"""What is published of the settings is current, true and without secrets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from coders_queue.documents.yaml_document import parse_yaml
from coders_queue.settings import keys
from coders_queue.settings.load import load
from coders_queue.settings.publish import explain, json_schema, main, published
from coders_queue.settings.schema import Settings

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", published())
def test_the_published_files_are_current(name: str) -> None:
    """Run ``python -m coders_queue.settings.publish`` after a change to the schema."""
    assert (ROOT / name).read_text(encoding="utf-8") == published()[name]


def test_the_files_are_written_where_one_says(tmp_path: Path) -> None:
    """Together with the directories they need."""
    assert main([str(tmp_path)]) == 0
    for name, text in published().items():
        assert (tmp_path / name).read_text(encoding="utf-8") == text


def test_the_example_is_the_defaults(tmp_path: Path) -> None:
    """Copied as it is, it changes nothing; and it has every key."""
    system = tmp_path / "etc"
    system.mkdir()
    text = (ROOT / "config/examples/config.yaml").read_text(encoding="utf-8")
    (system / "config.yaml").write_text(text, encoding="utf-8")
    loaded = load({"HOME": str(tmp_path)}, tmp_path, system=system)
    assert loaded.settings == Settings()
    for name, origin in loaded.origins.items():
        expected = (
            "default" if name in ("host.name", "owner", "shares") else f"file {system}/config.yaml:"
        )
        assert origin.startswith(expected), name
    for key in keys.all_keys().values():
        assert f"{key.path[-1]}:" in text


def test_the_commented_members_of_the_example_are_legal(tmp_path: Path) -> None:
    """Somebody will take the comment signs away."""
    text = (ROOT / "config/examples/config.yaml").read_text(encoding="utf-8")
    _, *blocks = text.split("For example:\n")
    data = {}
    for block in blocks:
        lines = [line for line in block.splitlines() if line.startswith("#  ") or line == "#"]
        data |= parse_yaml("\n".join(line.removeprefix("#") for line in lines)).data
    found = Settings.model_validate(data)
    assert set(found.agents) == {"claude"}
    assert found.limits["claude-fleet"].concurrency == 5


def test_the_schema_refuses_unknown_keys_and_describes_known_ones() -> None:
    """An editor that knows the schema finds typos and shows what a key means."""
    schema = json_schema()
    json.dumps(schema)
    for definition in (schema, *schema["$defs"].values()):
        assert definition["additionalProperties"] is False
    for key in keys.all_keys().values():
        assert key.doc, key.name
    assert schema["$defs"]["HostSettings"]["properties"]["capacity"]["maximum"] == 10_000


def test_the_schema_is_the_same_on_every_machine() -> None:
    """Nothing in it says where it was made: the host's name and the user are no defaults there."""
    properties = json_schema()["$defs"]["HostSettings"]["properties"]
    assert "default" not in properties["name"]
    assert "default" not in json_schema()["properties"]["owner"]


def test_every_project_key_is_a_key() -> None:
    """The list of what a project may set has no stale entry."""
    assert {key.name for key in keys.all_keys().values()} >= keys.PROJECT_KEYS


def test_the_variables_differ() -> None:
    """No two keys share an environment variable."""
    variables = [key.variable for key in keys.all_keys().values()]
    assert len(set(variables)) == len(variables)


def test_each_key_is_explained_without_its_secret(tmp_path: Path) -> None:
    """``config show`` has every key, its value as JSON and its origin; secrets are hidden."""
    loaded = load(
        {
            "HOME": str(tmp_path),
            "CODERS_BROKER_URL": "rediss://me:hunter2@h:1/0?password=hunter2",
            "CODERS_AGENTS_CLAUDE_ENV": '{"API": "hunter2"}',
        },
        tmp_path,
        {"session.pass_env": ["A"]},
        system=tmp_path,
    )
    rows = {row.key: row for row in explain(loaded)}
    assert "hunter2" not in repr(list(rows.values()))
    assert "hunter2" not in repr(loaded)
    assert rows["broker.url"].value == '"rediss://me:***@h:1/0?password=***"'
    assert rows["agents.claude.env.API"].value == '"***"'
    assert rows["agents.claude.env.API"].origin == "environment CODERS_AGENTS_CLAUDE_ENV"
    assert rows["session.pass_env"].value == '["A"]'
    assert rows["session.pass_env"].origin == "flag"
    assert rows["session.timeout"].value == "null"
    assert {row.key for row in explain(loaded)} >= {
        key.name for key in keys.all_keys().values() if keys.ANY not in key.path
    }
