"""Which agents there are. Owns their names and the spelling ``NAME@VERSION``.

The built-in ones, and those that files describe: where such files are, and reading them, is for the
source that a process gives (:func:`look_in`) when it begins.
"""

from __future__ import annotations

import difflib
from typing import Protocol

from coders_queue import errors
from coders_queue.agents import versions
from coders_queue.agents.adapter import Adapter
from coders_queue.agents.claude.adapter import ClaudeAdapter
from coders_queue.agents.codex.adapter import CodexAdapter
from coders_queue.agents.gemini.adapter import GeminiAdapter
from coders_queue.agents.merge import MergeAdapter
from coders_queue.agents.opencode.adapter import OpencodeAdapter
from coders_queue.agents.qwen.adapter import QwenAdapter
from coders_queue.agents.shell import ShellAdapter

_ADAPTERS: dict[str, Adapter] = {
    adapter.name: adapter
    for adapter in (
        ClaudeAdapter(),
        CodexAdapter(),
        GeminiAdapter(),
        MergeAdapter(),
        OpencodeAdapter(),
        QwenAdapter(),
        ShellAdapter(),
    )
}


class Source(Protocol):
    """Further agents, known by something else than this code."""

    def names(self) -> tuple[str, ...]:
        """Those there are now."""
        ...

    def problems(self) -> tuple[str, ...]:
        """What is wrong with others, a line each."""
        ...

    def find(self, name: str) -> Adapter | None:
        """The agent of that name. Raises ConfigError when what describes it is wrong."""
        ...

    def looked_in(self) -> str:
        """Where it looks, for an error's hint."""
        ...


_source: Source | None = None


def look_in(source: Source | None) -> None:
    """Know the agents of that source too, in this process; None for the built-in ones alone."""
    global _source
    _source = source


def built_in() -> tuple[str, ...]:
    """The agents that are code, sorted."""
    return tuple(sorted(_ADAPTERS))


def names() -> tuple[str, ...]:
    """All agents, sorted."""
    more = _source.names() if _source is not None else ()
    return tuple(sorted({*_ADAPTERS, *more}))


def problems() -> tuple[str, ...]:
    """What is wrong with agents that are not among the names, a line each."""
    return _source.problems() if _source is not None else ()


def get(name: str) -> Adapter:
    """The adapter of that name. Raises UnknownAgent, and ConfigError when its file is wrong."""
    if name in _ADAPTERS:
        return _ADAPTERS[name]
    adapter = _source.find(name) if _source is not None else None
    if adapter is not None:
        return adapter
    near = difflib.get_close_matches(name.lower(), names(), n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are: {', '.join(names())}"
    if _source is not None:
        hint += f"; this machine has no file for it in {_source.looked_in()}"
    raise errors.UnknownAgent(f"there is no agent {name!r}", hint)


def parse(text: str) -> tuple[str, str | None]:
    """``claude@2.1.197`` as name and version; the version is None when not given.

    Raises UnknownAgent and UsageError.
    """
    name, at, version = text.partition("@")
    if at and not versions.is_exact(version):
        adapter = get(name)
        example = adapter.tested[-1] if adapter.tested else "1.2.3"
        raise errors.UsageError(
            f"{version!r} is not one exact version of {name}", f"write it as {name}@{example}"
        )
    return get(name).name, version or None
