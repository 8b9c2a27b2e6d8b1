"""Making a directory of the session's own that shows the user's.

Links, not copies: what the tool writes through them (its conversations, a renewed login) is the
user's; what it replaces is the session's alone.
"""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

from coders_queue.models.launch import Overlay

#: Where the overlays of an attempt lie, in its directory.
ROOT = "home"


def make(directory: Path, overlay: Overlay, seeded: frozenset[Path]) -> None:
    """Make it in the attempt's directory; again, it adds what is missing.

    Its path begins with ``home/``. Entries at which a file of the plan will lie (``seeded``,
    absolute paths) are left out.
    """
    target = directory / overlay.path
    _make_private(target)
    source = Path(overlay.source)
    for name in overlay.keep:
        place = Path(overlay.keep_in or source) / name
        _make_private(place)
        _link(target / name, place)
    for entry in _entries(source):
        shown = overlay.only is None or entry.name in overlay.only
        if shown and entry.name not in overlay.skip and target / entry.name not in seeded:
            _link(target / entry.name, entry)


def remove(directory: Path) -> None:
    """Remove what the overlays of an attempt that is over left: copies of the user's settings."""
    shutil.rmtree(directory / ROOT, ignore_errors=True)  # links are removed, not followed


def _make_private(place: Path) -> None:
    # mkdir's own ``parents`` would leave those above open to everybody
    for missing in reversed([one for one in (place, *place.parents) if not one.exists()]):
        missing.mkdir(mode=0o700, exist_ok=True)


def _entries(source: Path) -> list[Path]:
    try:
        return sorted(source.iterdir())
    except OSError:
        return []


def _link(name: Path, place: Path) -> None:
    with contextlib.suppress(FileExistsError):
        name.symlink_to(place)
