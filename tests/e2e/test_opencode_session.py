"""The real opencode run by the whole system, in a network namespace with the model stub."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from coders_queue import wire
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
    pytest.mark.timeout(240),
]

#: Made anew for each run, so that a search for it finds no other run's.
KEY = f"stub-{uuid.uuid4().hex}"
USAGE = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
TASK = "Fix \"it\" & 'that' ; `ls` $HOME ž🎉\n\n\ttwice\n\n" + "line of some length\n" * 1000


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
    opencode_program: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[CommandLine]:
    """Somebody with a provider of their own in opencode's configuration, its key in a variable."""
    home = tmp_path_factory.mktemp("home")
    (home / ".gitconfig").write_text(scratch_git.CONFIG)
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "options": {"baseURL": f"{_model.url}/v1", "apiKey": "{env:OPENAI_API_KEY}"},
        "models": {"stub-1": {}, "stub-2": {}},
    }
    config = home / ".config" / "opencode" / "opencode.json"
    config.parent.mkdir(parents=True)
    config.write_text(json.dumps({"model": "stub/stub-1", "provider": {"stub": provider}}))
    environ = {
        "HOME": str(home),
        "PATH": f"{opencode_program.parent}:{os.environ['PATH']}",
        "OPENAI_API_KEY": KEY,
    }
    with command_line(environ, tuple(inside.argv([]))) as one:
        yield one
        one.at_rest()
        assert one.agents() == {}
        assert one.exposed() == []
        # (the host's own file is cleaned a moment after the end)
        eventually(
            lambda: {path.split("/")[0] for path in one.holding(KEY.encode())} <= {"broker"}, 20
        )


def test_the_very_first_starts_may_be_at_once(
    coders: CommandLine, model: ModelServer, repository: Path
) -> None:
    """The first test of the file: nobody has made opencode's database yet, and each would."""
    names = ("one", "two", "three")
    for name in names:
        options = ("--no-wait", "--name", name)
        coders.ok("spawn", "opencode", *options, f"SAY:{name}", cwd=repository)
    for name in names:
        assert coders.ok("wait", name, "--json", timeout=120).json["result"] == name


def test_a_task_is_done_and_its_conversation_resumed(
    coders: CommandLine, model: ModelServer, repository: Path
) -> None:
    """Prompt, model, tool call, answer, usage, conversation: all as the model's side saw it."""
    task = TASK + "\nRUN:touch made-by-opencode\n"
    options = ("--json", "--model", "stub/stub-2")
    shown = coders.ok("run", "opencode", *options, task, cwd=repository, timeout=120).json
    assert shown["state"] == "succeeded"
    assert model.prompts() == [task]
    assert {request["model"] for request in model.requests()} == {"stub-2"}
    assert (repository / "made-by-opencode").exists()
    assert shown["result"] == AFTER_TOOL
    assert {name: shown["usage"][name] for name in USAGE} == model.tokens()
    # for people the log is text, not the stream that the tool wrote
    assert AFTER_TOOL in coders.ok("logs", shown["id"]).text
    assert '"type"' not in coders.ok("logs", shown["id"]).text
    model.clear()
    resume = ("--json", "--resume", shown["conversation_id"])
    again = coders.ok("run", "opencode", *resume, "which word?", cwd=repository, timeout=120).json
    assert again["conversation_id"] == shown["conversation_id"]
    (request,) = model.requests()
    said = [turn["text"] for turn in request["history"] if turn["role"] == "user"]
    assert said == [task, "which word?"]
    assert {name: again["usage"][name] for name in USAGE} == model.tokens()


def test_a_session_at_the_terminal(
    coders: CommandLine, model: ModelServer, repository: Path
) -> None:
    """Its first prompt is sent, it takes another, and its end tells answer and usage."""
    options = ("--interactive", "--name", "tui")
    task = "/tmp & $HOME 'x'\n  second line"
    session_id = coders.ok("spawn", "opencode", *options, task, cwd=repository).text.strip()
    socket = str(coders.paths.host_socket)

    def screen() -> str:
        return str(wire.ask(socket, "screen", {"ref": "tui"})["text"])

    eventually(lambda: task in model.prompts(), 90)
    eventually(lambda: FIXED_ANSWER in screen() and "esc interrupt" not in screen(), 30)
    coders.ok("send", "tui", "SAY:and then this")
    eventually(lambda: "SAY:and then this" in model.prompts(), 30)
    eventually(lambda: "esc interrupt" not in screen(), 30)
    # it leaves at that word, so nothing can show that it took it
    coders("send", "tui", "exit")
    final = coders("wait", "--json", session_id, timeout=60).json
    assert final["state"] == "succeeded", final
    assert final["result"] == "and then this"
    assert final["conversation_id"].startswith("ses_")
    assert {name: final["usage"][name] for name in USAGE} == model.tokens()


def test_a_refused_service_is_a_failed_session(
    coders: CommandLine, model: ModelServer, repository: Path
) -> None:
    """Exit code 1, and a cause that names the status."""
    done = coders("run", "opencode", "--json", "FAIL:401", cwd=repository, timeout=120)
    assert done.code == 1
    assert done.json["state"] == "failed"
    assert "401" in done.json["cause"]["message"]
    assert done.json["result"] is None
    assert 401 in {request["status"] for request in model.requests()}
