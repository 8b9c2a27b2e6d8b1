"""What of a screen has to change for it to be progress: all that no spinner and no clock can.

Left out are marks that turn, times, counts, and the tool's own line of work with all that is on it.
Shares stay: ``12/80`` and ``34%`` move only when something was done. And what was seen before is no
progress when it is seen again, so that whatever else turns in circles fools nobody.
"""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict

#: What tools turn while they work: braille, stars, blocks, circles, dots.
_MARKS = re.compile(
    r"[\u2800-\u28ff\u2722-\u274b\u25a0-\u25ff\u2580-\u259f\u2b1b-\u2b1e\u2b24\u2b1d\u00b7\u2022"
    r"\u23f5-\u23fa\u2219\u22b6\u22b7\u22c5*|/\\-]"
)
#: A line of work: how to stop it, or a turning mark at its begin and a time or an ellipsis.
_AT_WORK = re.compile(
    r"\b(?:esc|ctrl\+c)\b.{0,12}\b(?:interrupt|cancel|stop)\b|\binterrupt\)?\s*$|\btokens\b"
    r"|^\W*[\u2800-\u28ff\u2722-\u274b\u00b7*].*(?:…|\.\.\.|\d+\s?s\b)",
    re.IGNORECASE,
)
_SHARE = re.compile(r"\d+(?:\.\d+)?\s?%|\b\d+\s?/\s?\d+\b")
_NUMBER = re.compile(r"\d[\d.,:]*(?:\s?(?:ms|[smhdk])\b)?")
#: How many pictures are remembered.
_KEPT = 512


class Pictures:
    """Those that one terminal has shown."""

    def __init__(self) -> None:
        self._seen: OrderedDict[bytes, None] = OrderedDict()

    def new(self, lines: tuple[str, ...]) -> bool:
        """Whether the screen shows what it has never shown; the first one does."""
        digest = digest_of(lines)
        if digest in self._seen:
            self._seen.move_to_end(digest)
            return False
        self._seen[digest] = None
        if len(self._seen) > _KEPT:
            self._seen.popitem(last=False)
        return True


def digest_of(lines: tuple[str, ...]) -> bytes:
    """A screen's plain lines without what moves by itself."""
    kept = [still for line in lines if not _AT_WORK.search(line) and (still := _still(line))]
    return hashlib.blake2b("\n".join(kept).encode("utf-8", "surrogatepass"), digest_size=8).digest()


def _still(line: str) -> str:
    shares = " ".join(_SHARE.findall(line))
    words = _NUMBER.sub("", _SHARE.sub("", line))
    return " ".join((_MARKS.sub("", words) + " " + shares).split())
