"""Shell completion, by argcomplete: commands, options, sessions and agents."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable
from typing import Any

from argcomplete.completers import BaseCompleter, DirectoriesCompleter, FilesCompleter
from argcomplete.finders import CompletionFinder
from argcomplete.shell_integration import shellcode

from coders_queue import errors, wire
from coders_queue.cli import grammar
from coders_queue.settings.paths import Paths

#: A shell waits while it completes: no answer in this time, seconds, is no completion.
_PATIENCE = 0.8
#: Agents to offer when no worker answers.
KNOWN_AGENTS = ("claude", "codex", "gemini", "merge", "opencode", "qwen", "shell")


def script(shell: str) -> str:
    """The script for a shell."""
    return shellcode(["coders"], shell=shell)


def complete() -> None:
    """Answer the shell and end the process."""
    typed = os.environ.get("COMP_LINE", "").split()
    parser = grammar.complete_parser(typed[1:3])
    for action in _actions(parser):
        completer = _COMPLETERS.get(getattr(action, "completes", ""))
        if completer is not None:
            action.completer = completer  # type: ignore[attr-defined]
    CompletionFinder()(parser, always_complete_options="long", default_completer=_Nothing())


def sessions(**_: Any) -> Iterable[str]:
    """Names of the sessions that live, ids of those without."""
    listed = _ask("ls", {"all": False, "owner": None, "limit": 200}).get("sessions", [])
    return [str(one.get("name") or one.get("id")) for one in listed]


def agents(**_: Any) -> Iterable[str]:
    """Names of the agents."""
    listed = _ask("agents", {}).get("agents", [])
    return [str(one.get("name")) for one in listed] or list(KNOWN_AGENTS)


class _Nothing(BaseCompleter):
    """For words that only the user can know."""

    def __call__(self, **_: Any) -> Iterable[str]:
        return ()


_COMPLETERS: dict[str, Any] = {
    "sessions": sessions,
    "agents": agents,
    "files": FilesCompleter(),
    "directories": DirectoriesCompleter(),
}


def _ask(verb: str, params: dict[str, Any]) -> dict[str, Any]:
    try:
        path = str(Paths.find(os.environ).host_socket)
        return wire.ask(path, verb, params, timeout=_PATIENCE, connect_timeout=_PATIENCE)
    except errors.CodersError:
        return {}


def _actions(parser: argparse.ArgumentParser) -> Iterable[argparse.Action]:
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for child in action.choices.values():
                yield from _actions(child)
