"""Templates of a command line: words with placeholders, filled in without any shell.

A placeholder is a whole word, or all that follows an option's ``=``: whatever it stands for stays
one argument.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence

#: What each placeholder stands for.
PLACEHOLDERS: Mapping[str, str] = {
    "task": "the prompt",
    "task_file": "a file that holds the prompt, when `prompt` is `file`",
    "model": "the model asked for",
    "resume": "the id of the conversation to go on with",
    "cwd": "the directory that the agent runs in",
    "home": "the session's own directory for the tool's configuration",
    "log_file": "a file that the session gets for what the tool logs",
}

_PLACEHOLDER = re.compile(r"\{([A-Za-z_]+)\}")
_WORD = re.compile(r"(-[^={}]*=)?\{([A-Za-z_]+)\}")


def checked(word: str) -> str:
    """The word. Raises ValueError when a placeholder in it is unknown or only a part of it."""
    if "\0" in word:
        raise ValueError("holds a NUL byte, which no argument can carry")
    for name in _PLACEHOLDER.findall(word):
        if name not in PLACEHOLDERS:
            near = difflib.get_close_matches(name, PLACEHOLDERS, n=1)
            hint = f"did you mean {{{near[0]}}}?" if near else f"there are: {_all()}"
            raise ValueError(f"has an unknown placeholder {{{name}}}; {hint}")
        if _WORD.fullmatch(word) is None:
            raise ValueError(
                f"has {{{name}}} as a part of a word: make it a word, or write --option={{{name}}}"
            )
    return word


def used(words: Iterable[str]) -> list[str]:
    """The placeholders in them."""
    return [name for word in words for name in _PLACEHOLDER.findall(word)]


def bare(words: Sequence[str], name: str) -> bool:
    """Whether a value beginning with a dash would be read as an option there."""
    ends = words.index("--") if "--" in words else len(words)
    return f"{{{name}}}" in words[:ends]


def fill(words: Iterable[str], values: Mapping[str, str]) -> tuple[str, ...]:
    """The words with what the placeholders stand for."""
    filled = []
    for word in words:
        match = _WORD.fullmatch(word)
        filled.append(f"{match[1] or ''}{values[match[2]]}" if match else word)
    return tuple(filled)


def _all() -> str:
    return ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
