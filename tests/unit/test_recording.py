"""The reader of a recording."""

from __future__ import annotations

import gzip
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coders_workers import recording
from coders_workers.attempt.recording import Recording

#: Bytes that meet at UTF-8's edges: every kind of lead, continuation and plain byte.
EDGY = st.lists(
    st.sampled_from(
        [
            *(b"a", b"\n", b"\0", b"\xff", b"\x80", b"\x82", b"\x9f", b"\xa9"),
            *(b"\xc3", b"\xe2", b"\xf0", b"\xf4\x90", b"\xed\xa0\x80"),
            *("\u20ac".encode(), "\U0001f600".encode()),
        ]
    ),
    max_size=30,
).map(b"".join)
CHUNKS = st.lists(st.tuples(st.sampled_from("OE"), st.binary(min_size=1, max_size=40)), max_size=20)


@contextmanager
def recorded(
    chunks: list[tuple[str, bytes]], *, compressed: bool = False, timing: bytes | None = None
) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        output = b"".join(data for _, data in chunks)
        if compressed:
            (directory / "output.gz").write_bytes(gzip.compress(output))
        else:
            (directory / "output").write_bytes(output)
        lines = "".join(f"{stream} 0.000123 {len(data)}\n" for stream, data in chunks)
        (directory / "timing").write_bytes(lines.encode() if timing is None else timing)
        yield directory


@settings(deadline=None)
@given(CHUNKS, st.booleans())
def test_standard_output_is_what_its_stream_wrote(
    chunks: list[tuple[str, bytes]], compressed: bool
) -> None:
    """However the two streams are mixed, in an attempt's directory or an archive."""
    with recorded(chunks, compressed=compressed) as directory:
        expected = b"".join(data for stream, data in chunks if stream == "O")
        assert recording.stdout_bytes(directory) == expected
        assert recording.stdout_bytes(directory, 10) == expected[max(0, len(expected) - 10) :]


@settings(deadline=None)
@given(CHUNKS.filter(bool), st.data())
def test_timing_cut_anywhere_loses_no_standard_output(
    chunks: list[tuple[str, bytes]], data: st.DataObject
) -> None:
    """A crash may leave the last line half written: its stream's bytes are still attributed."""
    whole = "".join(f"{stream} 0.000123 {len(text)}\n" for stream, text in chunks).encode()
    last = f"{chunks[-1][0]} 0.000123 {len(chunks[-1][1])}\n"
    cut = data.draw(st.integers(1, len(last) - 1))
    with recorded(chunks, timing=whole[:-cut]) as directory:
        expected = b"".join(text for stream, text in chunks if stream == "O")
        assert recording.stdout_bytes(directory) == expected


@settings(deadline=None)
@given(CHUNKS, st.integers(0, 5))
def test_timing_that_ends_early_leaves_the_rest_to_standard_output(
    chunks: list[tuple[str, bytes]], known: int
) -> None:
    """Bytes that no line accounts for are not lost."""
    lines = "".join(f"{stream} 0.1 {len(text)}\n" for stream, text in chunks[:known])
    with recorded(chunks, timing=lines.encode()) as directory:
        expected = b"".join(t for n, (s, t) in enumerate(chunks) if s == "O" or n >= known)
        assert recording.stdout_bytes(directory) == expected


@pytest.mark.parametrize(
    "line", [b"\n", b"O\n", b"O x 3\n", b"O nan 3\n", b"O 0.1 -3\n", b"O 0.1 3 4\n", b"\xff\0\n"]
)
def test_a_garbled_line_leaves_the_rest_to_standard_output(tmp_path: Path, line: bytes) -> None:
    """Nothing after garbage is trusted, and nothing after it is lost."""
    (tmp_path / "output").write_bytes(b"erroutrest")
    (tmp_path / "timing").write_bytes(b"E 0.1 3\nO 0.1 3\n" + line + b"E 0.1 4\n")
    assert recording.stdout_bytes(tmp_path) == b"outrest"


def test_without_timing_all_is_standard_output(tmp_path: Path) -> None:
    """A missing file costs the attribution, not the answer."""
    (tmp_path / "output").write_bytes(b"answer")
    assert recording.stdout_bytes(tmp_path) == b"answer"


