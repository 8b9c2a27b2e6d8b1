"""What a session's child may be: never more than its parent. Looks at directories, no more."""

from __future__ import annotations

import os
from pathlib import Path

from coders_queue import errors
from coders_queue.agents import registry
from coders_queue.models.spec import SessionSpec

#: The label of a child that names its parent, and the one that says how deep it is.
PARENT, DEPTH = "coders.parent", "coders.depth"

#: What a session can do with nobody asked: nothing, change its directory, anything.
_NOTHING, _EDITS, _ALL = 0, 1, 2


def power(spec: SessionSpec) -> int:
    """What a session of this request can do unasked.

    A command does whatever it does. Headless nobody can be asked, so that ``default`` has edits
    accepted there.
    """
    if not registry.get(spec.agent).takes_prompt or spec.permission == "full":
        return _ALL
    if spec.permission == "edit" or spec.mode == "headless":
        return _EDITS
    return _NOTHING


def check_power(parent: SessionSpec, child: SessionSpec) -> None:
    """Raises Denied for a child that could do more unasked than its parent."""
    own, wanted = power(parent), power(child)
    if wanted <= own:
        return
    if not registry.get(child.agent).takes_prompt:
        what = f"a session of {child.agent} runs any command, which you may not unasked"
        raise errors.Denied(what, "people give it: --permission full")
    if own == _NOTHING and child.permission == "default":
        what = "a headless session has its edits accepted, yours asks a person about each"
        raise errors.Denied(what, "begin it with interactive: people are asked in its terminal")
    raise errors.Denied(
        f"permission {child.permission} is more than yours, {parent.permission}",
        "a child may do no more than its parent",
    )


def directory_for(parent: SessionSpec, own: str, asked: str | None) -> str:
    """Where a child works: its parent's directory ``own``, or what was asked for below it.

    Raises Denied for a directory elsewhere, reached by a link or by ``..`` too, unless the parent
    may do anything anyway.
    """
    place = own if asked is None else os.path.join(own, asked)  # noqa: PTH118 - no tidying
    try:
        real, home = Path(place).resolve(strict=True), Path(own).resolve(strict=True)
    except (OSError, RuntimeError):
        raise errors.WorkspaceError(f"there is no directory {place[:200]}", "check cwd") from None
    if power(parent) < _ALL and not real.is_relative_to(home):
        raise errors.Denied(
            f"{str(real)[:200]} is not in your own directory", "a child works where its parent does"
        )
    return str(real)


def depth_of(spec: SessionSpec) -> int:
    """How deep a session is: 0 for one that people began."""
    told = spec.labels.get(DEPTH, "")
    return int(told) if told.isascii() and told.isdigit() and len(told) < 5 else 0
