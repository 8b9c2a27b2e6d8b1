"""A network namespace with nothing but loopback: what runs inside reaches no network at all.

Needs root and iproute2. Programs are started with ``nsenter``, not ``ip netns exec``: that one
remounts /sys and hides the control groups.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

_TIMEOUT = 20.0


def why_not() -> str | None:
    """Why this machine can make no namespace, or None when it can."""
    if os.geteuid() != 0:
        return "making a network namespace needs root"
    for program in ("ip", "nsenter"):
        if shutil.which(program) is None:
            return f"{program} is not installed (apt-get install iproute2 util-linux)"
    return None


@dataclass(frozen=True)
class Namespace:
    """A namespace that exists."""

    name: str

    def argv(self, argv: Sequence[str]) -> list[str]:
        """The command that runs ``argv`` inside."""
        return ["nsenter", f"--net=/run/netns/{self.name}", "--", *argv]


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, timeout=_TIMEOUT)
    if done.returncode != 0:
        raise RuntimeError(f"ip {' '.join(words)}: {done.stderr.strip()}")


@contextmanager
def namespace() -> Iterator[Namespace]:
    """A fresh namespace, removed at the end."""
    name = f"coders-test-{uuid.uuid4().hex[:8]}"
    _ip("netns", "add", name)
    try:
        _ip("-n", name, "link", "set", "lo", "up")
        yield Namespace(name)
    finally:
        _ip("netns", "del", name)
