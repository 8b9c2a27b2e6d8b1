"""The environment an agent starts with: little of the host's, nothing of the host's secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fnmatch import translate
from functools import lru_cache
from pathlib import Path

#: What every program expects of the user it runs as.
_IDENTITY = ("HOME", "USER", "LOGNAME", "SHELL", "PATH", "TMPDIR", "XDG_*", "SSH_AUTH_SOCK")

#: Never taken along by a pattern: they are this project's own, or belong to another terminal.
_NEVER = ("CODERS_*", "TMUX", "TMUX_PANE", "TERM", "COLUMNS", "LINES", "PYTHONPATH", "PYTHONHOME")


def pick(environ: Mapping[str, str], patterns: Iterable[str]) -> dict[str, str]:
    """The variables whose names match one of the shell patterns."""
    wanted, never = _one_of(tuple(patterns)), _one_of(_NEVER)
    return {
        name: value
        for name, value in environ.items()
        if wanted.match(name) and not never.match(name)
    }


@lru_cache(maxsize=64)
def _one_of(patterns: tuple[str, ...]) -> re.Pattern[str]:
    """What matches a name that one of the shell patterns matches; nothing for none."""
    return re.compile("|".join(map(translate, patterns)) or r"(?!)")


def host_part(
    environ: Mapping[str, str], patterns: Iterable[str], sessions: Path
) -> dict[str, str]:
    """What an agent gets of the environment its host's worker was started with.

    ``sessions`` is where sessions have their own directories.
    """
    return _outside(sessions, pick(environ, (*_IDENTITY, *patterns)))


def caller_part(
    environ: Mapping[str, str], patterns: Iterable[str], sessions: Path
) -> dict[str, str]:
    """What an agent gets of the environment of whoever spawned it on this machine."""
    return _outside(sessions, pick(environ, patterns))


def _outside(sessions: Path, environ: dict[str, str]) -> dict[str, str]:
    # an agent that spawns another would hand it the directories that are its own, and that go
    # with it: a login renewed there would be lost
    return {
        name: value
        for name, value in environ.items()
        if value != str(sessions) and not value.startswith(f"{sessions}/")
    }


def compose(
    host: Mapping[str, str],
    plan: Mapping[str, str],
    configured: Mapping[str, str],
    requested: Mapping[str, str],
    own: Mapping[str, str],
    unset: Iterable[str],
) -> dict[str, str]:
    """The whole environment, later ones over earlier ones; ``unset`` goes for the host's alone."""
    environ = dict(host)
    for name in unset:
        environ.pop(name, None)
    environ |= {**plan, **configured, **requested, **own}
    environ["PATH"] = path_of(environ)
    return environ


def path_of(environ: Mapping[str, str]) -> str:
    """Where programs are looked for."""
    return environ.get("PATH", "/usr/local/bin:/usr/bin:/bin")
