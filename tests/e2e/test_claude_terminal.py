"""Claude Code's terminal interface by the whole system, for somebody who never started it before.

Their home is empty: every question of a first start would swallow the prompt.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from coders_queue import wire
from coders_workers.conformance.wiring import API_KEY, wiring
from coders_workers.model_stub.script import AFTER_TOOL, FIXED_ANSWER
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

PROMPTS = {
    "lines": "first\n\n  second\tline 'x' $HOME `y`\n",
    "unicode": "žluťoučký 🎉 漢字 e\u0301",
    "20 KB": "0123456789abcde\n" * 1280,
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty home directory."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def coders(
    inside: Namespace, _model: ModelServer, claude_program: Path, home: Path
) -> Iterator[CommandLine]:
    """A newcomer's command line: Claude Code on PATH, a key in a variable, nothing else."""
    environ = {
        **wiring("claude", _model.url).settle(home),
        "PATH": f"{claude_program.parent}:{os.environ['PATH']}",
        "CODERS_OLLAMA_BASE_URL": _model.ollama_url.removeprefix("http://"),
        "CODERS_OLLAMA_MODEL": "stub-coder",
    }
    with command_line(environ, tuple(inside.argv([]))) as one:
        yield one
        one.at_rest()
        assert one.agents() == {}


def screen(coders: CommandLine, name: str) -> str:
    """What the session's terminal shows."""
    shown: str = wire.ask(str(coders.paths.host_socket), "screen", {"ref": name})["text"]
    return shown


@pytest.mark.parametrize("name", PROMPTS)
def test_the_first_prompt_arrives_past_a_first_start(
    coders: CommandLine, model: ModelServer, tmp_path: Path, name: str
) -> None:
    """In a directory never seen before, with a key never shown before: whole, and once."""
    task = PROMPTS[name]
    session = coders.ok("spawn", "claude", "--interactive", task, cwd=tmp_path).text.strip()
    eventually(lambda: model.prompts() != [], 40)
    eventually(lambda: FIXED_ANSWER in screen(coders, session), 30)
    assert model.prompts() == [task]
    coders.ok("kill", session)


def test_a_finished_conversation_gives_result_usage_and_resumes(
    coders: CommandLine, model: ModelServer, tmp_path: Path, home: Path
) -> None:
    """Tokens to the last one as the model counted them; the user's own directory has the rest."""
    options = ("--interactive", "--permission", "full", "--name", "first")
    coders.ok("spawn", "claude", *options, "RUN:echo made > made", cwd=tmp_path)
    eventually(lambda: AFTER_TOOL in screen(coders, "first"), 60)
    assert (tmp_path / "made").read_text() == "made\n"
    ended = coders.ok("kill", "--json", "first").json
    assert ended["result"] == AFTER_TOOL
    spent = model.tokens()
    used = {key: ended["usage"][key] for key in spent}
    assert used == spent
    assert list((home / ".claude/projects").glob(f"*/{ended['conversation_id']}.jsonl"))
    assert not (home / ".claude.json").exists()

    model.clear()
    options = ("--interactive", "--resume", ended["conversation_id"], "--name", "second")
    coders.ok("spawn", "claude", *options, "SAY:again", cwd=tmp_path)
    eventually(lambda: model.prompts() != [], 40)
    (turn,) = model.requests()
    assert AFTER_TOOL in [one["text"] for one in turn["history"]]
    eventually(lambda: "again" in screen(coders, "second"), 20)
    again = coders.ok("kill", "--json", "second").json
    assert again["conversation_id"] == ended["conversation_id"]
    spent = model.tokens()
    assert {key: again["usage"][key] for key in spent} == spent


def test_an_answer_of_a_given_shape(
    coders: CommandLine, model: ModelServer, tmp_path: Path
) -> None:
    """Data that fits is the result; what does not is a failure that says where."""
    schema = tmp_path / "schema.json"
    schema.write_text(
        '{"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}'
    )
    fits = coders("run", "claude", "--json", "--schema", str(schema), 'JSON:{"n": 3}', cwd=tmp_path)
    assert fits.json["result"] == {"n": 3}, fits
    assert fits.json["state"] == "succeeded"


def test_a_model_of_ollamas(coders: CommandLine, model: ModelServer, tmp_path: Path) -> None:
    """The key stays away from it, every request names its model, and it goes on beside others."""
    done = coders("run", "claude", "--ollama", "--json", "SAY:local", cwd=tmp_path)
    assert done.json["result"] == "local", done
    asked = model.journal()["requests"]
    assert {one["api"] for one in asked} == {"ollama"}
    assert {one["model"] for one in asked} == {"stub-coder"}
    assert API_KEY not in str(asked)
    assert coders("run", "claude", "--json", "SAY:far", cwd=tmp_path).json["result"] == "far"
    missing = coders("run", "claude", "--ollama", "--model", "none", "hi", cwd=tmp_path)
    assert missing.code != 0
    assert "has no model 'none'" in missing.err
