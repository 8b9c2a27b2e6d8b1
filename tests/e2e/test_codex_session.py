"""The real Codex CLI run by the whole system, in a network namespace, in two versions.

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
from coders_workers.conformance.wiring import wiring
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

#: An older one, with another screen and other lines in its transcripts.
OLDER = "0.125.0"
USAGE = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
TASK = "Fix \"it\" & 'that' ; `ls` $HOME ž🎉\r\n\n\ttwice  \n\n" + "line of some length\n" * 1000
#: What newer versions ask on the side, once a session, to name it. It is in no transcript.
NAMING = "Generate a concise, single-line task title"


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real repository with one commit."""
    directory = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as monkeypatch:
        scratch_git.isolate(directory, monkeypatch)
        return scratch_git.make_repository(directory / "repo")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, _model: ModelServer) -> Path:
    """A user's home, whose Codex asks the stub and does not try again."""
    directory = tmp_path_factory.mktemp("home")
    wiring("codex", _model.url).settle(directory)
    settings = directory / ".codex" / "config.toml"
    # Codex writes the last line itself when it starts in a terminal for the first time
    text = settings.read_text().replace("max_retries = 1", "max_retries = 0")
    settings.write_text(text + "\n[tui]\nscreen_reader_detection_done = true\n")
    # as an older one does for a user once, who then finds a line more in their settings
    (directory / ".codex" / ".personality_migration").write_text("v1\n")
    (directory / ".gitconfig").write_text(scratch_git.CONFIG)
    return directory


@pytest.fixture(scope="module")
def coders(
    inside: Namespace, codex_program: Path, home: Path, _model: ModelServer
) -> Iterator[CommandLine]:
    """That user's command line; afterwards nothing runs, and their settings are as they were."""
    settings = (home / ".codex" / "config.toml").read_bytes()
    environ = {
        **wiring("codex", _model.url).env,
        "HOME": str(home),
        "PATH": f"{codex_program.parent}:{os.environ['PATH']}",
    }
    with command_line(environ, tuple(inside.argv([]))) as one:
        yield one
        one.at_rest()
        assert one.agents() == {}
        assert one.exposed() == []
    assert (home / ".codex" / "config.toml").read_bytes() == settings


@pytest.fixture(params=["0.169.0", OLDER])
def version(request: pytest.FixtureRequest, agent_program: Callable[..., Path]) -> tuple[str, ...]:
    """Options for a run of either version."""
    program = agent_program("codex", request.param)
    return ("--env", f"PATH={program.parent}:{os.environ['PATH']}")


def run(coders: CommandLine, task: str, *options: str, cwd: Path) -> tuple[int, dict[str, Any]]:
    """`coders run codex TASK --json`: exit code and the one object."""
    done = coders("run", "codex", "--json", *options, task, cwd=cwd, timeout=120)
    assert done.out.count(b"\n") == 1, done
    return done.code, done.json


def spent(model: ModelServer) -> dict[str, int]:
    """What the stub counted, but for the naming of the session."""
    sums = dict.fromkeys(USAGE, 0)
    for entry in model.journal()["requests"]:
        for name in USAGE if not entry["prompt"].startswith(NAMING) else ():
            sums[name] += entry["tokens"].get(name, 0)
    return sums


def prompts(model: ModelServer) -> list[str]:
    return [one for one in model.prompts() if not one.startswith(NAMING)]


def test_a_task_is_done(
    version: tuple[str, ...], coders: CommandLine, model: ModelServer, repository: Path
) -> None:
    """Prompt, tool call, answer, usage, conversation: all as the model's side saw it."""
    made = f"made-{uuid.uuid4().hex}"
    task = f"{TASK}\nRUN:touch {made}\n"
    code, shown = run(coders, task, *version, cwd=repository)
    assert code == 0, shown
    assert set(prompts(model)) == {task}
    assert (repository / made).exists()
    assert shown["result"] == AFTER_TOOL
    assert {name: shown["usage"][name] for name in USAGE} == spent(model)
    assert shown["conversation_id"] == model.requests()[0]["session"]
    # for people the log is text, not the stream that the tool wrote
    assert f"touch {made}" in coders.ok("logs", shown["id"]).text
    assert '"type"' not in coders.ok("logs", shown["id"]).text


