"""The reader of a recording: what an attempt printed, and when.

The launcher writes two files. ``output`` holds the bytes of all streams in order of arrival.
``timing`` has a line ``O <seconds since the previous entry> <bytes>`` for each piece of it that
came from standard output or the terminal, and ``E ...`` for each that came from standard error.

Reads an attempt's directory and an archive of it alike (there ``output`` may be ``output.gz``),
while it is being written and after a crash cut it short. Writes nothing.
"""

from __future__ import annotations

import gzip
import io
import math
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from coders_workers import attempt_dir

#: A compressed ``output``, as archives have it.
COMPRESSED_OUTPUT = attempt_dir.OUTPUT + ".gz"

_CHUNK = 256 * 1024
#: The quickest and the slowest that a follower looks for news, seconds.
_QUICK, _SLOW = 0.02, 0.25
#: The longest character of UTF-8, bytes.
_LONGEST = 4

_Source = io.BufferedReader | gzip.GzipFile


class Piece(NamedTuple):
    """A stretch of the output that one stream wrote at once."""

    stream: Literal["O", "E"]
    delay: float
    """Seconds since the piece before it."""
    size: int | None
    """Bytes; None for what no timing line accounts for: all the rest."""


def pieces(directory: Path) -> Iterator[Piece]:
    """The recording's pieces, the unaccounted rest as the last.

    What a cut or garbled line leaves unaccounted belongs to the stream that the line names; where
    no line names one it counts as standard output: an answer must not be lost with its timing.
    """
    try:
        timing = (directory / attempt_dir.TIMING).open("rb")
    except FileNotFoundError:
        yield Piece("O", 0.0, None)
        return
    with timing:
        for line in timing:
            piece = _parse(line)
            if piece is None:
                yield Piece("E" if line.startswith(b"E") else "O", 0.0, None)
                return
            yield piece
    yield Piece("O", 0.0, None)


def stdout_chunks(directory: Path) -> Iterator[bytes]:
    """What came from standard output or the terminal, in order, in chunks of bounded size."""
    return _chunks(directory, "O")


def _chunks(directory: Path, stream: Literal["O", "E"]) -> Iterator[bytes]:
    source = _open(directory)
    if source is None:
        return
    with source:
        for piece in pieces(directory):
            left = piece.size
            while left is None or left:
                chunk = source.read(_CHUNK if left is None else min(left, _CHUNK))
                if not chunk:
                    break
                if left is not None:
                    left -= len(chunk)
                if piece.stream == stream:
                    yield chunk


def stdout_bytes(directory: Path, limit: int | None = None) -> bytes:
    """What came from standard output or the terminal; with ``limit`` the last that many bytes."""
    return _joined(stdout_chunks(directory), limit)


def stderr_bytes(directory: Path, limit: int) -> bytes:
    """The last ``limit`` bytes of what came from standard error."""
    return _joined(_chunks(directory, "E"), limit)


def _joined(chunks: Iterator[bytes], limit: int | None) -> bytes:
    kept = bytearray()
    for chunk in chunks:
        kept += chunk
        if limit is not None and len(kept) > limit + 16 * _CHUNK:
            del kept[: len(kept) - limit]
    if limit is not None:
        del kept[: max(0, len(kept) - limit)]
    return bytes(kept)


def tail_text(directory: Path, limit: int) -> tuple[str, bool]:
    """The end of all output as text, at most ``limit`` bytes of it, and whether more came before.

    What is not UTF-8 is replaced, and the cut is between two characters: the text is exactly an end
    of the whole output's text.
    """
    source = _open(directory)
    if source is None:
        return "", False
    with source:
        end, size = _end(source, limit + _LONGEST)
    if size <= limit:
        return end.decode("utf-8", "replace"), False
    return end[_boundary(end, len(end) - limit) :].decode("utf-8", "replace"), True


def follow(
    directory: Path,
    ended: Callable[[], bool],
    *,
    offset: int = 0,
    pause: Callable[[float], object] = time.sleep,
) -> Iterator[bytes]:
    """The output from byte ``offset`` on, in chunks, as it grows, until ``ended`` says so.

    ``ended`` is asked between looks; once it is true, everything written before is still delivered.
    A caller whose reader went away lets it be true, too. ``pause`` waits between looks; one that
    returns early (``Event.wait``) makes news quicker. Output that does not exist yet is awaited.
    """
    source: _Source | None = None
    rest = _QUICK
    try:
        while True:
            # asked before the look: what was written before the end is then always seen
            over = ended()
            if source is None:
                source = _open(directory)
                if source is not None:
                    source.seek(offset)
            while source is not None and (chunk := source.read(_CHUNK)):
                rest = _QUICK
                yield chunk
            if over:
                return
            pause(rest)
            rest = min(_SLOW, rest * 1.5)
    finally:
        if source is not None:
            source.close()


def _parse(line: bytes) -> Piece | None:
    words = line[:-1].split(b" ")
    if not line.endswith(b"\n") or len(words) != 3 or not words[2].isdigit():
        return None
    try:
        delay = float(words[1])
    except ValueError:
        return None
    if not math.isfinite(delay):
        return None
    if words[0] == b"O":
        return Piece("O", delay, int(words[2]))
    if words[0] == b"E":
        return Piece("E", delay, int(words[2]))
    return None


def _open(directory: Path) -> _Source | None:
    try:
        return (directory / attempt_dir.OUTPUT).open("rb")
    except FileNotFoundError:
        pass
    try:
        return gzip.open(directory / COMPRESSED_OUTPUT, "rb")
    except FileNotFoundError:
        return None


def _end(source: _Source, limit: int) -> tuple[bytes, int]:
    """The last ``limit`` bytes and the size of it all."""
    if isinstance(source, io.BufferedReader):
        size = os.fstat(source.fileno()).st_size
        source.seek(max(0, size - limit))
        # up to the size just seen and no further: it may be growing
        return source.read(min(size, limit)), size
    kept, size = bytearray(), 0
    while chunk := source.read(_CHUNK):
        size += len(chunk)
        kept += chunk
        del kept[: max(0, len(kept) - limit)]
    return bytes(kept), size


def _boundary(data: bytes, cut: int) -> int:
    """The first place, from ``cut`` on, where decoding all of ``data`` starts a character."""
    first, earliest = cut, max(0, cut - _LONGEST + 1)
    while earliest < first < len(data) and _continues(data[first]):
        first -= 1
    if first == cut:
        return cut
    return max(cut, first + _character(data[first : first + _LONGEST]))


def _continues(byte: int) -> bool:
    return byte & 0xC0 == 0x80


def _character(data: bytes) -> int:
    """How many bytes the first character of ``data`` takes, or what is replaced in its place."""
    try:
        return len(data.decode("utf-8")[:1].encode("utf-8"))
    except UnicodeDecodeError as error:
        if error.start == 0:
            return error.end
        return len(data[: error.start].decode("utf-8")[:1].encode("utf-8"))
