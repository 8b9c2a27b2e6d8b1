"""Hosts that only beat: ``python -m bench.simulated_hosts URL DIRECTORY NAME HOSTS BEATS``.

The heart and the census are the worker's own; the sessions are real processes (of ``sleep``, shared
by the hosts of this process). Prints, as JSON, what its heartbeats cost and how they were sent.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

from bench.samples import summary
from coders_queue.settings.schema import Settings
from coders_queue.store.open import open_configured
from coders_workers.attempt.processes import stat_fields
from coders_workers.heartbeat.census import Census
from coders_workers.heartbeat.heart import Heart
from coders_workers.heartbeat.pacer import Pacer

#: Sessions of each host.
SESSIONS = 20


def sleepers(directory: Path, count: int) -> list[subprocess.Popen[bytes]]:
    """Processes, each noted in ``directory`` as a launcher notes its agent: ``s<n>_1/started``."""
    made = []
    for number in range(count):
        process = subprocess.Popen(["sleep", "3600"], stdin=subprocess.DEVNULL)
        fields = stat_fields(process.pid)
        if fields is None:
            raise RuntimeError(f"process {process.pid} is gone")
        place = directory / f"s{number}_1"
        place.mkdir(parents=True)
        place.joinpath("started").write_text(
            f"{process.pid} {time.time():.6f} {fields[19].decode()}\n"
        )
        made.append(process)
    return made


def census(directory: Path, count: int) -> Census:
    """Of those."""
    refs = [f"s{number}_1" for number in range(count)]
    now = time.time()
    return Census(lambda: refs, lambda ref: directory / ref, lambda: dict.fromkeys(refs, now))


def main(url: str, directory: str, name: str, hosts: int, beats: int) -> None:
    """Beat ``beats`` times for each host."""
    settings = Settings()
    store = open_configured(url, settings)
    costs: list[float] = []
    pacers = []
    done = threading.Semaphore(0)
    everybody = sleepers(Path(directory), SESSIONS)
    try:
        for number in range(hosts):
            heart = Heart(
                store, f"{name}-{number}", census(Path(directory), SESSIONS),
                period=settings.host.heartbeat, ttl=settings.host.lease_ttl,
                info=lambda: {"capacity": 0},
            )  # fmt: skip

            def beat(turn: int, heart: Heart = heart) -> None:
                began = time.thread_time()
                heart.beat(turn)
                costs.append((time.thread_time() - began) * 1000)
                if turn >= beats - 1:
                    done.release()

            pacers.append(Pacer("heartbeat", settings.host.heartbeat, beat))
        for pacer in pacers:
            time.sleep(random.uniform(0, 2 * settings.host.heartbeat / hosts))
            pacer.start()
        for _ in pacers:
            done.acquire()
        for pacer in pacers:
            pacer.stop()
    finally:
        for process in everybody:
            process.kill()
            process.wait()
        store.close()
    print(
        json.dumps(
            {
                "cost_ms": summary(costs),
                "sent_late": sum(pacer.late for pacer in pacers),
                "left_out": sum(pacer.missed for pacer in pacers),
            }
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:4], *map(int, sys.argv[4:6]))
