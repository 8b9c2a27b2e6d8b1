"""Where sessions work and where people watch them: worktrees, terminals, keys typed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import scratch_git
from support.command_line import CommandLine, command_line
from support.local_stack import eventually
from support.scratch_git import git
from support.terminal import terminal

pytestmark = [pytest.mark.broker, pytest.mark.tmux]


@pytest.fixture(scope="module")
def coders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    """One stack for the module, with a git configuration of its own."""
    config = tmp_path_factory.mktemp("git") / "config"
    config.write_text(scratch_git.CONFIG)
    with command_line({"GIT_CONFIG_GLOBAL": str(config), "GIT_CONFIG_NOSYSTEM": "1"}) as one:
        yield one
        one.at_rest()
        assert one.agents() == {}
        assert one.exposed() == []


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A real repository with one commit."""
    scratch_git.isolate(tmp_path, monkeypatch)
    return scratch_git.make_repository(tmp_path / "repo")


def test_a_worktree_with_work_is_kept_and_told(coders: CommandLine, repository: Path) -> None:
    """Branch, commits and size of the change come with the result; the repository is untouched."""
    base = git(repository, "rev-parse", "HEAD")
    script = (
        "printf 'three\\nfour\\n' >> kept && git add kept"
        " && git -c user.name=T -c user.email=t@example.invalid commit -qm work"
        " && echo new > draft"
    )
    options = ("--worktree", "HEAD", "--cwd", str(repository), "--name", "worker")
    left = coders.run_shell("sh", "-c", script, options=options)["workspace"]
    assert left["branch"] == "coders/worker"
    assert left["base"] == base
    assert left["head"] == git(repository, "rev-parse", "coders/worker")
    assert left["commits"] == [left["head"]]
    assert left["diff"] == {"files": 2, "insertions": 3, "deletions": 0}
    assert left["uncommitted"] is True
    assert left["kept"] is True
    assert (Path(left["path"]) / "draft").read_text() == "new\n"
    assert git(repository, "rev-parse", "HEAD") == base
    assert git(repository, "status", "--porcelain") == ""
    git(repository, "worktree", "remove", "--force", left["path"])


def test_a_worktree_without_work_goes(coders: CommandLine, repository: Path) -> None:
    """Neither directory nor branch remains when nothing was done in it."""
    before = scratch_git.traces(repository)
    options = ("--worktree", "HEAD", "--cwd", str(repository))
    shown = coders.run_shell("cat", "kept", options=options)
    assert shown["output"] == "one\ntwo\n"
    assert shown["workspace"]["kept"] is False
    assert not Path(shown["workspace"]["path"]).exists()
    assert scratch_git.traces(repository) == before


def test_a_killed_session_keeps_its_unfinished_work(coders: CommandLine, repository: Path) -> None:
    """What an agent had written when it was ended is not removed with it."""
    options = ("--worktree", "HEAD", "--cwd", str(repository))
    session_id = coders.spawn_shell(
        "sh", "-c", "echo half > work; echo ready; sleep 60", options=options
    )
    eventually(lambda: coders.ok("logs", session_id).out, 10)
    left = coders.ok("kill", "--json", session_id).json["workspace"]
    assert left["uncommitted"] is True
    assert (Path(left["path"]) / "work").read_text() == "half\n"
    git(repository, "worktree", "remove", "--force", left["path"])


def test_attach_shows_the_sessions_screen(coders: CommandLine, tmp_path: Path) -> None:
    """In a person's terminal the session appears, takes keys, and goes on after detaching."""
    script = 'echo "the screen"; read line; echo "got $line"; sleep 60'
    session_id = coders.spawn_shell("sh", "-c", script, options=("--interactive",))
    argv = coders.ok("attach", "--json", session_id).json["argv"]
    env = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": str(tmp_path)}
    with terminal(tmp_path, argv, env, tmp_path) as view:
        view.wait_until(lambda: "the screen" in view.screen(), "the session's screen")
        view.press("-l", "typed words")
        view.press("Enter")
        view.wait_until(lambda: "got typed words" in view.screen(), "the answer")
        view.press("C-b", "d")
        view.wait_until(lambda: view.exit_status == 0, "the end of attach")
    assert coders.show(session_id)["state"] == "running"
    coders.ok("kill", session_id)


def test_attach_by_the_command_itself(coders: CommandLine, tmp_path: Path) -> None:
    """`coders attach` in a terminal becomes the session's terminal."""
    session_id = coders.spawn_shell(
        "sh", "-c", 'echo "here I am"; sleep 60', options=("--interactive", "--name", "attached")
    )
    argv = [str(Path(coders.program)), "attach", "attached"]
    with terminal(tmp_path, argv, coders.environ, tmp_path) as view:
        view.wait_until(lambda: "here I am" in view.screen(), "the session's screen")
        coders.ok("kill", session_id)
        view.wait_until(lambda: view.exit_status is not None, "the end of attach")
    refused = coders("attach", session_id)
    assert refused.code == 2


def test_text_is_sent_to_an_interactive_session(coders: CommandLine) -> None:
    """`send` types a line, exactly, and presses Enter."""
    text = "a 'quoted' \"line\" ; $HOME #{pane_id} ž🎉"
    session_id = coders.spawn_shell(
        "sh", "-c", 'echo ready; IFS= read -r line; printf "<%s>\\n" "$line"',
        options=("--interactive",),
    )  # fmt: skip
    eventually(lambda: b"ready" in coders.ok("logs", session_id).out, 10)
    coders.ok("send", session_id, text)
    final = coders("wait", "--json", session_id, "--timeout", "20").json
    assert f"<{text}>" in final["output"]
    assert coders("send", session_id, "late").code == 4
