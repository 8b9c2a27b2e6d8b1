"""The real Claude Code, driven by the adapter's plans, against the model stub."""

from __future__ import annotations

import os
import subprocess
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from coders_queue.agents import registry
from coders_queue.agents.adapter import MAX_ARGUMENT_BYTES, LaunchFacts
from coders_queue.models.launch import ExitStatus, LaunchPlan, Reading
from coders_queue.models.spec import DirectoryWorkspace, SessionSpec
from coders_workers.model_stub.script import AFTER_TOOL, FIXED_ANSWER
from coders_workers.supervisor import overlay
from support.model_server import ModelServer
from support.netns import Namespace
from support.terminal import Terminal, terminal

pytestmark = [pytest.mark.agents, pytest.mark.timeout(180)]

ADAPTER = registry.get("claude")

PROMPTS = {
    "single line": "say hi",
    "lines": "first\n\n  second\tline\n",
    "unicode": "žluťoučký 🎉 漢字 \u202e \u00a0 e\u0301",
    "leading dash": "--help me -x",
    "quotes": "a 'b' \"c\" `d` $HOME \\ %s ; | & ! #",
    "20 KB": "0123456789abcde\n" * 1280,
}
MEGABYTE = "".join(f"{number:07d}\n" for number in range(150_000))


@dataclass(frozen=True)
class Run:
    """A headless run that is over."""

    reading: Reading
    facts: LaunchFacts
    stderr: str


def make_spec(project: Path, **fields: Any) -> SessionSpec:
    workspace = DirectoryWorkspace(path=str(project))
    return SessionSpec(agent="claude", workspace=workspace, **fields)


def make_facts(person: Any, spec: SessionSpec, directory: Path) -> LaunchFacts:
    return LaunchFacts(
        session_id=str(uuid.uuid4()),
        attempt=1,
        task=spec.task,
        directory=str(directory),
        cwd=str(person.project),
        home=str(person.home),
        environ=person.env,
        is_root=os.geteuid() == 0,
    )


def prepare(plan: LaunchPlan, person: Any, directory: Path) -> dict[str, str]:
    """What the host does with a plan before it starts it."""
    for one in plan.overlays:
        overlay.make(directory, one, frozenset(directory / file.path for file in plan.files))
    for file in plan.files:
        (directory / file.path).write_bytes(file.content)
    kept = {name: value for name, value in person.env.items() if name not in plan.unset}
    return {**kept, **plan.env, **plan.own_env}


@pytest.fixture
def headless(
    person: Any, inside: Namespace, claude_program: Path, tmp_path: Path
) -> Callable[..., Run]:
    """Run a headless request to its end."""

    def run(**fields: Any) -> Run:
        spec = make_spec(person.project, **fields)
        directory = tmp_path / uuid.uuid4().hex
        directory.mkdir()
        facts = make_facts(person, spec, directory)
        plan = ADAPTER.plan(spec, facts)
        assert plan.argv[0] == ADAPTER.program
        done = subprocess.run(
            inside.argv([str(claude_program), *plan.argv[1:]]),
            input=plan.stdin or b"",
            env=prepare(plan, person, directory),
            cwd=person.project,
            capture_output=True,
            timeout=120,
        )
        status = ExitStatus(code=done.returncode)
        reading = ADAPTER.read(spec, facts, done.stdout, status, done.stderr)
        return Run(reading, facts, done.stderr.decode())

    return run


@pytest.fixture
def in_terminal(
    person: Any, inside: Namespace, claude_program: Path, tmp_path: Path
) -> Callable[..., AbstractContextManager[Terminal]]:
    """Start an interactive request in tmux."""

    @contextmanager
    def start(**fields: Any) -> Iterator[Terminal]:
        spec = make_spec(person.project, mode="interactive", **fields)
        directory = tmp_path / "attempt"
        directory.mkdir()
        plan = ADAPTER.plan(spec, make_facts(person, spec, directory))
        assert plan.terminal
        argv = inside.argv([str(claude_program), *plan.argv[1:]])
        with terminal(directory, argv, prepare(plan, person, directory), person.project) as view:
            yield view

    return start


@pytest.mark.parametrize("name", PROMPTS)
def test_a_prompt_arrives_byte_for_byte(
    name: str, headless: Callable[..., Run], model: ModelServer
) -> None:
    """What the model receives is what was sent, and its answer is the result."""
    run = headless(task=PROMPTS[name])
    assert [request["prompt"] for request in model.requests()] == [PROMPTS[name]]
    assert run.reading == Reading(
        ok=True,
        result=FIXED_ANSWER,
        conversation_id=run.reading.conversation_id,
        usage=run.reading.usage,
    )


def test_a_prompt_of_over_a_megabyte_arrives_byte_for_byte(
    headless: Callable[..., Run], model: ModelServer
) -> None:
    """Standard input carries what no argument could."""
    assert len(MEGABYTE) > 1024 * 1024
    run = headless(task=MEGABYTE)
    assert run.reading.ok
    (request,) = model.requests()
    # not compared by assert: a difference of a megabyte is no message
    same = request["prompt"] == MEGABYTE
    assert same


