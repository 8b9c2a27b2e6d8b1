"""Flows on a real stack: submitted, carried forward, cancelled, resumed, whoever dies."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from coders_queue import errors
from support.command_line import CommandLine, command_line
from support.local_stack import eventually

pytestmark = [pytest.mark.broker, pytest.mark.tmux, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def coders() -> Iterator[CommandLine]:
    with command_line({"CODERS_HOST_CAPACITY": "20"}) as one:
        one.ok("up")
        yield one


def shell(script: str, **more: Any) -> dict[str, Any]:
    """A step that runs a command."""
    return {"agent": "shell", "argv": ["sh", "-c", script], **more}


def written(directory: Path, steps: dict[str, Any], **more: Any) -> Path:
    """A flow's file."""
    file = directory / "flow.json"
    file.write_text(json.dumps({"flow": "trial", "steps": steps, **more}))
    return file


def test_a_flow_fans_out_merges_and_goes_on(coders: CommandLine, tmp_path: Path) -> None:
    """Items run at once, what they gave is merged, and reaches the next step's words."""
    steps = {
        "look": shell("echo saw {{ item }}", each="{{ parameters.areas }}"),
        "all": {"merge": {"strategy": "report", "of": "look"}},
        "tell": {
            **shell(""),
            "argv": [
                "echo",
                "{{ steps.all.result.parts }} parts: {{ steps.look.output | join('') }}",
            ],
        },
    }
    parameters = {"areas": {"type": "list"}}
    file = written(tmp_path, steps, parameters=parameters, result="{{ steps.tell.output }}")
    done = coders("flow", "run", str(file), "-p", "areas=a b,c", "--json", cwd=tmp_path)
    assert done.code == 0, done.err
    assert done.json["state"] == "succeeded"
    assert done.json["result"] == "2 parts: saw a b\nsaw c\n\n"
    assert [one["state"] for one in done.json["steps"]] == ["succeeded"] * 3
    session = done.json["steps"][2]["runs"][0]["session"]
    assert coders.show(session)["labels"]["flow"] == done.json["id"]
    assert coders.ok("flow", "ls", "--all", "--json").json[0]["id"] == done.json["id"]


def test_a_failed_review_goes_back(coders: CommandLine, tmp_path: Path) -> None:
    """The loop's steps run again, and what failed in the end is resumed alone."""
    steps = {
        "work": shell(f"echo x >> {tmp_path}/work; test -e {tmp_path}/open || sleep 0.1"),
        "review": shell(
            f"test $(wc -l < {tmp_path}/work) -ge 3",
            needs=["work"],
            on_failure="ignore",
            go_back={"to": "work", "when": "state == 'failed'", "at_most": 5},
        ),
        "after": shell(f"test -e {tmp_path}/open", needs=["review"]),
    }
    file = written(tmp_path, steps)
    done = coders("flow", "run", str(file), "--json", cwd=tmp_path)
    assert done.code == 1
    assert [one["state"] for one in done.json["steps"]] == ["succeeded", "succeeded", "failed"]
    assert done.json["steps"][0]["round"] == 3
    assert "step after failed" in done.json["cause"]
    assert "graph" not in done.json
    shown = coders.ok("flow", "show", done.json["id"]).text
    assert "✗" in shown
    assert "after" in shown
    (tmp_path / "open").touch()
    coders.ok("flow", "resume", done.json["id"])
    assert coders.ok("flow", "wait", done.json["id"], "--json").json["state"] == "succeeded"
    assert (tmp_path / "work").read_text() == "x\n" * 3


def test_a_cancelled_flow_ends_with_its_sessions(coders: CommandLine, tmp_path: Path) -> None:
    """Nothing of it runs any more, and what had not begun never does."""
    steps = {"long": shell("sleep 300", each=[1, 2]), "never": shell("true", needs=["long"])}
    begun = coders.ok("flow", "run", str(written(tmp_path, steps)), "--detach", "--json").json
    sessions = [one["session"] for one in begun["steps"][0]["runs"]]
    eventually(lambda: all(coders.show(one)["state"] == "running" for one in sessions))
    coders.ok("flow", "cancel", begun["id"], "--reason", "enough")
    final = coders("flow", "wait", begun["id"], "--json")
    assert (final.code, final.json["state"], final.json["cause"]) == (9, "cancelled", "enough")
    assert [coders.show(one)["state"] for one in sessions] == ["cancelled"] * 2
    again = coders("flow", "cancel", begun["id"])
    assert again.code == 4
    assert "is over: it was cancelled" in again.err


def test_workers_that_die_lose_and_double_nothing(coders: CommandLine, tmp_path: Path) -> None:
    """A flow of many steps, and the worker is killed again and again: each step ran once."""
    layers, wide = 5, 5
    steps: dict[str, Any] = {}
    for layer in range(layers):
        needs = [f"s{layer - 1}_{one}" for one in range(wide)] if layer else []
        for one in range(wide):
            name = f"s{layer}_{one}"
            steps[name] = shell(f"echo {name} >> {tmp_path}/ran; sleep 0.2", needs=needs)
    begun = coders.ok("flow", "run", str(written(tmp_path, steps)), "--detach", "--json").json
    for _ in range(3):
        time.sleep(0.7)
        os.kill(eventually(coders.worker_pid), signal.SIGKILL)
        coders.ok("up")
    final = coders.ok("flow", "wait", begun["id"], "--json", timeout=120).json
    assert final["state"] == "succeeded"
    assert sorted((tmp_path / "ran").read_text().split()) == sorted(steps)


def test_bad_input_begins_nothing(coders: CommandLine, tmp_path: Path) -> None:
    """A cycle, an unknown file, an unknown flow: one line each, and no flow is there."""
    before = len(coders.ok("flow", "ls", "--all", "--json").json)
    steps = {"a": shell("true", needs=["b"]), "b": shell("true", needs=["a"])}
    done = coders("flow", "run", str(written(tmp_path, steps)))
    assert done.code == 2
    assert "steps wait for each other: a → b → a" in done.err
    assert coders("flow", "run", f"{tmp_path}/none.yaml").code == 2
    assert coders("flow", "show", "nobody").code == 3
    assert len(coders.ok("flow", "ls", "--all", "--json").json) == before


def test_a_program_runs_a_flow(coders: CommandLine, tmp_path: Path) -> None:
    """From Python: begun, waited for, read; what failed is a value."""
    steps = {"a": shell("echo {{ parameters.word }}"), "b": shell("exit 3", needs=["a"])}
    flow = {"flow": "trial", "parameters": {"word": {"type": "text"}}, "steps": steps}
    with coders.client() as client:
        handle = client.run_flow(flow, {"word": "hello"}, cwd=str(tmp_path))
        record = handle.wait(60)
        shown = handle.show()
        assert (record.state, shown["steps"][1]["state"]) == ("failed", "failed")
        first = client.get(shown["steps"][0]["runs"][0]["session"])
        assert first.wait(10).output == "hello\n"
        with pytest.raises(errors.Conflict, match="is over"):
            handle.cancel()
        assert client.flow(handle.id[:13]).id == handle.id
