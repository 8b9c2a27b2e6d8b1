"""Lines on a terminal that are drawn anew in their place; where that cannot be, one after the
other as they change."""

from __future__ import annotations

from collections.abc import Sequence

from coders_queue.cli.console import Console


class LiveBlock:
    """A block of lines on standard error."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._drawn = 0
        self._last: list[str] = []
        dumb = console.environ.get("TERM", "dumb") == "dumb"
        self._redraws = console.err.isatty() and not dumb

    @property
    def redraws(self) -> bool:
        """Whether lines are replaced; else only new ones are written."""
        return self._redraws

    def show(self, lines: Sequence[str]) -> None:
        """Have these lines be what is seen."""
        if list(lines) == self._last:
            return
        stream = self._console.err
        if self._redraws:
            up = f"\x1b[{self._drawn}F" if self._drawn else ""
            stream.write(up + "".join(f"\x1b[2K{line}\n" for line in lines) + "\x1b[J")
            self._drawn = len(lines)
        else:
            known = set(self._last)
            stream.writelines(f"{line}\n" for line in lines if line not in known)
        stream.flush()
        self._last = list(lines)
