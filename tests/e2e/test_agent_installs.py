"""Real versions of a real CLI, installed by `coders` itself and run side by side."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.command_line import CommandLine, command_line
from support.model_server import ModelServer
from support.netns import Namespace

#: The smallest of the five; both are tens of megabytes.
OLD, NEW = "0.15.10", "0.21.10"
UNTESTED = "0.12.0"

pytestmark = [pytest.mark.agents, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def coders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    """A state directory of its own, and a home without any agent's login."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed (apt-get install npm)")
    home = tmp_path_factory.mktemp("home")
    real = Path.home()
    environ = {
        "HOME": str(home),
        # what was downloaded once need not be again; how to get at the registry is the user's
        "npm_config_cache": str(real / ".npm"),
        "npm_config_userconfig": str(real / ".npmrc"),
    }
    with command_line(environ=environ) as one:
        yield one


def installed(coders: CommandLine, version: str) -> str:
    """The program of that version."""
    done = coders.ok("agents", "install", f"qwen@{version}", "--json", timeout=240)
    program: str = done.json["program"]
    assert done.json["integrity"].startswith("sha512-")
    return program


def test_two_versions_side_by_side(coders: CommandLine) -> None:
    """Each says its own version, and is listed and checked as what it is."""
    for version in (NEW, UNTESTED):
        program = installed(coders, version)
        said = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=60)
        assert said.stdout.strip() == version
    listed = {one["name"]: one for one in coders.ok("agents", "ls", "--json").json}
    assert listed["qwen"]["installed"] == [UNTESTED, NEW]
    checked = coders("agents", "check", f"qwen@{UNTESTED}", "--json")
    found = {one["check"]: one for one in checked.json}
    assert found["answers"]["ok"]
    assert f"says {UNTESTED}" in found["answers"]["found"]
    assert "not a version that coders was tested with" in found["version"]["found"]
    assert not found["login"]["ok"]
    coders.ok("agents", "rm", f"qwen@{UNTESTED}")
    listed = {one["name"]: one for one in coders.ok("agents", "ls", "--json").json}
    assert listed["qwen"]["installed"] == [NEW]


def test_a_version_that_the_registry_does_not_have(coders: CommandLine) -> None:
    """It is named, with versions that it does have."""
    done = coders("agents", "install", "qwen@0.15.99999", "--json", timeout=120)
    assert done.code == 5
    assert done.json["error"]["message"].endswith("has no version 0.15.99999")
    assert NEW in done.json["error"]["hint"]


def test_no_network(coders: CommandLine) -> None:
    """A registry that cannot be reached is told from a version that is not there."""
    env = {"npm_config_registry": "http://127.0.0.1:9/", "npm_config_fetch_retries": "0"}
    done = coders("agents", "install", "codex@0.1.0", env=env, timeout=120)
    assert done.code == 5
    assert "the registry cannot be reached (ECONNREFUSED)" in done.err
    assert not list((coders.paths.state / "agents").glob("codex/[!.]*"))


def test_a_session_runs_exactly_what_is_pinned(
    coders: CommandLine, inside: Namespace, model: ModelServer, tmp_path: Path
) -> None:
    """By a pin and by an explicit version, the real program itself says which one it is."""
    installed(coders, OLD)
    installed(coders, NEW)
    (tmp_path / ".coders.pins.toml").write_text(f'qwen = "{OLD}"\n')
    environ = {
        "HOME": coders.environ["HOME"],
        "OPENAI_API_KEY": "stub-key",
        "OPENAI_BASE_URL": f"{model.url}/v1",
        "OPENAI_MODEL": "stub-model",
    }
    # the same state, where no registry can be reached
    cut_off = CommandLine(coders.paths.state, environ, tuple(inside.argv([])))
    try:
        for agent, version in (("qwen", OLD), (f"qwen@{NEW}", NEW)):
            done = cut_off.ok("run", agent, "say hi", "--json", cwd=tmp_path, timeout=120)
            assert done.json["agent_version"] == done.json["version"] == version
            assert f'"qwen_code_version":"{version}"' in done.json["output"]
            assert done.json["warnings"] == []
        cut_off.at_rest()
    finally:
        cut_off.close()
