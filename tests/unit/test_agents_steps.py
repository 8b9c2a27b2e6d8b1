"""What agents did, as digests: from what their tools really wrote."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from coders_queue.agents import registry, steps
from coders_queue.models.observation import Step

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.mark.parametrize(
    ("file", "source", "tool"),
    [
        ("claude/2.1.197/tool-call.jsonl", "stream", "Bash"),
        ("claude/2.1.330/transcript.jsonl", "transcript", "Bash"),
        ("codex/0.169.0/terminal.jsonl", "transcript", "exec_command"),
        ("gemini/0.61.0/tool.jsonl", "stream", "run_shell_command"),
        ("gemini/0.61.0/tool.transcript.jsonl", "transcript", "run_shell_command"),
        ("opencode/1.18.33/tool-call.jsonl", "stream", "bash"),
        ("qwen/0.15.10/tool.jsonl", "stream", "run_shell_command"),
        ("qwen/0.15.10/tool.transcript.jsonl", "transcript", "run_shell_command"),
    ],
)
def test_a_tool_s_call_and_what_it_gave_back_are_found(file: str, source: str, tool: str) -> None:
    """Each call has its return, under the same id."""
    adapter = registry.get(file.split("/")[0])
    observe = getattr(adapter, f"observe_{source}")
    made: list[Step] = []
    for line in (GOLDEN / file).read_bytes().splitlines():
        seen = observe(line, file.split("/")[1])
        made += seen.steps if seen else ()
    calls = {one.id: one.name for one in made if one.kind == "call"}
    assert tool in calls.values()
    assert {one.id for one in made if one.kind == "return"} == set(calls)


def test_codex_tells_of_commands_while_they_run() -> None:
    """An item that has begun is a call; complete, it is what it gave back, too."""
    adapter = registry.get("codex")
    item = {"id": "item_1", "type": "command_execution", "command": "make"}
    begun = adapter.observe_stream(json.dumps({"type": "item.started", "item": item}).encode())
    over = adapter.observe_stream(
        json.dumps({"type": "item.completed", "item": {**item, "exit_code": 1}}).encode()
    )
    assert begun is not None
    assert over is not None
    assert [one.kind for one in begun.steps] == ["call"]
    assert [one.kind for one in over.steps] == ["call", "return"]
    assert begun.steps[0] == over.steps[0]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("1 failed in 0.31s", "1 failed in 0.35s", True),
        ({"output": "no\nProcess Group PGID: 7"}, {"output": "no\nProcess Group PGID: 8"}, True),
        ("at 2026-11-22T10:00:01Z", "at 2026-11-22T10:00:09Z", True),
        ("Process Group PGID: 17", "Process Group PGID: 18", True),
        ("12 failed", "11 failed", False),
        (["a", 1], ["a", 2], False),
    ],
)
def test_times_make_no_difference(one: object, other: object, same: bool) -> None:
    """What differs by how long it took is the same; a number of anything else is not."""
    assert (steps.returned("1", one) == steps.returned("1", other)) is same


@pytest.mark.parametrize("call", [None, "", 7, {}])
def test_a_call_without_an_id_is_none(call: object) -> None:
    """What cannot be told apart is left out."""
    assert steps.called(call, "Bash", {}) == ()
    assert steps.returned(call, "x") == ()
