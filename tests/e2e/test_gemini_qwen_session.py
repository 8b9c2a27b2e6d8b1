"""The real Gemini CLI and its fork Qwen Code run by the whole system, in a network namespace.

Nothing but loopback and the model stub is there; what is compared is what the stub has seen.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from coders_queue import wire
from coders_queue.agents import registry
from coders_queue.agents.screen import Screen
from coders_queue.models.observation import Observation
from coders_workers.model_stub.script import AFTER_TOOL, FIXED_ANSWER
from support import scratch_git
from support.command_line import CommandLine, command_line
from support.local_stack import eventually
from support.model_server import ModelServer
from support.netns import Namespace

pytestmark = [
    pytest.mark.agents,
    pytest.mark.broker,
    pytest.mark.tmux,
    pytest.mark.timeout(180),
]

TOOLS = ("gemini", "qwen")
#: Made anew for each run, so that a search for it finds no other run's.
KEY = f"stub-{uuid.uuid4().hex}"
USAGE = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
TASK = "Fix \"it\" & 'that' ; `ls` $HOME ž🎉\r\n\n\ttwice\n\n" + "line of some length\n" * 1000


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real repository with one commit."""
    directory = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as monkeypatch:
        scratch_git.isolate(directory, monkeypatch)
        return scratch_git.make_repository(directory / "repo")


@pytest.fixture(scope="module")
def coders(
    inside: Namespace,
    _model: ModelServer,
    agent_program: Callable[..., Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[CommandLine]:
    """Somebody who has never started either: programs on PATH, keys in variables."""
    home = tmp_path_factory.mktemp("home")
    (home / ".gitconfig").write_text(scratch_git.CONFIG)
    programs = [str(agent_program(tool).parent) for tool in TOOLS]
    environ = {
        "HOME": str(home),
        "PATH": ":".join([*programs, os.environ["PATH"]]),
        "GEMINI_API_KEY": KEY,
        "GOOGLE_GEMINI_BASE_URL": _model.url,
        "OPENAI_API_KEY": KEY,
        "OPENAI_BASE_URL": f"{_model.url}/v1",
        "OPENAI_MODEL": "stub-model",
    }
    with command_line(environ, tuple(inside.argv([]))) as one:
        yield one
        one.at_rest()
        assert one.agents() == {}
        assert one.exposed() == []


def run(
    coders: CommandLine, tool: str, task: str, *options: str, cwd: Path
) -> tuple[int, dict[str, Any]]:
    """`coders run TOOL TASK --json`: exit code and the one object."""
    done = coders("run", tool, "--json", *options, task, cwd=cwd, timeout=120)
    assert done.out.count(b"\n") == 1, done
    return done.code, done.json


def leave(coders: CommandLine, name: str) -> None:
    """Press Enter until the command that stands in the box is carried out.

    The first may go to the list of commands that opens below the box.
    """

    def ended() -> bool:
        if coders.show(name)["state"] != "running":
            return True
        coders("send", name, "--key", "Enter")
        return coders("wait", name, "--timeout", "5").code == 0

    eventually(ended, 60)


@pytest.mark.parametrize("tool", TOOLS)
def test_a_task_is_done(
    tool: str, coders: CommandLine, model: ModelServer, repository: Path
) -> None:
    """Prompt, tool call, answer, usage, conversation: all as the model's side saw it."""
    task = TASK + f"\nRUN:touch made-by-{tool}\n"
    code, shown = run(coders, tool, task, "--permission", "full", cwd=repository)
    assert code == 0, shown
    assert shown["state"] == "succeeded"
    assert set(model.prompts()) == {task}
    assert (repository / f"made-by-{tool}").exists()
    assert shown["result"] == AFTER_TOOL
    assert {name: shown["usage"][name] for name in USAGE} == model.tokens()
    # for people the log is text, not the stream that the tool wrote
    assert AFTER_TOOL in coders.ok("logs", shown["id"]).text
    assert '"type"' not in coders.ok("logs", shown["id"]).text


@pytest.mark.parametrize("tool", TOOLS)
def test_a_refused_service_is_a_failed_session(
    tool: str, coders: CommandLine, model: ModelServer, repository: Path
) -> None:
    """Exit code 1, and a cause that names the status, whatever the tool ends with."""
    code, shown = run(coders, tool, "FAIL:401", cwd=repository)
    assert code == 1
    assert shown["state"] == "failed"
    assert "401" in shown["cause"]["message"]
    assert shown["result"] is None
    assert 401 in {request["status"] for request in model.requests()}
    assert "\n" not in shown["cause"]["message"]
    assert json.dumps(shown).count(KEY) == 0


@pytest.mark.parametrize("tool", TOOLS)
def test_the_terminal_interface(
    tool: str, coders: CommandLine, model: ModelServer, repository: Path
) -> None:
    """Nothing asks on the first start; the prompt is sent; what it cost is in its transcript.

    Resumed by a headless run, the model sees what was said, and only the new part counts.
    """
    task = "look at 'this' and $HOME\n\tžluť 🎉"
    words = ("--interactive", "--name", f"tui-{tool}")
    session_id = coders.ok("spawn", tool, *words, task, cwd=repository).text.strip()
    eventually(lambda: task in model.prompts(), 60)
    socket = str(coders.paths.host_socket)

    def seen() -> tuple[str, Observation]:
        text = wire.ask(socket, "screen", {"ref": session_id})["text"]
        return text, registry.get(tool).observe_screen(Screen(text))

    def shows(answer: str) -> bool:
        text, look = seen()
        return answer in text and look.state == "idle" and look.draft is None

    eventually(lambda: shows(FIXED_ANSWER), 30)
    coders.ok("send", f"tui-{tool}", "SAY:and then this")
    eventually(lambda: "SAY:and then this" in model.prompts(), 30)
    eventually(lambda: shows("and then this"), 30)
    coders.ok("send", "--no-enter", f"tui-{tool}", "/quit")
    eventually(lambda: seen()[1].draft == "/quit", 20)
    leave(coders, f"tui-{tool}")
    final = coders("wait", "--json", session_id, timeout=60).json
    assert final["state"] == "succeeded"
    assert final["result"] == "and then this"
    assert {name: final["usage"][name] for name in USAGE} == model.tokens()
    model.clear()
    resume = ("--resume", final["conversation_id"])
    code, again = run(coders, tool, "and now?", *resume, cwd=repository)
    assert code == 0, again
    assert again["conversation_id"] == final["conversation_id"]
    (request,) = [one for one in model.requests() if one["prompt"] == "and now?"]
    said = [turn["text"] for turn in request["history"] if turn["role"] != "system"]
    assert said[-3:] == ["SAY:and then this", "and then this", "and now?"]
    assert {name: again["usage"][name] for name in USAGE} == model.tokens()
