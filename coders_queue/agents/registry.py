"""Which agents there are. Owns their names and the spelling ``NAME@VERSION``."""

from __future__ import annotations

import difflib

from coders_queue import errors
from coders_queue.agents import versions
from coders_queue.agents.adapter import Adapter
from coders_queue.agents.claude.adapter import ClaudeAdapter
from coders_queue.agents.codex.adapter import CodexAdapter
from coders_queue.agents.gemini.adapter import GeminiAdapter
from coders_queue.agents.opencode.adapter import OpencodeAdapter
from coders_queue.agents.qwen.adapter import QwenAdapter
from coders_queue.agents.shell import ShellAdapter

_ADAPTERS: dict[str, Adapter] = {
    adapter.name: adapter
    for adapter in (
        ClaudeAdapter(),
        CodexAdapter(),
        GeminiAdapter(),
        OpencodeAdapter(),
        QwenAdapter(),
        ShellAdapter(),
    )
}


def names() -> tuple[str, ...]:
    """All agents, sorted."""
    return tuple(sorted(_ADAPTERS))


def get(name: str) -> Adapter:
    """The adapter of that name. Raises UnknownAgent."""
    try:
        return _ADAPTERS[name]
    except KeyError:
        near = difflib.get_close_matches(name.lower(), names(), n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else f"there are: {', '.join(names())}"
        raise errors.UnknownAgent(f"there is no agent {name!r}", hint) from None


def parse(text: str) -> tuple[str, str | None]:
    """``claude@2.1.197`` as name and version; the version is None when not given.

    Raises UnknownAgent and UsageError.
    """
    name, at, version = text.partition("@")
    if at and not versions.is_exact(version):
        raise errors.UsageError(
            f"{version!r} is not a version of {name or 'an agent'}", "write it as claude@2.1.197"
        )
    return get(name).name, version or None
