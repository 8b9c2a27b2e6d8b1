"""Text on its way in and out of the command line: exact bytes in, nothing harmful out."""

from __future__ import annotations

import os
import sys

_NATIVE = sys.getfilesystemencoding().lower() in ("utf-8", "utf8")


def exact(word: str) -> str:
    """A word of our own command line or environment, as the host spells the same bytes.

    Both ends take text as UTF-8 with surrogate escapes; under another locale's encoding Python has
    read our command line differently.
    """
    return word if _NATIVE else os.fsencode(word).decode("utf-8", "surrogateescape")


def of_bytes(data: bytes) -> str:
    """Bytes of a file as text that gives the same bytes back."""
    return data.decode("utf-8", "surrogateescape")


def printable(text: object) -> str:
    """One line that cannot steer a terminal: whatever does not print is spelled out."""
    line = str(text)
    if line.isprintable():
        return line
    return "".join(char if char.isprintable() else _spelled(char) for char in line)


def printable_block(text: str) -> str:
    """Like :func:`printable`, but lines stay lines and tabs stay tabs."""
    return "\n".join(
        "\t".join(printable(cell) for cell in line.split("\t"))
        for line in text.replace("\r\n", "\n").split("\n")
    )


def _spelled(char: str) -> str:
    if "\udc80" <= char <= "\udcff":
        return f"\\x{ord(char) - 0xDC00:02x}"
    if char in "\u00a0\u2007\u202f":
        return " "
    return char.encode("unicode_escape").decode("ascii")


def size(count: int) -> str:
    """A number of bytes: ``512 B``, ``1.5 kB``, ``2.0 GB``."""
    amount, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if amount < 1000:
            break
        amount, unit = amount / 1000, larger
    return f"{count} B" if unit == "B" else f"{amount:.1f} {unit}"
