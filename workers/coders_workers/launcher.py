"""The launcher: what a tmux pane runs, as ``python -I -S launcher.pyc <attempt directory>``.

Owns how :mod:`coders_workers.attempt` becomes that one file. Every spawn waits for a Python to
start and to find, read and run eight modules; from one file, compiled ahead, the modules take a
tenth of that start instead of a third. It knows neither tmux nor the worker, and outlives both.
"""

from __future__ import annotations

import importlib.util
import marshal
import os
from pathlib import Path

import coders_workers.attempt

#: What the launcher is called.
NAME = "launcher.pyc"
#: The modules, each after those that it imports.
MODULES = ("files", "processes", "recording", "agent", "pane", "relay", "run")

_WAY_IN = """\
import marshal
import posix
import sys

for name, code in {modules!r}:
    module = sys.modules[name] = type(sys)(name)
    exec(marshal.loads(code), module.__dict__)
if len(sys.argv) != 2:
    sys.exit("usage: launcher.pyc ATTEMPT_DIRECTORY")
# the interpreter's own farewell takes milliseconds
posix._exit(sys.modules["coders_workers.attempt.run"].main(sys.argv[1]))
"""
#: Without docstrings, which nobody reads there.
_OPTIMIZE = 2


def build(directory: Path) -> Path:
    """Write the launcher into a private directory, for the Python that runs this; its path."""
    package = Path(coders_workers.attempt.__file__).parent
    modules = []
    for name in MODULES:
        path = package / f"{name}.py"
        code = compile(path.read_bytes(), str(path), "exec", optimize=_OPTIMIZE)
        modules.append((f"coders_workers.attempt.{name}", marshal.dumps(code)))
    whole = compile(_WAY_IN.format(modules=modules), NAME, "exec", optimize=_OPTIMIZE)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    # launchers of an earlier worker may be reading the old one: it is replaced, not written over
    fresh = directory / f"{NAME}.{os.getpid()}"
    fresh.write_bytes(importlib.util.MAGIC_NUMBER + bytes(12) + marshal.dumps(whole))
    fresh.chmod(0o600)
    return fresh.replace(directory / NAME)
