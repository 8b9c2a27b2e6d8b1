"""A real agent that is killed, and one whose machine goes down: each goes on in its conversation.

What they go on with is seen by the model: the request after it holds what was said before.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from coders_workers.conformance.wiring import wiring
from support.command_line import CommandLine, command_line
from support.local_stack import eventually
from support.model_server import ModelServer
from support.netns import Namespace

pytestmark = [
    pytest.mark.agents,
    pytest.mark.broker,
    pytest.mark.tmux,
    pytest.mark.timeout(240),
]

TOOLS = ("claude", "codex", "gemini", "opencode", "qwen")


@pytest.fixture(params=TOOLS)
def tool(request: pytest.FixtureRequest) -> str:
    """Which of them."""
    return str(request.param)


@pytest.fixture
def coders(
    tool: str,
    inside: Namespace,
    model: ModelServer,
    agent_program: Callable[..., Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[CommandLine]:
    """A stack with the tool on PATH, and a home in which it was never used."""
    environ = {
        **wiring(tool, model.url).settle(tmp_path_factory.mktemp("home")),
        "PATH": f"{agent_program(tool).parent}:{os.environ['PATH']}",
        "CODERS_RESTART_BACKOFF": "0.2",
    }
    with command_line(environ, tuple(inside.argv([]))) as one:
        yield one
        one.ok("up")
        one.at_rest()


def test_each_goes_on_in_its_conversation(
    tool: str, coders: CommandLine, model: ModelServer, tmp_path: Path
) -> None:
    """After its own crash, and after one of everything: nothing that was said is forgotten."""
    told = "SAY:the first answer"
    session = coders.ok("spawn", tool, "--interactive", told, cwd=tmp_path).text.strip()

    def shown() -> dict[str, Any]:
        return coders.show(session)

    def idle(attempt: int) -> bool:
        now = shown()
        activity = now["activity"] or {}
        return (now["attempts"], now["state"], activity.get("doing")) == (
            attempt,
            "running",
            "idle",
        )

    eventually(lambda: idle(1), 60)
    os.kill(shown()["pid"], signal.SIGKILL)
    eventually(lambda: idle(2), 60)
    _say_more(coders, model, session, "SAY:the second answer", "the first answer")
    for pid in coders.processes():
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: coders.processes() == {}, 20)
    coders.ok("up", timeout=90)
    eventually(lambda: idle(3), 60)
    _say_more(coders, model, session, "SAY:the third answer", "the second answer")
    assert len(shown()["history"]) == 2
    coders.ok("kill", session)


def _say_more(
    coders: CommandLine, model: ModelServer, session: str, prompt: str, before: str
) -> None:
    """Send a prompt; the model is asked it once, with what was said before."""
    model.clear()
    coders.ok("send", session, prompt)
    eventually(lambda: prompt in model.prompts(), 30)
    turn = next(one for one in model.requests() if prompt == one["prompt"])
    assert any(before in one["text"] for one in turn["history"]), turn["history"]
    eventually(lambda: all(one["ended"] for one in model.journal()["requests"]), 20)
    # the tools write their transcripts a moment after the answer; what one has not written yet is
    # lost with its process
    answer = json.dumps(prompt.removeprefix("SAY:"))
    eventually(lambda: any(answer in text for text in _transcripts(coders)), 20)


def _transcripts(coders: CommandLine) -> Iterator[str]:
    for root in (coders.paths.state, Path(coders.environ["HOME"])):
        for file in root.rglob("*.jsonl"):
            yield file.read_text(errors="replace")
