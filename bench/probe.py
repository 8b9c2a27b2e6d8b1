"""The agent of the exactness bench: writes down what it was started with, as raw bytes.

``probe.py DIRECTORY ANYTHING...``: argv, environment, directory and standard input go to files
there. Read from the kernel, not from Python, which would decode them. Standard library only.
"""

import os
import sys

# ruff: noqa: PTH109, PTH123 - pathlib is slow to import, and decodes


def _copy(source: str, target: str) -> None:
    with open(source, "rb") as read, open(target, "wb") as write:
        write.write(read.read())


def main(place: str) -> None:
    """Write all of it; the line in ``runs`` comes last."""
    _copy("/proc/self/cmdline", f"{place}/argv")
    _copy("/proc/self/environ", f"{place}/environ")
    with open(f"{place}/cwd", "wb") as write:
        write.write(os.getcwdb())
    with open(f"{place}/stdin", "wb") as write:
        if not os.isatty(0):
            while block := os.read(0, 1 << 20):
                write.write(block)
    runs = os.open(f"{place}/runs", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(runs, b"ran\n")


if __name__ == "__main__":
    main(sys.argv[1])
