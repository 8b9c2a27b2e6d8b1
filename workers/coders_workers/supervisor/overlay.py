"""Making a directory of the session's own that shows the user's.

Links, not copies: what the tool writes through them (its conversations, a renewed login) is the
user's; what it replaces is the session's alone.
"""

from __future__ import annotations

import contextlib
import os
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
        _make_private((target / name).parent)
        _link(target / name, place)
    inner = [*seeded, *(target / name for name in (*overlay.keep, *(overlay.only or ())))]
    # in these something of the session's own lies: as links they would be the user's directories
    own = {parent for one in inner for parent in one.parents if target in parent.parents}
    only = None if overlay.only is None else {target / name for name in overlay.only}
    left = {*seeded, *(target / name for name in overlay.skip)}
    _show(target, source, only, left, own)


def _show(
    place: Path, source: Path, only: set[Path] | None, left: set[Path], own: set[Path]
) -> None:
    for entry in _entries(source):
        name = place / entry.name
        if name in left:
            continue
        shown = only is None or name in only
        if name not in own:
            if shown:
                _link(name, entry)
        elif entry.is_dir():
            _make_private(name)
            _show(name, entry, None if shown else only, left, own)


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
        # to where a link leads, not to the link: that may be in the directory of another session,
        # which began this one and can end before it
        name.symlink_to(os.path.realpath(place))
