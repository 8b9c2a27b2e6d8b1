"""A clock that can be set, for the Python programs of a stand alone.

They find a ``sitecustomize`` that adds the seconds in a file to what ``time.time`` says. The broker
keeps the machine's time, as one on another machine does, and so do the agents' launchers, which
leave such files out: what they write down is of another time than what the worker reads on its
clock. (libfaketime cannot be had for this: with Debian 12's, ``time.sleep`` of Python 3.11 fails.)
"""

from __future__ import annotations

import os
from pathlib import Path

from bench.result import ROOT

_FOLDER, _FILE = "clock", "set-by"
_SITECUSTOMIZE = """
import pathlib, time
FILE = pathlib.Path(__file__).with_name("set-by")
TRUE, STEADY = time.time, time.monotonic
known, read_at = 0.0, 0.0

def time_():
    global known, read_at
    if STEADY() > read_at + 0.2:
        try:
            known = float(FILE.read_text())
        except (OSError, ValueError):
            pass
        read_at = STEADY()
    return TRUE() + known

time.time, time.time_ns = time_, lambda: int(time_() * 1e9)
"""


def environ(directory: Path) -> dict[str, str]:
    """What makes a program's clock one that :func:`set_by` sets."""
    folder = directory / _FOLDER
    folder.mkdir(mode=0o700)
    (folder / "sitecustomize.py").write_text(_SITECUSTOMIZE)
    set_by(directory, 0)
    return {"PYTHONPATH": os.pathsep.join(map(str, (folder, ROOT, ROOT / "workers")))}


def set_by(directory: Path, seconds: float) -> bool:
    """Set it to so many seconds beside the true time; False where there is no such clock."""
    folder = directory / _FOLDER
    if not folder.is_dir():
        return False
    fresh = folder / f"{_FILE}.new"
    fresh.write_text(f"{seconds}\n")
    fresh.replace(folder / _FILE)
    return True
