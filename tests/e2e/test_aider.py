"""aider, an agent that one TOML file adds: the real program, on a whole stack, headless."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support import agent_install, aider_install, netns
from support.command_line import CommandLine, command_line
from support.model_server import ModelServer
from support.netns import Namespace

pytestmark = [pytest.mark.agents, pytest.mark.broker, pytest.mark.tmux, pytest.mark.timeout(900)]

FILE = Path(__file__).parents[2] / "config/examples/agents/aider.toml"
BEFORE = "def price(amount):\n    return amount\n"
AFTER = "def price(amount):\n    return amount * 1.21\n"
BLOCK = (
    r"Here is the tax.\n\nprices.py\n```python\n<<<<<<< SEARCH\n    return amount\n=======\n"
    r"    return amount * 1.21\n>>>>>>> REPLACE\n```"
)


@pytest.fixture(scope="module")
def aider() -> Path:
    """The real aider."""
    try:
        return aider_install.install()
    except agent_install.NotInstallable as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def coders(
    aider: Path, inside: Namespace, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[CommandLine]:
    """A stack of somebody who has copied the file, with nothing but loopback."""
    home = tmp_path_factory.mktemp("home")
    agents = home / ".config/coders/agents"
    agents.mkdir(parents=True)
    shutil.copy(FILE, agents)
    environ = {
        "HOME": str(home),
        "XDG_CONFIG_HOME": "",
        "PATH": f"{aider.parent}:{os.environ['PATH']}",
    }
    with command_line(environ, prefix=tuple(inside.argv(()))) as one:
        yield one


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A git repository with one file."""
    git = ["git", "-C", str(tmp_path), "-c", "user.name=Ada", "-c", "user.email=ada@example.com"]
    (tmp_path / "prices.py").write_text(BEFORE)
    for words in (("init", "-q", "-b", "main"), ("add", "."), ("commit", "-q", "-m", "begin")):
        subprocess.run([*git, *words], check=True, timeout=30)
    return tmp_path


def run(coders: CommandLine, model: ModelServer, shop: Path, *words: str) -> dict[str, Any]:
    """The session that ``coders run aider`` prints."""
    env = {
        "OPENAI_API_BASE": f"{model.url}/v1",
        "OPENAI_API_KEY": "stub",
        # it fetches a list of prices from GitHub otherwise
        "LITELLM_LOCAL_MODEL_COST_MAP": "true",
    }
    given = (word for name in env for word in ("--env", name))
    asked = ("run", "aider", "--json", "--model", "openai/stub-model", *given, *words)
    shown: dict[str, Any] = coders(*asked, cwd=shop, env=env, timeout=400).json
    return shown


def test_it_is_an_agent_like_the_others(coders: CommandLine, aider: Path) -> None:
    """It is listed with its program and version, and can be checked."""
    found = {one["name"]: one for one in coders.ok("agents", "ls", "--json").json}["aider"]
    assert (found["path"], found["version"]) == (str(aider), aider_install.VERSION)
    assert found["note"] is None
    checks = {one["check"]: one for one in coders.ok("agents", "check", "aider", "--json").json}
    assert checks["program"]["found"] == str(aider)


def test_it_edits_a_file_of_a_repository(
    coders: CommandLine, model: ModelServer, shop: Path
) -> None:
    """As the model says; answer, usage and version are on record, and its own files elsewhere."""
    model.script("", f"SAY:{BLOCK}")
    task = 'Add the tax.\n\n  It\'s "21 %", not $HOME; see `prices.py`'
    shown = run(coders, model, shop, task, "--", "--edit-format", "diff", "prices.py")
    assert (shown["state"], shown["cause"]) == ("succeeded", None), shown
    assert (shop / "prices.py").read_text() == AFTER
    requests = model.journal()["requests"]
    assert any(task in one["prompt"] for one in requests)
    assert shown["result"].startswith("Here is the tax.\n\nprices.py\n")
    told, counted = shown["usage"], model.tokens()
    # it does not say what came from the cache
    assert told["input_tokens"] == counted["input_tokens"] + counted["cache_read_tokens"]
    assert told["output_tokens"] == counted["output_tokens"]
    assert shown["agent_version"] == aider_install.VERSION
    assert model.journal()["strays"] == []


def test_a_refusal_is_told_though_it_exits_with_0(
    coders: CommandLine, model: ModelServer, shop: Path
) -> None:
    """The session fails, and says what the service said."""
    shown = run(coders, model, shop, "FAIL:401 now")
    assert (shown["state"], shown["exit_code"]) == ("failed", 0)
    assert shown["cause"]["kind"] == "agent-error"
    assert "not able to authenticate" in shown["cause"]["message"]
    assert (shop / "prices.py").read_text() == BEFORE


@pytest.mark.long  # it waits for the end of aider's own retries
def test_the_file_fits_the_tool(aider: Path, tmp_path: Path) -> None:
    """``coders agents check FILE`` finds nothing that speaks against it."""
    reason = netns.why_not()
    if reason is not None:
        pytest.skip(reason)
    with tempfile.TemporaryDirectory(prefix="coders-") as state:
        environ = {
            "HOME": str(tmp_path),
            "PATH": f"{aider.parent}:{os.environ['PATH']}",
            "CODERS_STATE_DIR": f"{state}/s",
            "TMPDIR": state,
        }
        argv = [str(Path(sys.executable).with_name("coders")), "agents", "check", "--json"]
        done = subprocess.run(
            [*argv, str(FILE)], env=environ, capture_output=True, text=True, timeout=800
        )
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    verdicts = {row["claim"]: row["verdict"] for row in report["rows"]}
    assert report["isolated"] == "loopback only"
    for claim in (
        "the prompt arrives exactly",
        "the answer is the result",
        "usage is the model's own count",
        "failure told: 401",
        "failure told: 500",
    ):
        assert verdicts[f"headless: {claim}"] == "holds"
