"""How well it is told what agents do: timed traces of the real CLIs, under the model stub.

Each tool is silent, streams, asks for leave, runs a command, is refused, is killed, hangs, does the
same over and over, and is left by a person. What the store says of it, read twenty times a second,
is held against what was going on.
"""

from __future__ import annotations

import os
import signal
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from bench.agent_stand import TOOLS, agent_stand
from bench.live_trace import Tool, Trace, death
from bench.result import Result
from bench.samples import summary
from bench.stand import stand
from coders_queue import errors

#: Times through all acts, for each tool.
ROUNDS, SHORT = 1, 1
#: Agents that are killed to see how soon that is told, for each round.
_DEATHS = 100
#: Seconds after a change in which both of what was and what is are right.
_GRACE = 1.0
_DEMAND = 0.98
#: Seconds past its limit within which a stuck agent is told: a heartbeat's period.
_PERIOD = 2.0
Tell = Callable[[str], None]


def run(rounds: int, tell: Tell, tools: Sequence[str] = TOOLS) -> Iterator[Result]:
    """Trace each tool ``rounds`` times; a result a tool, and one of deaths."""
    for tool in tools:
        yield run_tool(tool, rounds, lambda text, tool=tool: tell(f"{tool}: {text}"))  # type: ignore[misc]
    if tuple(tools) == TOOLS:
        yield _deaths(rounds * _DEATHS, tell)


def run_tool(tool: str, rounds: int, tell: Tell) -> Result:
    """Trace one tool."""
    result = Result(f"live-{tool}", {"tool": tool, "rounds": rounds, "grace_s": _GRACE})
    traces: list[Trace] = []
    with agent_stand(tool) as place:
        result.parameters["version"] = place.version
        one = Tool(place, tool)
        for _ in range(rounds):
            for act in (one.day, one.hangs, one.loops, one.leaves):
                try:
                    trace = act()
                except errors.CodersError as error:
                    trace = Trace(problems=[f"{act.__name__}: {error.message}"])
                traces.append(trace)
                for problem in trace.problems:
                    tell(problem)
            tell(f"{len(traces)} traces")
    _judge(result, tool, traces)
    return result


def _judge(result: Result, tool: str, traces: list[Trace]) -> None:
    right: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    wrong: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for trace in traces:
        for span in trace.spans:
            name = f"{span.doing}: {span.act}"
            for sample in trace.samples:
                if span.begin <= sample.at < span.end:
                    right[name]["all"] += 1
                    right[name]["all_right"] += sample.doing == span.doing
                if span.begin + _GRACE <= sample.at < span.end:
                    right[name]["settled"] += 1
                    right[name]["settled_right"] += sample.doing == span.doing
                    if sample.doing != span.doing:
                        wrong[name][sample.doing] += 1
    seen: dict[str, list[float]] = defaultdict(list)
    for trace in traces:
        for what, seconds in trace.seen.items():
            seen[what] += seconds
    classes: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for name, counts in right.items():
        for key, count in counts.items():
            classes[name.partition(":")[0]][key] += count
    result.measured = {
        "unit": "ms",
        "samples": {name: dict(counts) for name, counts in sorted(right.items())},
        "told_instead": {name: dict(counts) for name, counts in sorted(wrong.items())},
        "problems": [problem for trace in traces for problem in trace.problems],
        **{what: summary([one * 1000 for one in found]) for what, found in sorted(seen.items())},
    }
    who = f"{tool} {result.parameters['version']}"
    for name, counts in sorted(classes.items()):
        settled = counts["settled"]
        share = counts["settled_right"] / settled if settled else 0.0
        result.bar(
            f"{who}: told {name} while it is, from {_GRACE:g} s after it began",
            f"at least {_DEMAND:.0%} of the time",
            f"{share:.1%} of {settled} looks",
            share >= _DEMAND,
        )
    # (from the model's call on, it is the tool that takes its time: Qwen Code seconds)
    _within(result, who, seen, "a question, from its being shown", 1.0)
    _within(result, who, seen, "the end of an agent", 1.0)
    _within(result, who, seen, "stuck at its limit", _PERIOD)


def _within(
    result: Result, who: str, seen: dict[str, list[float]], what: str, limit: float
) -> None:
    found = seen.get(what)
    if found:
        worst = max(found)
        measured = f"{worst:.2f} s at most, of {len(found)}"
        result.bar(f"{who}: {what}", f"told within {limit:g} s", measured, worst < limit)


def _deaths(count: int, tell: Tell) -> Result:
    """Agents that are killed, one after the other."""
    result = Result("live-death", {"deaths": count})
    samples: list[float] = []
    with stand() as place, place.client() as client:
        for number in range(count):
            handle = client.spawn("shell", argv=["sleep", "600"], cwd=str(place.work), wait=True)
            pid: Any = handle.record.pid
            died = death(pid, lambda pid=pid: os.kill(pid, signal.SIGKILL), lambda: None)  # type: ignore[misc]
            while (found := client.store.get(handle.id)) and found.state == "running":
                time.sleep(0.002)
            samples.append(time.time() - (died or 0.0))
            if number % 50 == 49:
                tell(f"{number + 1} deaths")
    result.measured = {"unit": "ms", "death_to_record": summary([one * 1000 for one in samples])}
    p99 = result.measured["death_to_record"]["p99"]
    result.bar(
        "an agent's death is on record, p99", "under 1 s", f"{p99:.0f} ms of {count}", p99 < 1000
    )
    return result