def test_an_attempt_that_never_printed_has_nothing(tmp_path: Path) -> None:
    """No output file is no error."""
    assert recording.stdout_bytes(tmp_path) == b""
    assert recording.tail_text(tmp_path, 100) == ("", False)
    assert list(recording.follow(tmp_path, lambda: True)) == []


@settings(deadline=None)
@given(EDGY, st.integers(0, 40), st.booleans())
def test_the_tail_is_an_end_of_the_whole_text(output: bytes, limit: int, compressed: bool) -> None:
    """Cut between characters, broken ones included, and never shorter than it must be."""
    whole = output.decode("utf-8", "replace")
    with recorded([("O", output)] if output else [], compressed=compressed) as directory:
        text, truncated = recording.tail_text(directory, limit)
    assert truncated == (len(output) > limit)
    assert whole.endswith(text)
    if not truncated:
        assert text == whole
    else:
        dropped = whole[: len(whole) - len(text)]
        # the cut is at most three bytes, the rest of one character, further than it has to be
        assert any(
            output[len(output) - limit + more :].decode("utf-8", "replace") == text
            for more in range(4)
        )
        assert dropped


def test_the_tail_has_both_streams(tmp_path: Path) -> None:
    """What a person saw is what they get."""
    with recorded([("O", b"out\n"), ("E", b"err\n")]) as directory:
        assert recording.tail_text(directory, 100) == ("out\nerr\n", False)


def test_the_writer_and_the_reader_agree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the launcher records is read back, stream by stream."""
    monkeypatch.chdir(tmp_path)
    written = Recording()
    for stream, data in ((b"O", b"one "), (b"E", b"oops"), (b"O", b"two")):
        written.add(stream, data)
    os.close(written.output)
    os.close(written.timing)
    assert recording.stdout_bytes(tmp_path) == b"one two"
    assert [piece.stream for piece in recording.pieces(tmp_path)] == ["O", "E", "O", "O"]
    assert recording.tail_text(tmp_path, 100) == ("one oopstwo", False)


def test_following_sees_every_byte_and_ends(tmp_path: Path) -> None:
    """From before the file exists, while it grows, to what came just before the end."""
    over, looked = threading.Event(), threading.Semaphore(0)
    seen: list[bytes] = []

    def pause(_: float) -> None:
        looked.release()
        over.wait(0.005)

    def read() -> None:
        seen.extend(recording.follow(tmp_path, over.is_set, pause=pause))

    reader = threading.Thread(target=read)
    reader.start()
    looked.acquire(timeout=10)  # it found no file, and waits
    with (tmp_path / "output").open("wb", buffering=0) as output:
        for number in range(50):
            output.write(b"line %d\n" % number)
            if number % 10 == 0:
                looked.acquire(timeout=10)
        output.write(b"last")
        over.set()
    reader.join(10)
    assert not reader.is_alive()
    assert b"".join(seen) == b"".join(b"line %d\n" % n for n in range(50)) + b"last"


@pytest.mark.parametrize("compressed", [False, True])
def test_following_starts_where_it_is_told(compressed: bool) -> None:
    """A reader that was cut off goes on from the byte it has."""
    with recorded([("O", b"0123456789")], compressed=compressed) as directory:
        assert b"".join(recording.follow(directory, lambda: True, offset=4)) == b"456789"
        assert b"".join(recording.follow(directory, lambda: True, offset=99)) == b""


def test_following_survives_the_removal_of_the_directory(tmp_path: Path) -> None:
    """An attempt that is archived and discarded meanwhile is still read to its end."""
    (tmp_path / "output").write_bytes(b"x" * 600_000)
    chunks = recording.follow(tmp_path, lambda: True)
    first = next(chunks)
    (tmp_path / "output").unlink()
    assert len(first + b"".join(chunks)) == 600_000


def test_waiting_for_news_gets_slower(tmp_path: Path) -> None:
    """A quiet session costs few looks, and is never left alone for longer than a quarter second."""
    (tmp_path / "output").write_bytes(b"")
    pauses: list[float] = []
    list(recording.follow(tmp_path, lambda: len(pauses) > 20, pause=pauses.append))
    assert pauses == sorted(pauses)
    assert 0 < pauses[0] < 0.05
    assert pauses[-1] == 0.25
