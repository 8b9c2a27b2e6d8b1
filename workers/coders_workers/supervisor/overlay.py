"""Making a directory of the session's own that shows the user's.

Links, not copies: what the tool writes through them (its conversations, a renewed login) is the
user's; what it replaces is the session's alone.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from coders_queue.models.launch import Overlay


def make(directory: Path, overlay: Overlay, seeded: frozenset[Path]) -> None:
    """Make it in the attempt's directory; again, it adds what is missing.

    Entries at which a file of the plan will lie are left out, given as absolute paths.
    """
    target = directory / overlay.path
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    source = Path(overlay.source)
    for name in overlay.keep:
        place = Path(overlay.keep_in or source) / name
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        _link(target / name, place)
    for entry in _entries(source):
        shown = overlay.only is None or entry.name in overlay.only
        if shown and entry.name not in overlay.skip and target / entry.name not in seeded:
            _link(target / entry.name, entry)


def _entries(source: Path) -> list[Path]:
    try:
        return sorted(source.iterdir())
    except OSError:
        return []


def _link(name: Path, place: Path) -> None:
    with contextlib.suppress(FileExistsError):
        name.symlink_to(place)
