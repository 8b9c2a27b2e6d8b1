"""The real Claude Code run by the whole system: command line, worker, tmux, git, archive.

Everything is started inside a network namespace with nothing but loopback and the model stub.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from coders_queue import wire
from coders_workers.model_stub.script import AFTER_TOOL, FIXED_ANSWER
from support import scratch_git
from support.command_line import CommandLine, command_line
from support.local_stack import eventually
from support.model_server import ModelServer
from support.netns import Namespace
from support.scratch_git import git

pytestmark = [
    pytest.mark.agents,
    pytest.mark.broker,
    pytest.mark.tmux,
    pytest.mark.timeout(180),
]

#: Made anew for each run, so that a search for it finds no other run's.
KEY = f"sk-ant-stub-{uuid.uuid4().hex}{uuid.uuid4().hex}"

#: What a host remembers of its sessions.
HOST_FILES = {"host.sqlite", "host.sqlite-wal", "host.sqlite-shm"}


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real repository with one commit."""
    directory = tmp_path_factory.mktemp("claude")
    with pytest.MonkeyPatch.context() as monkeypatch:
        scratch_git.isolate(directory, monkeypatch)
        return scratch_git.make_repository(directory / "repo")


@pytest.fixture(scope="module")
def coders(
    inside: Namespace,
    _model: ModelServer,
    claude_program: Path,
    repository: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[CommandLine]:
    """Somebody's command line: a home of their own, Claude Code on PATH, a key in a variable."""
    home = tmp_path_factory.mktemp("home")
    (home / ".gitconfig").write_text(scratch_git.CONFIG)
    environ = {
        "HOME": str(home),
        "PATH": f"{claude_program.parent}:{os.environ['PATH']}",
        "ANTHROPIC_BASE_URL": _model.url,
        "ANTHROPIC_API_KEY": KEY,
        # a refusal is tried again for minutes otherwise
        "CLAUDE_CODE_MAX_RETRIES": "1",
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


def run(coders: CommandLine, task: str, *options: str, cwd: Path) -> tuple[int, dict[str, Any]]:
    """`coders run claude TASK --json`: exit code and the one object."""
    done = coders("run", "claude", "--json", *options, task, cwd=cwd, timeout=120)
    assert done.out.count(b"\n") == 1, done
    return done.code, done.json


def prompts(model: ModelServer) -> list[str]:
    """What the agent asked the model, tool results aside."""
    return [one["prompt"] for one in model.requests() if not one["tool_results"]]


def test_a_task_is_done_in_a_worktree(
    coders: CommandLine, model: ModelServer, repository: Path
) -> None:
    """Prompt, tool call, commit, answer, usage, conversation: all as the model's side saw it."""
    base = git(repository, "rev-parse", "HEAD")
    task = (
        "Fix \"it\" & 'that' ; ž🎉\n\nRUN:printf 'fixed\\n' >> kept && git commit -qam 'Fix it'\n"
    )
    options = ("--worktree", "HEAD", "--permission", "full", "--name", "fix")
    code, shown = run(coders, task, *options, cwd=repository)
    assert code == 0, shown
    assert shown["state"] == "succeeded"
    assert prompts(model) == [task]
    assert shown["result"] == AFTER_TOOL
    left = shown["workspace"]
    assert left["branch"] == "coders/fix"
    assert left["base"] == base
    assert left["commits"] == [git(repository, "rev-parse", "coders/fix")]
    assert left["diff"] == {"files": 1, "insertions": 1, "deletions": 0}
    assert left["uncommitted"] is False
    assert git(repository, "show", "coders/fix:kept") == "one\ntwo\nfixed"
    assert git(repository, "log", "-1", "--format=%s", "coders/fix") == "Fix it"
    counted = [entry["usage"] for entry in model.journal()["requests"]]
    assert len(counted) >= 2
    usage = shown["usage"]
    for ours, theirs in (
        ("input_tokens", "input_tokens"),
        ("output_tokens", "output_tokens"),
        ("cache_read_tokens", "cache_read_input_tokens"),
        ("cache_write_tokens", "cache_creation_input_tokens"),
    ):
        assert usage[ours] == sum(one[theirs] for one in counted), ours
    assert usage["cost_usd"] > 0
    assert model.requests()[0]["session"] == shown["conversation_id"]
    # for people the log is text, not the stream that Claude Code wrote
    assert AFTER_TOOL in coders.ok("logs", shown["id"]).text
    assert '"type"' not in coders.ok("logs", shown["id"]).text


def test_a_conversation_is_resumed(
    coders: CommandLine, model: ModelServer, repository: Path
) -> None:
    """With the id from the result the model sees what was said before."""
    _, first = run(coders, "remember the word aubergine", cwd=repository)
    model.clear()
    code, second = run(coders, "which word?", "--resume", first["conversation_id"], cwd=repository)
    assert code == 0, second
    assert second["conversation_id"] == first["conversation_id"]
    (request,) = model.requests()
    said = [turn["text"] for turn in request["history"] if turn["role"] != "system"]
    assert said == ["remember the word aubergine", FIXED_ANSWER, "which word?"]


def test_a_refused_service_is_a_failed_session(
    coders: CommandLine, model: ModelServer, repository: Path
) -> None:
    """Exit code 1, and a cause that names the status."""
    code, shown = run(coders, "FAIL:529", cwd=repository)
    assert code == 1
    assert shown["state"] == "failed"
    assert "529" in shown["cause"]["message"]
    assert "\n" not in shown["cause"]["message"]
    assert 529 in {request["status"] for request in model.requests()}


def test_the_terminal_interface(coders: CommandLine, model: ModelServer, repository: Path) -> None:
    """It comes up with the prompt submitted, takes what is sent, and ends when killed."""
    task = "look at 'this' and $HOME"
    options = ("--interactive", "--name", "tui")
    session_id = coders.ok("spawn", "claude", *options, task, cwd=repository).text.strip()
    eventually(lambda: task in prompts(model), 40)
    socket = str(coders.paths.host_socket)
    eventually(lambda: FIXED_ANSWER in wire.ask(socket, "screen", {"ref": "tui"})["text"], 20)
    coders.ok("send", "tui", "SAY:and then this")
    eventually(lambda: "SAY:and then this" in prompts(model), 20)
    (sent,) = [one for one in model.requests() if one["prompt"] == "SAY:and then this"]
    assert [turn["text"] for turn in sent["history"] if turn["role"] == "assistant"] == [
        FIXED_ANSWER
    ]
    killed = coders.ok("kill", "--json", "tui").json
    assert killed["id"] == session_id
    assert killed["state"] == "cancelled"
    assert killed["conversation_id"] == sent["session"]
    eventually(lambda: coders.agents() == {}, 10)


@pytest.mark.parametrize("mode", ["--headless", "--interactive"])
def test_the_key_is_nowhere_to_be_read(
    coders: CommandLine, model: ModelServer, repository: Path, mode: str
) -> None:
    """Not on a command line, in an answer, an event, a log, the archive; nor, later, the record."""
    session_id = coders.ok("spawn", "claude", mode, "SLOW:3", cwd=repository).text.strip()
    eventually(model.requests, 40)
    running = coders.agents()
    assert any("claude" in words for words in running.values())
    everywhere = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            everywhere.append(entry.read_bytes())
        except OSError:
            continue
    assert not any(KEY.encode() in words for words in everywhere)
    held = {path.split("/")[0] for path in coders.holding(KEY.encode())}
    # the host's own copy of a session that lives, as private as the broker's
    assert held <= {"broker", *HOST_FILES}
    assert coders.exposed() == []
    if mode == "--interactive":
        coders.ok("kill", session_id)
    final = coders("wait", "--json", session_id)
    assert final.json["state"] == ("cancelled" if mode == "--interactive" else "succeeded")
    texts = [final.text, coders.ok("show", "--json", session_id).text]
    texts.append(coders.ok("logs", "--raw", session_id).out.decode("utf-8", "replace"))
    texts.append(coders.ok("ls", "--all", "--json").text)
    with coders.client() as client:
        record = client.get(session_id).record
        texts += [str(event) for event in client.store.events("0-0", limit=20_000)]
    eventually(
        lambda: not {path.split("/")[0] for path in coders.holding(KEY.encode())} & HOST_FILES, 20
    )
    assert "ANTHROPIC_API_KEY" in record.spec.env
    assert set(record.spec.env.values()) == {""}
    assert not any(KEY in text for text in texts)
