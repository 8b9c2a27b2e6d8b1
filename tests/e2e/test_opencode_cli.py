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
MEGABYTE = "".join(f"{number:07d}\n" for number in range(150_000))


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


@pytest.mark.parametrize(("version", "text"), [(NEW, MANY + MEGABYTE), (OLD, MANY)], ids=[NEW, OLD])
def test_a_task_is_done_and_told_exactly(
    version: str, text: str, headless: Callable[..., Run], model: ModelServer, person: Any
) -> None:
    """Prompt, tool call, answer and usage are as the model's side saw them; no request is extra."""
    task = f"\n-x /y {text}\nRUN:touch made\n\n"
    run = headless(version=version, task=task)
    assert run.reading.ok, (run.reading, run.stderr)
    requests = model.requests("chat")
    assert len(model.journal()["requests"]) == 2
    # not compared by assert: a difference of a megabyte is no message
    same = requests[0]["prompt"] == task
    assert same
    assert (person.project / "made").exists()
    assert run.reading.result == AFTER_TOOL
    assert tokens(run.reading.usage) == counted(model)


def test_two_at_once_share_the_store_and_either_can_be_resumed(
    headless: Callable[..., Run], model: ModelServer
) -> None:
    """Neither is in the other's way; resumed, the model sees what was said in that one before."""
    # two cannot make the store at once
    assert headless(task="hi").reading.ok
    with ThreadPoolExecutor(2) as pool:
        words = ("aubergine", "turnip")
        first, other = pool.map(lambda word: headless(task=f"remember {word}"), words)
    assert first.reading.ok, first
    assert other.reading.ok, other
    assert first.reading.conversation_id != other.reading.conversation_id
    model.clear()
    second = headless(task="which?", resume=first.reading.conversation_id)
    assert second.reading.ok, second
    assert second.reading.conversation_id == first.reading.conversation_id
    (request,) = model.requests("chat")
    said = [turn["text"] for turn in request["history"] if turn["role"] != "system"]
    assert said == ["remember aubergine", FIXED_ANSWER, "which?"]
    assert tokens(second.reading.usage) == counted(model)


@pytest.mark.parametrize("version", [NEW, OLD])
def test_a_refusal_of_the_service_is_a_failure_that_says_so(
    version: str, headless: Callable[..., Run]
) -> None:
    """The older version ends with 0 all the same."""
    run = headless(version=version, task="FAIL:401")
    assert not run.reading.ok
    assert run.reading.message is not None
    assert "401" in run.reading.message
    assert run.reading.result is None


@pytest.mark.parametrize(
    ("permission", "ok", "made"),
    [("default", False, False), ("edit", True, False), ("full", True, True)],
)
def test_what_leaves_the_directory_needs_full_permission(
    permission: str,
    ok: bool,
    made: bool,
    headless: Callable[..., Run],
    tmp_path: Path,
) -> None:
    """Where it may not even ask, it goes on; where a question is refused, it ends there."""
    outside = tmp_path / "outside"
    run = headless(task=f"RUN:touch {outside}", permission=permission)
    assert outside.exists() is made
    assert run.reading.ok is ok, run
    if not ok:
        assert run.reading.message is not None
        assert "reject" in run.reading.message


def test_a_conversation_that_is_not_there_cannot_be_resumed(headless: Callable[..., Run]) -> None:
    """It is no success, and the tool's own words say why."""
    run = headless(task="hi", resume="ses_0000000000000000000000000a")
    assert not run.reading.ok
    assert run.reading.message is not None
    assert "not found" in run.reading.message.lower()


