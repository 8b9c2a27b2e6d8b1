"""The real opencode, driven by the adapter's plans, against the model stub."""

from __future__ import annotations

import json
import os
import subprocess
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from coders_queue.agents import registry
from coders_queue.agents.adapter import LaunchFacts
from coders_queue.agents.screen import Screen
from coders_queue.models.launch import ExitStatus, LaunchPlan, Reading
from coders_queue.models.outcome import Usage
from coders_queue.models.spec import DirectoryWorkspace, SessionSpec
from coders_workers.model_stub.script import AFTER_TOOL, FIXED_ANSWER
from coders_workers.supervisor import overlay, tool_files
from support.model_server import ModelServer
from support.netns import Namespace
from support.terminal import Terminal, terminal

pytestmark = [pytest.mark.agents, pytest.mark.timeout(240)]

ADAPTER = registry.get("opencode")
#: The newest, whose conversations are in a database, and one from when they were files.
NEW, OLD = "1.18.33", "1.1.65"

MANY = "žluť 漢字 🎉 \u202e e\u0301 'a' \"b\" `c` $HOME \\ %s &\n\t0123456789abcde  \n" * 300
MEGABYTE = "\n" + "".join(f"{number:07d}\n" for number in range(150_000)) + "\n"


@dataclass(frozen=True)
class Run:
    """A run that is over."""

    reading: Reading
    stderr: str
    journal: bytes


@dataclass(frozen=True)
class Prepared:
    """A request that can be started."""

    spec: SessionSpec
    facts: LaunchFacts
    plan: LaunchPlan
    argv: list[str]
    env: dict[str, str]

    def read(self, stdout: bytes, code: int, stderr: bytes = b"") -> Reading:
        """What it came to."""
        files = tool_files.transcripts(ADAPTER.transcripts(self.spec, self.facts), 0.0)
        status = ExitStatus(code=code)
        return ADAPTER.read(self.spec, self.facts, stdout, status, stderr, files)


@pytest.fixture
def prepare(
    person: Any,
    inside: Namespace,
    model: ModelServer,
    agent_program: Callable[..., Path],
    tmp_path: Path,
) -> Callable[..., Prepared]:
    """All that a host does with a request before it starts it."""
    settings = {
        "model": "stub/stub-1",
        "provider": {
            "stub": {
                "npm": "@ai-sdk/openai-compatible",
                "options": {"baseURL": f"{model.url}/v1", "apiKey": "{env:OPENAI_API_KEY}"},
                "models": {"stub-1": {}, "stub-2": {}},
            }
        },
    }
    place = person.home / ".config" / "opencode" / "opencode.json"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps(settings))

    def make(version: str = NEW, carry: str = "all", **fields: Any) -> Prepared:
        spec = SessionSpec(
            agent="opencode", workspace=DirectoryWorkspace(path=str(person.project)), **fields
        )
        directory = tmp_path / uuid.uuid4().hex
        directory.mkdir()
        host_env = {**person.env, "OPENAI_API_KEY": "sk-stub"}
        facts = LaunchFacts(
            session_id=str(uuid.uuid4()),
            attempt=1,
            task=spec.task,
            directory=str(directory),
            cwd=str(person.project),
            home=str(person.home),
            host_env=host_env,
            environ={**host_env, **spec.env},
            is_root=os.geteuid() == 0,
            version=version,
            carry=carry,
            keep=str(tmp_path / "conversations"),
        )
        plan = ADAPTER.plan(spec, facts)
        seeded = frozenset(directory / seed.path for seed in plan.files)
        for one in plan.overlays:
            overlay.make(directory, one, seeded)
        for seed in plan.files:
            (directory / seed.path).parent.mkdir(parents=True, exist_ok=True)
            (directory / seed.path).write_bytes(seed.content)
        env = {**host_env, **plan.env, **spec.env, **plan.own_env}
        program = str(agent_program("opencode", version))
        return Prepared(spec, facts, plan, inside.argv([program, *plan.argv[1:]]), env)

    return make


@pytest.fixture
def headless(prepare: Callable[..., Prepared]) -> Callable[..., Run]:
    """Run a headless request to its end."""

    def run(**fields: Any) -> Run:
        one = prepare(**fields)
        done = subprocess.run(
            one.argv,
            input=one.plan.stdin or b"",
            env=one.env,
            cwd=one.facts.cwd,
            capture_output=True,
            timeout=120,
        )
        journal = Path(one.facts.directory, "opencode", "journal.jsonl")
        return Run(
            one.read(done.stdout, done.returncode, done.stderr),
            done.stderr.decode(),
            journal.read_bytes() if journal.exists() else b"",
        )

    return run


def counted(model: ModelServer) -> Usage:
    """What the model's side counted."""
    entries = [entry["tokens"] for entry in model.journal()["requests"] if entry["tokens"]]
    return Usage(**{key: sum(entry[key] for entry in entries) for key in entries[0]})


def tokens(usage: Usage | None) -> Usage:
    """Without money: the stub has no price."""
    assert usage is not None
    return usage.model_copy(update={"cost_usd": None})


@pytest.mark.parametrize("version", [NEW, OLD])
def test_a_task_is_done_and_told_exactly(
    version: str, headless: Callable[..., Run], model: ModelServer, person: Any
) -> None:
    """Prompt, tool call, answer and usage are as the model's side saw them; no request is extra."""
    task = f"\n-x /y {MANY}\nRUN:touch made\n\n"
    run = headless(version=version, task=task)
    assert run.reading.ok, (run.reading, run.stderr)
    requests = model.requests("chat")
    assert len(model.journal()["requests"]) == 2
    assert requests[0]["prompt"] == task
    assert (person.project / "made").exists()
    assert run.reading.result == AFTER_TOOL
    assert tokens(run.reading.usage) == counted(model)
