"""Flows: how long from the end of what a step needs to its own agent, and a graph of many steps.

The graph's worker is killed once while it runs, at a moment drawn by chance; the agents' own notes
say which steps ran, and how often.
"""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.result import Result
from bench.samples import summary
from bench.stand import Stand, stand, until
from coders_queue.client.client import Coders
from coders_queue.flows import read
from coders_queue.flows.submission import submit
from coders_queue.models.flow import FlowRecord

#: Steps of the graph; and of the chain, for each hundred of them.
ROUNDS, SHORT = 1000, 60
_CHAIN_PER_HUNDRED = 6
SEED = 20261128
#: How far back a step's needs may lie, and how many it has at most.
_NEAR, _NEEDS = 40, 3


def run(rounds: int, tell: Callable[[str], None]) -> Result:
    """A chain of short steps, then a graph of ``rounds`` steps."""
    result = Result("flow", {"steps": rounds, "seed": SEED})
    with stand({"CODERS_HOST_CAPACITY": "40"}) as place, place.client() as client:
        _chain(place, client, max(12, rounds * _CHAIN_PER_HUNDRED // 100), result, tell)
        _graph(place, client, rounds, result, tell)
    return result


def _chain(
    place: Stand, client: Coders, length: int, result: Result, tell: Callable[[str], None]
) -> None:
    steps: dict[str, Any] = {}
    for number in range(length):
        steps[f"s{number}"] = _step("true", [f"s{number - 1}"] if number else [])
    flow = _run(place, client, _written(place, steps), 300)
    found = {one["name"]: client.store.get(one["runs"][0]["session"]) for one in flow["steps"]}
    gaps = []
    for number in range(1, length):
        before, after = found[f"s{number - 1}"], found[f"s{number}"]
        if before and after and before.outcome and after.outcome and after.outcome.started_at:
            gaps.append(1000 * (after.outcome.started_at - (before.outcome.ended_at or 0.0)))
    tell(f"a chain of {length}: {flow['state']}")
    told = summary(gaps)
    result.measured["unit"] = "ms"
    result.measured["from an end to the next agent"] = told
    result.bar(
        "from the last dependency's end to the next agent, p99", "under 150 ms",
        f"{told['p99']:.1f} ms, of {len(gaps)}", len(gaps) == length - 1 and told["p99"] < 150,
    )  # fmt: skip


def _graph(
    place: Stand, client: Coders, count: int, result: Result, tell: Callable[[str], None]
) -> None:
    chance = random.Random(SEED)
    ledger = place.work / "ran"
    ledger.touch()
    steps: dict[str, Any] = {}
    for number in range(count):
        near = range(max(0, number - _NEAR), number)
        needs = chance.sample(near, min(len(near), chance.randint(1, _NEEDS)))
        steps[f"s{number}"] = _step(f"echo s{number} >> {ledger}", [f"s{one}" for one in needs])
    file = _written(place, steps)
    began = time.perf_counter()
    submit(read.load(file), {}, str(place.work))
    validated = time.perf_counter() - began
    tell(f"{count} steps checked in {validated:.2f} s")
    killed: list[float] = []
    moment = chance.uniform(0.2, 0.6)

    def seen(flow: dict[str, Any]) -> None:
        ended = sum(one["state"] == "succeeded" for one in flow["steps"])
        if not killed and ended >= moment * count:
            place.kill_worker()
            killed.append(ended)
            tell(f"worker killed after {ended} steps")
            place.up()

    began = time.monotonic()
    flow = _run(place, client, file, 1200, seen)
    took = time.monotonic() - began
    counts = Counter(ledger.read_text().split())
    once = sum(counts[name] == 1 for name in steps)
    states = Counter(one["state"] for one in flow["steps"])
    result.measured |= {
        "validated_s": round(validated, 3),
        "graph_s": round(took, 1),
        "steps_a_second": round(count / took, 1),
        "killed_after_steps": killed,
        "states": dict(states),
        "ran_exactly_once": once,
    }
    result.bar(f"a graph of {count} steps is checked", "in under 1 s", f"{validated:.2f} s",
               validated < 1)  # fmt: skip
    result.bar(
        f"it runs to its end, the worker killed once: of {count} steps, those that ran just once",
        "all", f"{once} ({flow['state']})",
        once == count and flow["state"] == "succeeded" and bool(killed),
    )  # fmt: skip


def _step(script: str, needs: list[str]) -> dict[str, Any]:
    return {"agent": "shell", "argv": ["/bin/sh", "-c", script], "needs": needs}


def _written(place: Stand, steps: dict[str, Any]) -> Path:
    file = place.work / "flow.json"
    file.write_text(json.dumps({"flow": "bench", "steps": steps}))
    return file


def _run(
    place: Stand,
    client: Coders,
    file: Path,
    limit: float,
    seen: Callable[[dict[str, Any]], None] = lambda _flow: None,
) -> dict[str, Any]:
    """The flow's object once it is over."""
    begun = place.command("flow", "run", "--detach", "--json", str(file))
    flow_id = str(json.loads(begun.stdout)["id"])

    def over() -> bool:
        record = client.store.flows.get(flow_id)
        seen(place.ask("flow-show", ref=flow_id))
        return isinstance(record, FlowRecord) and record.state != "running"

    until(over, limit, "the flow's end", step=0.5)
    shown: dict[str, Any] = place.ask("flow-show", ref=flow_id)
    return shown