def test_a_tool_call_is_made_and_usage_is_the_models_own_count(
    headless: Callable[..., Run], model: ModelServer, person: Any
) -> None:
    """The agent works on its directory, and what it cost is the sum over its requests."""
    run = headless(task="RUN:touch made-by-claude")
    assert (person.project / "made-by-claude").exists()
    assert run.reading.ok
    assert run.reading.result == AFTER_TOOL
    counted = [entry["usage"] for entry in model.journal()["requests"]]
    usage = run.reading.usage
    assert usage is not None
    assert len(counted) >= 2
    assert usage.input_tokens == sum(one["input_tokens"] for one in counted)
    assert usage.output_tokens == sum(one["output_tokens"] for one in counted)
    assert usage.cache_read_tokens == sum(one["cache_read_input_tokens"] for one in counted)
    assert usage.cache_write_tokens == sum(one["cache_creation_input_tokens"] for one in counted)
    assert usage.cost_usd is not None
    assert usage.cost_usd > 0


def test_a_conversation_is_known_from_the_start_and_can_be_resumed(
    headless: Callable[..., Run], model: ModelServer
) -> None:
    """The id is the one in the plan; resumed, the model sees what was said before."""
    first = headless(task="remember the word aubergine")
    known = ADAPTER.read(
        make_spec(Path("/"), mode="interactive"), first.facts, b"", ExitStatus(code=0)
    )
    assert first.reading.conversation_id == known.conversation_id
    assert model.requests()[0]["session"] == known.conversation_id
    model.clear()
    second = headless(task="which word?", resume=first.reading.conversation_id)
    assert second.reading.ok
    assert second.reading.conversation_id == first.reading.conversation_id
    (request,) = model.requests()
    assert request["prompt"] == "which word?"
    said = [turn["text"] for turn in request["history"] if turn["role"] != "system"]
    assert said == ["remember the word aubergine", FIXED_ANSWER, "which word?"]


@pytest.mark.parametrize(
    ("permission", "made"), [("default", False), ("edit", False), ("full", True)]
)
def test_a_command_beyond_edits_needs_full_permission(
    permission: str, made: bool, headless: Callable[..., Run], person: Any, tmp_path: Path
) -> None:
    """Outside its directory it touches nothing unless it was allowed everything."""
    outside = tmp_path / "outside"
    run = headless(task=f"RUN:touch {outside}", permission=permission)
    assert run.reading.ok, run.stderr
    assert outside.exists() is made


def test_the_model_asked_for_is_the_one_used(
    headless: Callable[..., Run], model: ModelServer
) -> None:
    """``model`` reaches the service, and so do further arguments."""
    headless(task="hi", model="claude-stub-9", argv=("--append-system-prompt", "be brief"))
    assert [request["model"] for request in model.requests()] == ["claude-stub-9"]


def test_a_refusal_of_the_service_is_a_failure_that_says_so(
    headless: Callable[..., Run], model: ModelServer
) -> None:
    """An overloaded service is named with its status."""
    run = headless(task="FAIL:529")
    assert not run.reading.ok
    assert run.reading.message is not None
    assert "529" in run.reading.message
    assert {request["status"] for request in model.requests()} == {529}


def test_an_unknown_slash_command_is_a_failure(
    headless: Callable[..., Run], model: ModelServer
) -> None:
    """Claude Code ends with 0 and calls it a success, though no model ever saw the task."""
    run = headless(task="/no-such-command now")
    assert model.requests() == []
    assert not run.reading.ok
    assert run.reading.message is not None
    assert "Unknown command: /no-such-command" in run.reading.message


def test_a_bad_option_is_a_failure_that_quotes_the_tool(headless: Callable[..., Run]) -> None:
    """What it printed before it gave up is the reason."""
    run = headless(task="hi", argv=("--no-such-option",))
    assert not run.reading.ok
    assert run.reading.message is not None
    assert "unknown option '--no-such-option'" in run.reading.message


@pytest.mark.tmux
@pytest.mark.parametrize("name", PROMPTS)
def test_a_first_prompt_reaches_the_terminal_interface(
    name: str,
    in_terminal: Callable[..., AbstractContextManager[Terminal]],
    model: ModelServer,
) -> None:
    """As an argument it is sent without a key pressed; the answer is on the screen."""
    with in_terminal(task=PROMPTS[name]) as view:
        view.wait_until(lambda: FIXED_ANSWER in view.screen(), "the answer on the screen")
        assert [request["prompt"] for request in model.requests()] == [PROMPTS[name]]


@pytest.mark.tmux
def test_a_prompt_too_long_for_an_argument_is_read_from_a_file(
    in_terminal: Callable[..., AbstractContextManager[Terminal]], model: ModelServer
) -> None:
    """The prompt names the file, and reading it asks nobody."""
    task = "the first line of the task\n" + "x" * 99 + "\n" + "more\n" * MAX_ARGUMENT_BYTES
    with in_terminal(task=task) as view:
        view.wait_until(lambda: AFTER_TOOL in view.screen(), "the file read")
    results = [result for request in model.requests() for result in request["tool_results"]]
    assert any("the first line of the task" in result for result in results)


@pytest.mark.tmux
def test_leaving_the_terminal_interface_is_a_success(
    in_terminal: Callable[..., AbstractContextManager[Terminal]],
) -> None:
    """Left by its own command it ends with 0, which the adapter reads as success."""
    with in_terminal(task="say hi") as view:
        view.wait_until(lambda: FIXED_ANSWER in view.screen(), "the answer on the screen")
        view.press("-l", "/exit")
        view.wait_until(lambda: "/exit" in view.screen(), "the command typed")

        def left() -> bool:
            view.press("Enter")
            return view.exit_status is not None

        view.wait_until(left, "the end of the program")
        assert view.exit_status == 0
