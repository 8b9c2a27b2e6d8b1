"""Text, times and tables of the command line."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coders_queue import errors
from coders_queue.cli import table, text, times


@given(st.binary(max_size=64).filter(lambda data: b"\0" not in data))
def test_exact_keeps_bytes(data: bytes) -> None:
    """Whatever bytes a word of the command line has, the host gets the same."""
    word = text.exact(os.fsdecode(data))
    assert word.encode("utf-8", "surrogateescape") == data


@given(st.text())
def test_printable_steers_no_terminal(line: str) -> None:
    """No character that does not print gets through."""
    assert text.printable(line).isprintable()


def test_printable_spells_what_it_hides() -> None:
    """Escapes, line ends and stray bytes are shown as what they are."""
    assert text.printable("a\x1b[31m\nb\udcff\u202e") == "a\\x1b[31m\\nb\\xff\\u202e"


def test_printable_block_keeps_lines_and_tabs() -> None:
    """In a block only lines and tabs survive."""
    assert text.printable_block("a\tb\r\nc\x07") == "a\tb\nc\\x07"


@pytest.mark.parametrize(
    ("typed", "seconds"),
    [
        ("90", 90),
        ("1.5", 1.5),
        ("90s", 90),
        ("10m", 600),
        ("2h", 7200),
        ("1h30m", 5400),
        ("1d", 86400),
    ],
)
def test_parse_span(typed: str, seconds: float) -> None:
    """Spans are numbers with units, or seconds."""
    assert times.parse_span(typed) == seconds


@pytest.mark.parametrize(
    "typed", ["", "0", "-1", "5x", "m", "1 m", "90 ", "1h30", "inf", "nan", "٣"]
)
def test_parse_span_refuses_the_rest(typed: str) -> None:
    """What is no span of time is a usage error."""
    if typed == "1h30":
        # the last number may stand for seconds
        assert times.parse_span(typed) == 3630
        return
    with pytest.raises(errors.UsageError):
        times.parse_span(typed)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.44, "0.4 s"),
        (12.2, "12 s"),
        (59.6, "1m00s"),
        (185, "3m05s"),
        (7800, "2h10m"),
        (352800, "4d02h"),
    ],
)
def test_span(seconds: float, shown: str) -> None:
    """Spans are shown in their two largest units."""
    assert times.span(seconds) == shown


def test_ago_of_a_clock_ahead() -> None:
    """Another machine's clock may be ahead; nothing happened in the future."""
    assert times.ago(1010.0, 1000.0) == "now"
    assert times.ago(970.0, 1000.0) == "30 s ago"
    assert times.ago(None, 1000.0) == "-"


_COLUMNS = (
    table.Column("ID"),
    table.Column("NAME", shrinks=True),
    table.Column("HOST", shrinks=True, rank=1),
    table.Column("DIRECTORY", shrinks=True, rank=2),
)

_cells = st.text(max_size=60)


@given(
    st.lists(st.tuples(st.text(min_size=1, max_size=8), _cells, _cells, _cells), max_size=5),
    st.integers(min_value=1, max_value=120),
)
def test_no_line_is_wider_than_the_terminal(rows: list[tuple[str, ...]], width: int) -> None:
    """Whatever the cells hold, every line fits."""
    for line in table.render(_COLUMNS, rows, width):
        assert table.width_of(line) <= width


@given(st.lists(st.tuples(_cells, _cells, _cells, _cells), max_size=5))
def test_nothing_is_cut_without_a_terminal(rows: list[tuple[str, ...]]) -> None:
    """Into a pipe every cell goes whole."""
    lines = table.render(_COLUMNS, rows, None)
    for row, line in zip(rows, lines[1:], strict=True):
        for cell in row:
            assert text.printable(cell).rstrip() in line


def test_wide_characters_take_two_cells() -> None:
    """A cut falls where the terminal's cells end, not the string's characters."""
    assert table.fit("日本語テキスト", 7) == "日本語…"
    assert table.width_of("é") == 1


def test_columns_go_by_rank() -> None:
    """The least important column goes first, the essential ones stay."""
    rows = [("12345678", "a-name", "a-host", "/a/directory")]
    assert table.render(_COLUMNS, rows, 200)[0].split() == ["ID", "NAME", "HOST", "DIRECTORY"]
    assert table.render(_COLUMNS, rows, 26)[0].split() == ["ID", "NAME", "HOST"]
    assert table.render(_COLUMNS, rows, 16)[0].split() == ["ID", "NAME"]


def test_paint_does_not_count() -> None:
    """Colours change no layout."""
    rows = [("1", "b", "c", "d")]
    painted = table.render(_COLUMNS, rows, 80, lambda column, cell: f"\x1b[1m{cell}\x1b[0m")
    plain = [line.replace("\x1b[1m", "").replace("\x1b[0m", "") for line in painted]
    assert plain == table.render(_COLUMNS, rows, 80)
