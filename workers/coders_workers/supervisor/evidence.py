"""What the transcripts that a tool writes say of a text: whether it came in since we looked first.

Reads files; knows no tool's format but that text in them is UTF-8, as it is or within JSON.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from coders_workers.supervisor import tool_files

_LIMIT = 16 * 1024 * 1024
#: Characters of the text's first line that are looked for.
_TELLING = 60


class Transcripts:
    """The growth of some files from now on, or of ``earlier`` ones their end."""

    def __init__(self, patterns: Sequence[str], since: float, *, earlier: bool = False) -> None:
        """``since``: epoch seconds before which nothing of this attempt was written."""
        self._patterns = patterns
        self._since = since
        back = _LIMIT if earlier else 0
        self._read = {path: max(0, _size(path) - back) for path in self._files()}

    def show(self, text: str) -> bool:
        """Whether the beginning of the text was written since."""
        searched = spellings(text)
        for path in self._files():
            start = self._read.get(path, 0)
            try:
                with path.open("rb") as file:
                    file.seek(start)
                    new = file.read(_LIMIT)
            except OSError:
                continue
            if any(one in new for one in searched):
                return True
        return False

    def _files(self) -> tuple[Path, ...]:
        return tool_files.transcript_files(self._patterns, self._since) if self._patterns else ()


#: Makes a look at the transcripts of the attempt in question, from now on.
Watch = Callable[[], Transcripts]


def spellings(text: str) -> tuple[bytes, ...]:
    """How the beginning of a text may stand in a file."""
    head = text.strip().splitlines()[0].strip()[:_TELLING]
    quoted = (json.dumps(head)[1:-1], json.dumps(head, ensure_ascii=False)[1:-1], head)
    return tuple({one.encode("utf-8", "surrogateescape") for one in quoted})


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
