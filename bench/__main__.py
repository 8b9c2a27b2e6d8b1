"""``python -m bench NAME [--rounds N] [--short] [--json FILE]``, and ``python -m bench report``."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import (
    admission,
    burst,
    chaos,
    chord,
    delivery,
    exact,
    faults,
    flow,
    heartbeat,
    live,
    mailbox,
    merge,
    report,
    restore,
    rules,
    soak,
    spawn,
    watch,
)
from bench.result import RESULTS, Result

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Bench:
    """One benchmark: what it is called with, and how much it does."""

    run: Callable[..., Result | Iterable[Result]]
    """Called with how much to do, how to tell of it, and ``tools`` where it is about tools."""
    rounds: int
    short: int


BENCHES = {
    "spawn": Bench(spawn.run, spawn.ROUNDS, spawn.SHORT),
    "burst": Bench(burst.run, burst.ROUNDS, burst.SHORT),
    "exact": Bench(exact.run, exact.ROUNDS, exact.SHORT),
    "chaos": Bench(chaos.run, chaos.ROUNDS, chaos.SHORT),
    "admission": Bench(admission.run, admission.ROUNDS, admission.SHORT),
    "heartbeat": Bench(heartbeat.run, heartbeat.ROUNDS, heartbeat.SHORT),
    "watch": Bench(watch.run, watch.ROUNDS, watch.SHORT),
    "live": Bench(live.run, live.ROUNDS, live.SHORT),
    "restore": Bench(restore.run, restore.ROUNDS, restore.SHORT),
    "faults": Bench(faults.run, faults.ROUNDS, faults.SHORT),
    "chord": Bench(chord.run, chord.ROUNDS, chord.SHORT),
    "merge": Bench(merge.run, merge.ROUNDS, merge.SHORT),
    "flow": Bench(flow.run, flow.ROUNDS, flow.SHORT),
    "rules": Bench(rules.run, rules.ROUNDS, rules.SHORT),
    "soak": Bench(soak.run, soak.ROUNDS, soak.SHORT),
    "mailbox": Bench(mailbox.run, mailbox.ROUNDS, mailbox.SHORT),
    "delivery": Bench(delivery.run, delivery.ROUNDS, delivery.SHORT),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a benchmark and write its result; 1 when a bar is not met."""
    parser = argparse.ArgumentParser(prog="python -m bench", allow_abbrev=False)
    parser.add_argument("name", choices=[*BENCHES, "report"])
    parser.add_argument(
        "--rounds", "--count", type=int, help="how much to do, instead of the whole"
    )
    parser.add_argument("--short", action="store_true", help="a small run, as in CI")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result there")
    parser.add_argument(
        "--tool", action="append", help="delivery, live: this tool alone; repeatable"
    )
    parser.add_argument(
        "repository", nargs="?", type=Path, help="merge: the repository whose merges are made again"
    )
    options = parser.parse_args(argv)
    if options.name == "report":
        print(f"wrote {report.write()}")
        return 0
    bench = BENCHES[options.name]
    rounds = options.rounds or (bench.short if options.short else bench.rounds)
    given = {"tools": options.tool} if options.tool else {}
    if options.repository is not None:
        given["repository"] = options.repository
    began = time.monotonic()
    met = True
    made = bench.run(
        rounds, lambda text: print(f"{options.name}: {text}", file=sys.stderr), **given
    )
    for result in (made,) if isinstance(made, Result) else made:
        result.measured["seconds"] = round(time.monotonic() - began, 1)
        began = time.monotonic()
        whole = rounds == bench.rounds
        file = options.json or (RESULTS / f"{result.name}.json" if whole else None)
        if file is not None:
            result.write(file)
        for bar in result.bars:
            print(f"{'met ' if bar.met else 'MISS'}  {bar.what}: {bar.measured} ({bar.demand})")
        met = met and result.met
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
