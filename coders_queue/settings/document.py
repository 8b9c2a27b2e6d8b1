"""One configuration file: its values and the line of each key.

Owns opening a file safely and choosing its format. A project's file comes from a stranger, so a
pipe, a device, a huge file or a deeply nested one must neither hang nor break us.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coders_queue import errors
from coders_queue.settings.json_document import parse_json
from coders_queue.settings.keys import KeyPath
from coders_queue.settings.parsed import Malformed, Parsed
from coders_queue.settings.toml_document import parse_toml
from coders_queue.settings.yaml_document import parse_yaml

#: Endings of configuration files, and who reads them.
FORMATS: Mapping[str, Callable[[str], Parsed]] = {
    ".yaml": parse_yaml,
    ".yml": parse_yaml,
    ".json": parse_json,
    ".toml": parse_toml,
}

#: The largest file read, bytes. The YAML parser takes seconds for more.
MAX_BYTES = 64 * 1024


@dataclass(frozen=True)
class Document:
    """A file that was read."""

    file: Path
    data: Mapping[str, Any]
    lines: Mapping[KeyPath, int]
    others_read: bool
    """Whether any user of the machine may read the file."""

    def where(self, path: KeyPath) -> str:
        """``file:line`` of a key, or of the nearest key around it."""
        for end in range(len(path), 0, -1):
            if line := self.lines.get(path[:end]):
                return f"{self.file}:{line}"
        return str(self.file)


def read(file: Path) -> Document:
    """Read and parse a file. Raises ConfigError, with the line where there is one."""
    text, mode = _text(file)
    try:
        parsed = FORMATS[file.suffix](text)
    except Malformed as error:
        place = f"{file}:{error.line}" if error.line else str(file)
        raise errors.ConfigError(f"{place}: {error}") from None
    except RecursionError:
        raise errors.ConfigError(f"{file}: nested too deeply") from None
    if not isinstance(parsed.data, dict):
        raise errors.ConfigError(
            f"{file}:1: should hold keys and values at the top, for example log: {{level: debug}}"
        )
    return Document(file, parsed.data, parsed.lines, bool(mode & stat.S_IROTH))


def _text(file: Path) -> tuple[str, int]:
    try:
        # non-blocking: opening a pipe would wait for a writer
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as stream:
            mode = os.fstat(descriptor).st_mode
            if not stat.S_ISREG(mode):
                what = "a directory" if stat.S_ISDIR(mode) else "not a regular file"
                raise errors.ConfigError(f"{file}: is {what}, not a configuration file")
            raw = stream.read(MAX_BYTES + 1)
    except IsADirectoryError:
        raise errors.ConfigError(f"{file}: is a directory, not a configuration file") from None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        gone = isinstance(error, FileNotFoundError) and not file.is_symlink()
        hint = "check the path" if gone else "make it readable, or remove it"
        raise errors.ConfigError(f"{file}: cannot be read: {reason}", hint) from None
    if len(raw) > MAX_BYTES:
        raise errors.ConfigError(f"{file}: is larger than {MAX_BYTES} bytes")
    try:
        return raw.decode("utf-8-sig"), mode
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise errors.ConfigError(f"{file}:{line}: is not UTF-8", "save it as UTF-8") from None
