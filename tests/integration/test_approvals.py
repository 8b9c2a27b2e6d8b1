"""What waits for a person, on a whole stack with an agent that asks in a real terminal."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from coders_queue import errors, ids
from support.local_stack import LocalStack, eventually, local_stack

pytestmark = [pytest.mark.broker, pytest.mark.tmux, pytest.mark.timeout(120)]

_PROGRAM = Path(__file__).resolve().parents[1] / "support" / "asking_tui.py"
_POLICIES = (
    '[{"do": "allow", "command": "ls*"}, {"do": "deny", "command": "rm*"},'
    ' {"do": "ask", "command": "slow*", "timeout": 2}]'
)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A stack whose Claude Code is the tiny one."""
    home = tmp_path_factory.mktemp("home")
    program = home / "claude"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -P {_PROGRAM} "$@"\n')
    program.chmod(0o700)
    environ = {
        "HOME": str(home),
        "PATH": os.environ["PATH"],
        "ANTHROPIC_API_KEY": "sk-none",
        "CODERS_AGENTS_CLAUDE_PROGRAM": str(program),
        "CODERS_APPROVALS_POLICIES": _POLICIES,
    }
    with local_stack(environ=environ) as made:
        yield made.start()


class Agent:
    """One session of it."""

    def __init__(self, stack: LocalStack, cwd: Path, *commands: str) -> None:
        self.stack = stack
        self.cwd = cwd
        self.ask(*commands)
        self.id = ids.new_session_id()
        spec = {"agent": "claude", "mode": "interactive"}
        stack.ask("spawn", id=self.id, spec=spec, cwd=str(cwd), wait=True)

    def ask(self, *commands: str) -> None:
        """Have it ask for more."""
        with (self.cwd / "questions").open("a") as file:
            file.writelines(f"{one}\n" for one in commands)

    @property
    def told(self) -> list[str]:
        """What it was told."""
        file = self.cwd / "told"
        return file.read_text().splitlines() if file.exists() else []

    def waiting(self, command: str | None = None) -> dict[str, Any] | None:
        """What it waits for, if that is asked."""
        for one in self.stack.ask("approvals")["approvals"]:
            if one["session"] == self.id and command in (None, (one["call"] or {}).get("command")):
                return dict(one)
        return None

    def wait(self, command: str) -> dict[str, Any]:
        """What it waits for, once it does."""
        found: dict[str, Any] = eventually(lambda: self.waiting(command), 20)
        return found

    def events(self) -> list[str]:
        """Of its approvals, in order."""
        found = self.stack.ask("show", ref=self.id)["events"]
        kinds = [event["kind"] for event in found]
        return [kind.removeprefix("approval.") for kind in kinds if kind.startswith("approval.")]


def test_it_is_approved_and_denied_from_the_queue(stack: LocalStack, tmp_path: Path) -> None:
    """Each answer goes to what was asked, once, whoever else answers at the same time; the agent is
    told why it was denied."""
    agent = Agent(stack, tmp_path, "make it", "make more")
    asked = agent.wait("make it")
    assert [one["means"] for one in asked["options"]] == ["allow", "always", "deny"]
    results: list[str] = []

    def answer() -> None:
        try:
            stack.ask("approve", ref=asked["id"])
            results.append("ok")
        except errors.Conflict as error:
            results.append(error.message)

    threads = [threading.Thread(target=answer) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert results.count("ok") == 1, results
    agent.wait("make more")
    denied = stack.ask("approve", ref=agent.id, deny=True, because="not today")
    assert (denied["state"], denied["answer"]["note"]) == ("answered", None)
    assert agent.told == ["yes make it", "no make more", "said not today"]
    eventually(lambda: agent.waiting() is None, 5)
    once = ["opened", "claimed", "pressed", "answered"]
    assert agent.events() == [*once, *once]
    with pytest.raises(errors.Conflict, match="waits no more: it is answered by"):
        stack.ask("approve", ref=asked["id"])
    with pytest.raises(errors.NotFound, match="waits for nothing"):
        stack.ask("approve", ref=agent.id)


def test_an_answer_goes_into_no_other_dialog(stack: LocalStack, tmp_path: Path) -> None:
    """Answered at its terminal a moment before: nothing is pressed into what is asked then, and
    whoever answered is told so."""
    agent = Agent(stack, tmp_path, "first", "second")
    asked = agent.wait("first")
    (tmp_path / "answer").touch()
    eventually(lambda: agent.told == ["here first"], 5)
    with pytest.raises((errors.Undelivered, errors.Conflict)):
        stack.ask("approve", ref=asked["id"])
    agent.wait("second")
    assert stack.ask("approval", ref=asked["id"])["state"] == "gone"
    assert agent.told == ["here first"]


def test_a_person_who_writes_is_not_disturbed(stack: LocalStack, tmp_path: Path) -> None:
    """Neither is an agent pressed again that takes no key; both are told in time."""
    agent = Agent(stack, tmp_path, "write it")
    agent.wait("write it")
    with pytest.raises(errors.Undelivered, match="a person is writing"):
        stack.ask("approve", ref=agent.id)
    deaf = tmp_path / "deaf"
    deaf.mkdir()
    other = Agent(stack, deaf, "deaf one")
    other.wait("deaf one")
    with pytest.raises(errors.Undelivered, match="still asks the same"):
        stack.ask("approve", ref=other.id)
    assert other.waiting("deaf one")
    assert (agent.told, other.told) == ([], [])


def test_policies_answer_and_time_denies(stack: LocalStack, tmp_path: Path) -> None:
    """Allowed, denied with a word why, and denied since nobody came; each is in the log."""
    agent = Agent(stack, tmp_path, "ls -l", "ls; rm x", "slow one")
    eventually(lambda: agent.told[-1:] == ["no slow one"], 30)
    assert agent.told == ["yes ls -l", "no ls; rm x", "no slow one"]
    eventually(lambda: agent.waiting() is None, 10)
    ended = stack.ask("approvals", all=True)["approvals"]
    mine = {one["call"]["command"]: one for one in ended if one["session"] == agent.id}
    assert {k: (v["state"], v["answer"]["by"]) for k, v in mine.items()} == {
        "ls -l": ("answered", "policy:1"),
        "ls; rm x": ("answered", "policy:2"),
        "slow one": ("expired", "timeout"),
    }


def test_a_killed_worker_leaves_nothing_half_open(stack: LocalStack, tmp_path: Path) -> None:
    """What was answered while it was away is gone; what is asked still waits, under its id."""
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    first, second = Agent(stack, one, "first"), Agent(stack, two, "still")
    before, gone = second.wait("still"), first.wait("first")
    stack.kill("worker")
    (one / "answer").touch()
    eventually(lambda: first.told == ["here first"], 5)
    stack.start_worker()
    eventually(lambda: stack.ask("approval", ref=gone["id"])["state"] == "gone", 20)
    assert second.wait("still")["id"] == before["id"]
    stack.ask("approve", ref=second.id)
    assert second.told == ["yes still"]
    assert second.events() == ["opened", "claimed", "pressed", "answered"]


def test_what_is_asked_ends_with_its_session(stack: LocalStack, tmp_path: Path) -> None:
    """It waits no more, and an answer is refused."""
    agent = Agent(stack, tmp_path, "make it")
    asked = agent.wait("make it")
    stack.ask("kill", ref=agent.id, reason="test")
    eventually(lambda: agent.waiting() is None, 10)
    with pytest.raises(errors.Conflict, match="waits no more"):
        stack.ask("approve", ref=asked["id"])
