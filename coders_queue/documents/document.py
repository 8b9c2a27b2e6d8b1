"""One file of keys and values: what it holds, and the line of each key.

Owns opening a file safely and choosing its format. A project's file comes from a stranger, so a
pipe, a device, a huge file or a deeply nested one must neither hang nor break us.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from coders_queue import errors
from coders_queue.documents.json_document import parse_json
from coders_queue.documents.parsed import KeyPath, Malformed, Parsed
from coders_queue.documents.toml_document import parse_toml
from coders_queue.documents.yaml_document import parse_yaml

#: Endings of such files, and who reads them.
FORMATS: Mapping[str, Callable[[str], Parsed]] = {
    ".yaml": parse_yaml,
    ".yml": parse_yaml,
    ".json": parse_json,
    ".toml": parse_toml,
}

#: The largest configuration file, bytes.
MAX_BYTES = 64 * 1024

#: What a file looks like, for an error.
EXAMPLE = "log: {level: debug}"


@dataclass(frozen=True)
class Document:
    """A file that was read."""

    file: Path
    data: Mapping[str, Any]
    lines: Mapping[KeyPath, int]
    others_read: bool
    """Whether any user of the machine may read the file."""
    blocks: Mapping[KeyPath, int] = field(default_factory=dict)
    """Of each text that is written line by line below its key, its first line."""

    def where(self, path: KeyPath) -> str:
        """``file:line`` of a key, or of the nearest key around it."""
        for end in range(len(path), 0, -1):
            if line := self.lines.get(path[:end]):
                return f"{self.file}:{line}"
        return str(self.file)

    def where_in(self, path: KeyPath, line: int) -> str:
        """``file:line`` of a line, from 1, of a text of several."""
        first = self.blocks.get(path)
        return self.where(path) if first is None else f"{self.file}:{first + line - 1}"


def read(
    file: Path, most: int = MAX_BYTES, what: str = "a configuration file", example: str = EXAMPLE
) -> Document:
    """Read and parse a file of at most so many bytes. Raises ConfigError, with the line where there
    is one.
    """
    text, mode = _text(file, most, what)
    parse = FORMATS.get(file.suffix)
    if parse is None:
        raise errors.ConfigError(
            f"{file}: the end of its name does not tell its format",
            f"give it one of: {', '.join(FORMATS)}",
        )
    try:
        parsed = parse(text)
    except Malformed as error:
        place = f"{file}:{error.line}" if error.line else str(file)
        raise errors.ConfigError(f"{place}: {error}") from None
    except RecursionError:
        raise errors.ConfigError(f"{file}: nested too deeply") from None
    if not isinstance(parsed.data, dict):
        raise errors.ConfigError(
            f"{file}:1: should hold keys and values at the top, for example {example}"
        )
    shared = bool(mode & stat.S_IROTH)
    return Document(file, parsed.data, parsed.lines, shared, parsed.blocks)


def _text(file: Path, most: int, what: str) -> tuple[str, int]:
    try:
        # non-blocking: opening a pipe would wait for a writer
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as stream:
            mode = os.fstat(descriptor).st_mode
            if not stat.S_ISREG(mode):
                kind = "a directory" if stat.S_ISDIR(mode) else "not a regular file"
                raise errors.ConfigError(f"{file}: is {kind}, not {what}")
            raw = stream.read(most + 1)
    except IsADirectoryError:
        raise errors.ConfigError(f"{file}: is a directory, not {what}") from None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        gone = isinstance(error, FileNotFoundError) and not file.is_symlink()
        hint = "check the path" if gone else "make it readable, or remove it"
        raise errors.ConfigError(f"{file}: cannot be read: {reason}", hint) from None
    if len(raw) > most:
        raise errors.ConfigError(f"{file}: is larger than {most} bytes")
    try:
        return raw.decode("utf-8-sig"), mode
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise errors.ConfigError(f"{file}:{line}: is not UTF-8", "save it as UTF-8") from None