def test_a_conversation_is_resumed(
    coders: CommandLine, model: ModelServer, repository: Path
) -> None:
    """With the id from the result the model sees what was said, and only the new part counts."""
    _, first = run(coders, "remember the word aubergine", cwd=repository)
    model.clear()
    resume = ("--resume", first["conversation_id"])
    code, second = run(coders, "which word?", *resume, cwd=repository)
    assert code == 0, second
    assert second["conversation_id"] == first["conversation_id"]
    (request,) = model.requests()
    said = [turn["text"] for turn in request["history"] if turn["role"] in ("user", "assistant")]
    told = ["remember the word aubergine", FIXED_ANSWER, "which word?"]
    assert [text for text in said if text in told] == told
    assert {name: second["usage"][name] for name in USAGE} == spent(model)


@pytest.mark.parametrize("status", [401, 429, 500])
def test_a_refused_service_is_a_failed_session(
    status: int, coders: CommandLine, model: ModelServer, repository: Path
) -> None:
    """Exit code 1, and a cause in the tool's words: where none is tried again."""
    code, shown = run(coders, f"FAIL:{status}", "--restart", "never", cwd=repository)
    assert code == 1
    assert shown["state"] == "failed"
    words = {401: "401 Unauthorized", 429: "429 Too Many Requests", 500: "high demand"}
    assert words[status] in shown["cause"]["message"]
    assert {one["status"] for one in model.requests()} == {status}


@pytest.mark.parametrize(("permission", "made"), [("default", False), ("full", True)])
def test_what_lies_outside_its_directory_needs_full_permission(
    permission: str, made: bool, coders: CommandLine, repository: Path
) -> None:
    """Its sandbox keeps it inside otherwise, the directory for temporary files aside."""
    outside = Path("/var/lib") / f"coders-{uuid.uuid4().hex}"
    try:
        options = ("--permission", permission)
        code, shown = run(coders, f"RUN:touch {outside}", *options, cwd=repository)
        assert code == 0, shown
        assert outside.exists() is made
    finally:
        outside.unlink(missing_ok=True)


def test_an_answer_of_a_given_shape_is_data(
    coders: CommandLine, model: ModelServer, repository: Path, tmp_path: Path
) -> None:
    """The service is told the schema by the tool's own option."""
    kind = {"type": "integer"}
    schema = {
        "type": "object",
        "properties": {"count": kind},
        "required": ["count"],
        "additionalProperties": False,
    }
    file = tmp_path / "schema.json"
    file.write_text(json.dumps(schema))
    task = 'JSON:{"count": 3}'
    code, shown = run(coders, task, "--schema", str(file), cwd=repository)
    assert code == 0, shown
    assert shown["result"] == {"count": 3}
    (request,) = model.requests()
    assert request["prompt"] == task
    assert request["body"]["text"]["format"]["schema"] == schema


def test_the_terminal_interface(
    version: tuple[str, ...], coders: CommandLine, model: ModelServer, repository: Path
) -> None:
    """A first start asks nothing; its transcript tells answer, tokens and conversation."""
    options = ("--interactive", "--name", f"tui-{uuid.uuid4().hex[:6]}")
    # the terminal ends every line in one way
    task = TASK.replace("\r\n", "\n")
    coders.ok("spawn", "codex", *options, *version, task, cwd=repository)
    eventually(lambda: prompts(model) == [task], 40)
    ref = options[2]
    socket = str(coders.paths.host_socket)
    codex = registry.get("codex")

    def state() -> str:
        seen = wire.ask(socket, "screen", {"ref": ref})
        return codex.observe_screen(Screen(text=seen["text"], title=seen.get("title", ""))).state

    eventually(lambda: FIXED_ANSWER in wire.ask(socket, "screen", {"ref": ref})["text"], 20)
    eventually(lambda: state() == "idle", 20)
    coders.ok("send", ref, "SAY:and then this")
    eventually(lambda: "SAY:and then this" in prompts(model), 20)
    eventually(lambda: all(one["ended"] for one in model.journal()["requests"]), 20)
    eventually(lambda: state() == "idle", 20)
    killed = coders.ok("kill", "--json", ref).json
    assert killed["state"] == "cancelled"
    final = coders("wait", "--json", ref).json
    assert final["conversation_id"] == model.requests()[0]["session"]
    assert final["result"] == "and then this"
    assert {name: final["usage"][name] for name in USAGE} == spent(model)
    eventually(lambda: left_of(final["id"]) == [], 10)


def left_of(session_id: str) -> list[str]:
    """Processes with the session's mark in their environment: its background server, too."""
    mark = f"CODERS_SESSION_ID={session_id}".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark in entry.read_bytes().split(b"\0"):
                found.append(entry.parent.name)
        except OSError:
            continue
    return found
