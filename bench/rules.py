"""Rules: many events, each with a session to spawn and a webhook to post, through a restart.

The worker and then the broker are killed while events come, and both are started again. The agents'
own notes say which sessions ran, and how often; a site on loopback, which refuses some, which
webhooks came.
"""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from bench.result import Result
from bench.samples import summary
from bench.stand import Stand, stand, until
from coders_queue import errors
from coders_queue.client.client import Coders
from coders_queue.models.event import Event
from coders_queue.rules.decide import job_id
from coders_workers import broker

#: Events of the whole run.
ROUNDS, SHORT = 1000, 24
SEED = 20261128
#: Events a second, and how many webhooks of a hundred are refused at first.
_PACE, _REFUSED = 40.0, 5
_RULE = "bench"


class Site:
    """Notes the id of each webhook, and when it came first."""

    def __init__(self, chance: random.Random) -> None:
        self.came: Counter[str] = Counter()
        self.first: dict[str, float] = {}
        self.without_id = 0
        site, lock = self, threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with lock:
                    given = self.headers["X-Coders-Id"] or ""
                    site.without_id += given != body.get("id")
                    refused = given not in site.came and chance.randrange(100) < _REFUSED
                    site.came[given] += 1
                    site.first.setdefault(given, time.time())
                self.send_response(503 if refused else 204)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"

    @contextmanager
    def open(self) -> Iterator[Site]:
        """While it is there."""
        thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()


def run(rounds: int, tell: Callable[[str], None]) -> Result:
    """``rounds`` events."""
    result = Result("rules", {"events": rounds, "seed": SEED, "webhooks_refused_of_100": _REFUSED})
    chance = random.Random(SEED)
    with Site(chance).open() as site, stand(_rule(site)) as place, place.client() as client:
        ledger = place.work / "ran"
        ledger.touch()
        until(lambda: place.ask("rules")["rules"][0].get("position"), 30, "the rule's begin")
        events = _events(place, client, rounds, chance, tell)
        spawns = {job_id(event.id, _RULE, 0): event for event in events}
        posts = {job_id(event.id, _RULE, 1): event for event in events}
        tell(f"{len(events)} events written; waiting for what they ask for")
        until(lambda: _settled(place, len(events)), 600, "the rule's end", step=0.5)
        until(lambda: len(ledger.read_text().split()) >= len(events), 600, "the sessions", step=0.5)
        place.settle(300)
        ran = Counter(ledger.read_text().split())
        here = set(client.store.get_many(spawns))
        shown = place.ask("rules")["rules"][0]
    once = sum(ran[session] == 1 for session in spawns)
    reached = sum(site.came[one] > 0 for one in posts)
    waits = [1000 * (site.first[one] - posts[one].at) for one in posts if one in site.first]
    result.measured |= {
        "unit": "ms",
        "from an event to its webhook": summary(waits),
        "events": len(events),
        "sessions_that_ran_once": once,
        "sessions_that_ran_and_nobody_asked_for": len(set(ran) - set(spawns)),
        "records_of_sessions": len(here),
        "webhooks_that_came": reached,
        "webhooks_that_came_twice": sum(site.came[one] > 1 for one in posts),
        "webhooks_without_their_id": site.without_id + len(set(site.came) - set(posts)),
        "rule": {key: shown[key] for key in ("fired", "done", "failed", "missed", "pending")},
    }
    result.bar(
        f"of {len(events)} events through a restart of worker and broker, "
        "those whose session ran exactly once", "all, and no other session",
        f"{once}, {len(set(ran) - set(spawns))} others",
        once == len(events) and not set(ran) - set(spawns),
    )  # fmt: skip
    result.bar(
        "those whose webhook came at least once, with its id", "all", str(reached),
        reached == len(events) and not result.measured["webhooks_without_their_id"],
    )  # fmt: skip
    return result


def _rule(site: Site) -> dict[str, str]:
    """The environment of a stack with the rule."""
    script = "echo $CODERS_SESSION_ID >> ran"
    spawn = {"agent": "shell", "argv": ["/bin/sh", "-c", script], "cwd": "{{ session.cwd }}"}
    rule = {
        "ON": "session.archived",
        "WHEN": "data.bench == 1",
        "DO": json.dumps([{"spawn": spawn}, {"webhook": {"url": site.url}}]),
        "BACKOFF": "0.2",
    }
    return {
        "CODERS_HOST_CAPACITY": "40",
        **{f"CODERS_RULES_{_RULE.upper()}_{key}": value for key, value in rule.items()},
    }


def _events(
    place: Stand, client: Coders, count: int, chance: random.Random, tell: Callable[[str], None]
) -> list[Event]:
    """Write them at a steady pace, and kill worker and broker meanwhile; those in the stream."""
    handle = client.spawn("shell", argv=("true",), cwd=str(place.work))
    handle.wait(60)
    place.settle()
    begin = client.store.last_event_id()
    worker_dies = int(chance.uniform(0.2, 0.4) * count)
    broker_dies = int(chance.uniform(0.6, 0.8) * count)
    for number in range(count):
        if number == worker_dies:
            place.kill_worker()
            tell(f"worker killed after {number} events")
            threading.Thread(target=place.up, daemon=True).start()
        if number == broker_dies:
            pid = broker.broker_lock(place.paths).holder()
            if pid is not None:
                os.kill(pid, signal.SIGKILL)
            place.kill_worker()
            tell(f"broker and worker killed after {number} events")
            place.up()
        until(lambda: _written(client, handle.id), 60, "an event is written")
        time.sleep(1 / _PACE)
    return [one for one in _all(client, begin) if one.data.get("bench") == 1]


def _written(client: Coders, session_id: str) -> bool:
    try:
        client.store.record_event(session_id, 1, "session.archived", {"bench": 1})
    except errors.Unavailable:
        return False
    return True


def _all(client: Coders, place: str) -> Iterator[Event]:
    while found := client.store.events(place):
        yield from found
        place = found[-1].id


def _settled(place: Stand, count: int) -> bool:
    try:
        shown = place.ask("rules")["rules"][0]
    except errors.Unavailable:
        return False
    return bool(shown["fired"] >= count and not shown["pending"])
