"""What the admission benchmark submits, and under which limits. Seeded; touches nothing."""

from __future__ import annotations

import random
from dataclasses import dataclass

from coders_queue.models.limit import Limit
from coders_queue.models.spec import DirectoryWorkspace, SessionSpec

#: Owners and their weights. Each submits its share of the sessions, so that all wait for long.
OWNERS = {"ann": 1.0, "bob": 1.0, "cid": 2.0, "dan": 4.0}
HOSTS = {"north": 14, "south": 10}
LIMITS = {
    "fleet": Limit(concurrency=20),
    "claude": Limit(agent="claude", concurrency=12),
    "red": Limit(label="team=red", concurrency=5),
    "north": Limit(host="north", concurrency=13),
    "dan-gently": Limit(owner="dan", rate=150.0, burst=20),
    "all-gently": Limit(rate=400.0, burst=40),
}


@dataclass(frozen=True)
class Planned:
    """One session: what it is, how it comes, and what becomes of it."""

    id: str
    spec: SessionSpec
    lasts: float
    """Seconds that it runs."""
    straight_to: str | None
    """The host that it is submitted for, as a command on that host does it."""
    requeued: bool
    """Whether its first attempt goes back to the queue in the middle."""
    cancelled: bool
    """Whether somebody asks for its end as soon as it is written down."""


def plan(count: int, seed: int) -> list[Planned]:
    """So many sessions, in the order in which they are submitted."""
    chance = random.Random(seed)
    owners = list(OWNERS)
    return [_one(number, owners[number % len(owners)], chance) for number in range(count)]


def _one(number: int, owner: str, chance: random.Random) -> Planned:
    spec = SessionSpec(
        agent="claude" if chance.random() < 0.4 else "shell",
        task="x",
        argv=("true",),
        owner=owner,
        labels={"team": "red" if chance.random() < 0.15 else "blue", "run": str(number)},
        workspace=DirectoryWorkspace(path="/"),
    )
    return Planned(
        id=f"{number:08x}-0000-4000-8000-000000000000",
        spec=spec,
        lasts=chance.uniform(0.2, 0.6),
        straight_to=chance.choice(list(HOSTS)) if chance.random() < 0.1 else None,
        requeued=chance.random() < 0.05,
        cancelled=chance.random() < 0.02,
    )
