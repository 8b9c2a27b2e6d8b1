"""Real agent CLIs in a network namespace with the model stub, for all end-to-end tests."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from support import agent_install, netns
from support.model_server import ModelServer, model_server
from support.netns import Namespace

API_KEY = "sk-ant-stub-not-a-real-key-0123456789abcdef"


@pytest.fixture(scope="session")
def inside() -> Iterator[Namespace]:
    """A network namespace with nothing but loopback."""
    reason = netns.why_not()
    if reason is not None:
        pytest.skip(reason)
    with netns.namespace() as made:
        yield made


@pytest.fixture(scope="session")
def agent_program() -> Callable[..., Path]:
    """``agent_program("codex")``, ``agent_program("claude", "2.1.190")``: the real program."""

    def program(tool: str, version: str | None = None) -> Path:
        try:
            return agent_install.install(tool, version)
        except agent_install.NotInstallable as error:
            pytest.skip(str(error))

    return program


@pytest.fixture(scope="session")
def claude_program(agent_program: Callable[..., Path]) -> Path:
    """The real Claude Code."""
    return agent_program("claude")


@pytest.fixture(scope="session")
def codex_program(agent_program: Callable[..., Path]) -> Path:
    """The real Codex."""
    return agent_program("codex")


@pytest.fixture(scope="session")
def gemini_program(agent_program: Callable[..., Path]) -> Path:
    """The real Gemini CLI."""
    return agent_program("gemini")


@pytest.fixture(scope="session")
def opencode_program(agent_program: Callable[..., Path]) -> Path:
    """The real opencode."""
    return agent_program("opencode")


@pytest.fixture(scope="session")
def qwen_program(agent_program: Callable[..., Path]) -> Path:
    """The real Qwen Code."""
    return agent_program("qwen")


@pytest.fixture(scope="session")
def _model(inside: Namespace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelServer]:
    # a short path: a Unix socket's is at most 107 bytes long
    with model_server(inside, tmp_path_factory.mktemp("stub")) as server:
        yield server


@pytest.fixture
def model(_model: ModelServer) -> ModelServer:
    """The model stub, with an empty journal."""
    _model.clear()
    return _model


#: Where the node is that some of the tools are run by.
_NODE = [str(Path(found).parent) for found in (shutil.which("node"),) if found]


@dataclass(frozen=True)
class Person:
    """Somebody with a home directory, a project and a key for the stub."""

    home: Path
    project: Path
    env: dict[str, str]


@pytest.fixture
def person(tmp_path: Path, model: ModelServer) -> Person:
    """Somebody new, whose environment is all that an agent sees."""
    home, project = tmp_path / "home", tmp_path / "project"
    home.mkdir()
    project.mkdir()
    env = {
        "HOME": str(home),
        "PATH": os.pathsep.join((*_NODE, "/usr/local/bin", "/usr/bin", "/bin")),
        "LANG": "C.UTF-8",
        "ANTHROPIC_BASE_URL": model.url,
        "ANTHROPIC_API_KEY": API_KEY,
        # a refusal is tried again for minutes otherwise
        "CLAUDE_CODE_MAX_RETRIES": "1",
    }
    return Person(home, project, env)