def test_without_the_persons_set_up_only_the_login_is_seen(
    headless: Callable[..., Run], model: ModelServer, person: Any
) -> None:
    """Configuration is not; conversations are kept where the host says, and can be resumed."""
    stub: dict[str, Any] = {"options": {"baseURL": f"{model.url}/v1"}, "models": {"stub-3": {}}}
    own = {"provider": {"stub": {"npm": "@ai-sdk/openai-compatible", **stub}}}
    login = person.home / ".local" / "share" / "opencode" / "auth.json"
    login.parent.mkdir(parents=True)
    login.write_text(json.dumps({"stub": {"type": "api", "key": "sk-from-login"}}))
    config = person.home / ".config" / "opencode" / "opencode.json"
    config.write_text('{"provider": {"stub": {"whitelist": []}}}')
    env = {"OPENCODE_CONFIG_CONTENT": json.dumps(own)}
    fields = {"carry": "login", "env": env, "model": "stub/stub-3"}
    first = headless(task="remember aubergine", **fields)
    assert first.reading.ok, first
    assert {entry.name for entry in login.parent.iterdir()} == {"auth.json"}
    model.clear()
    second = headless(task="which?", resume=first.reading.conversation_id, **fields)
    assert second.reading.ok, second
    (request,) = model.requests("chat")
    assert "remember aubergine" in [turn["text"] for turn in request["history"]]


@pytest.fixture
def in_terminal(
    prepare: Callable[..., Prepared],
) -> Callable[..., AbstractContextManager[tuple[Prepared, Terminal]]]:
    """Start an interactive request in tmux."""

    @contextmanager
    def start(**fields: Any) -> Iterator[tuple[Prepared, Terminal]]:
        one = prepare(mode="interactive", **fields)
        assert one.plan.terminal
        directory = Path(one.facts.directory)
        with terminal(directory, one.argv, one.env, Path(one.facts.cwd)) as view:
            yield one, view

    return start


def leave(view: Terminal) -> int:
    """Leave it as a person does; its exit status."""
    view.press("C-c")
    view.wait_until(lambda: view.exit_status is not None, "the end")
    assert view.exit_status is not None
    return view.exit_status


@pytest.mark.tmux
@pytest.mark.parametrize(
    ("version", "task"),
    [
        (NEW, f"/init {MANY}\nRUN:touch made"),
        (OLD, f"-x {MANY}\nRUN:touch made\n"),
    ],
    ids=[NEW, OLD],
)
def test_a_first_prompt_reaches_the_terminal_interface(
    version: str,
    task: str,
    in_terminal: Callable[..., AbstractContextManager[tuple[Prepared, Terminal]]],
    model: ModelServer,
) -> None:
    """It is sent without a key pressed; at the end answer, usage and conversation are known."""
    with in_terminal(version=version, task=task) as (one, view):
        view.wait_until(lambda: AFTER_TOOL in view.screen(), "the answer on the screen", 90)
        view.wait_until(lambda: "esc interrupt" not in view.screen(), "the turn's end", 30)
        assert model.requests("chat")[0]["prompt"] == task
        reading = one.read(b"", leave(view))
    assert reading.ok, reading
    assert reading.result == AFTER_TOOL
    assert reading.conversation_id is not None
    assert len(model.journal()["requests"]) == 2
    assert tokens(reading.usage) == counted(model)


@pytest.mark.tmux
def test_a_conversation_goes_on_in_the_terminal(
    headless: Callable[..., Run],
    in_terminal: Callable[..., AbstractContextManager[tuple[Prepared, Terminal]]],
    model: ModelServer,
) -> None:
    """The first prompt is sent there, too, and only what is new counts."""
    first = headless(task="remember aubergine")
    model.clear()
    resume = first.reading.conversation_id
    with in_terminal(task="/which one?\nSAY:that one", resume=resume) as (one, view):
        view.wait_until(lambda: "that one\n" in view.screen(), "the answer on the screen", 90)
        view.wait_until(lambda: "esc interrupt" not in view.screen(), "the turn's end", 30)
        reading = one.read(b"", leave(view))
    assert reading.ok, reading
    assert reading.result == "that one"
    assert reading.conversation_id == first.reading.conversation_id
    (request,) = model.requests("chat")
    said = [turn["text"] for turn in request["history"] if turn["role"] != "system"]
    assert said == ["remember aubergine", FIXED_ANSWER, "/which one?\nSAY:that one"]
    assert tokens(reading.usage) == counted(model)
