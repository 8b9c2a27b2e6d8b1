"""Record ``./dev demo`` as it really runs: docs/images/demo.svg, an animation of a terminal.

``python docs/record_demo.py``. Runs the demo in a tmux of its own, with a home directory and a
state directory of its own, looks at the screen ten times a second, and ends all it started. Lines
that stay are drawn once, so a renderer without animation shows the last screen. ``./dev setup``
comes first and is not in the picture.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "docs" / "images" / "demo.svg"
COLUMNS, ROWS = 110, 58
TIMEOUT = 120.0

_CELL, _LINE, _MARGIN = 8.4, 18, 16
_COLOURS = ("#484f58", "#ff7b72", "#3fb950", "#d29922", "#58a6ff", "#bc8cff", "#39c5cf", "#b1bac4")
_SGR = re.compile(r"\x1b\[([0-9;]*)m")


@dataclass(frozen=True)
class Stay:
    """A text that stood in a row for a while."""

    row: int
    text: str
    begin: float
    end: float | None
    """None: to the last."""


def record() -> list[Stay]:
    """Run the demo and watch its screen."""
    room = Path(tempfile.mkdtemp(prefix="rec-"))
    home = room
    subprocess.run([str(ROOT / "dev"), "setup"], check=True, timeout=900)
    environ = {
        "HOME": str(home),
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "TERM": "tmux-256color",
        "LANG": "C.UTF-8",
    }
    (room / "rc").write_text("PS1='$ '\nunset HISTFILE\n")
    socket = str(room / "tmux.sock")
    tmux = ["tmux", "-S", socket, "-f", "/dev/null"]
    start = [*tmux, "new-session", "-d", "-x", str(COLUMNS), "-y", str(ROWS)]
    shell = ["bash", "--noprofile", "--rcfile", str(room / "rc"), "-i"]
    try:
        subprocess.run([*start, *shell], check=True, env=environ, cwd=ROOT, timeout=20)
        return _watch(tmux)
    finally:
        coders = [str(ROOT / ".venv" / "bin" / "coders"), "down"]
        subprocess.run(coders, env=environ, cwd=room, timeout=60, check=False)
        own = home / ".local" / "state" / "coders" / "run" / "tmux.sock"
        for one in (socket, str(own)):
            subprocess.run(["tmux", "-S", one, "kill-server"], check=False, timeout=20)
        shutil.rmtree(room, ignore_errors=True)


def _watch(tmux: list[str]) -> list[Stay]:
    stays: list[Stay] = []
    standing: dict[int, Stay] = {}
    command = "./dev demo"
    time.sleep(0.5)
    subprocess.run([*tmux, "send-keys", "-l", command], check=True, timeout=20)
    began = time.monotonic()
    entered = False
    while True:
        now = time.monotonic() - began
        if not entered and now > 1:
            subprocess.run([*tmux, "send-keys", "Enter"], check=True, timeout=20)
            entered = True
        rows = _screen(tmux)
        for row in range(ROWS):
            text = rows[row] if row < len(rows) else ""
            before = standing.get(row)
            if before is not None and before.text == text:
                continue
            if before is not None:
                stays.append(Stay(row, before.text, before.begin, now))
            standing[row] = Stay(row, text, now, None)
        plain = [_SGR.sub("", line).strip() for line in rows]
        if entered and plain and plain[-1] == "$" and len(plain) > 2:
            break
        if now > TIMEOUT:
            raise SystemExit("the demo did not end; its screen:\n" + "\n".join(plain))
        time.sleep(0.1)
    return [*stays, *standing.values()]


def _screen(tmux: list[str]) -> list[str]:
    done = subprocess.run(
        [*tmux, "capture-pane", "-e", "-p"], capture_output=True, text=True, check=True, timeout=20
    )
    lines, active = [], ""
    for line in done.stdout.rstrip("\n").split("\n"):
        # tmux carries attributes over from line to line
        lines.append(active + line)
        for code in _SGR.findall(line):
            active = "" if code in ("", "0") else f"{active}\x1b[{code}m"
    return lines


def render(stays: list[Stay]) -> str:
    """The SVG."""
    drawn = [stay for stay in stays if _SGR.sub("", stay.text).strip()]
    rows = max(stay.row for stay in drawn) + 1
    width = round(COLUMNS * _CELL + 2 * _MARGIN)
    height = rows * _LINE + 2 * _MARGIN
    styles, texts = [], []
    for number, stay in enumerate(sorted(drawn, key=lambda one: (one.begin, one.row))):
        y = _MARGIN + (stay.row + 0.75) * _LINE
        kind = "t" if stay.end is None else "t g"
        if stay.end is None:
            shown = f"off {stay.begin:.2f}s step-end"
        else:
            shown = f"on {stay.end - stay.begin:.2f}s step-end {stay.begin:.2f}s"
        styles.append(f"#r{number}{{animation:{shown}}}")
        place = f'id="r{number}" class="{kind}" x="{_MARGIN}" y="{y:g}" xml:space="preserve"'
        texts.append(f"<text {place}>{_spans(stay.text)}</text>")
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" role="img">',
            "<title>A recording of ./dev demo in a terminal</title>",
            "<!-- Made by `python docs/record_demo.py` from a real run: do not edit. -->",
            "<style>",
            ".t{font:14px ui-monospace,SFMono-Regular,Menlo,'DejaVu Sans Mono',monospace;"
            "fill:#e6edf3;white-space:pre}",
            ".g{opacity:0}.b{font-weight:700}.d{opacity:.6}",
            "@keyframes off{0%,100%{opacity:0}}",
            "@keyframes on{0%,100%{opacity:1}}",
            "@media (prefers-reduced-motion:no-preference){",
            *styles,
            "}",
            "</style>",
            f'<rect width="{width}" height="{height}" rx="8" fill="#0d1117"/>',
            *texts,
            "</svg>",
            "",
        ]
    )


def _spans(line: str) -> str:
    """A captured line as tspans."""
    parts, bold, dim, colour = [], False, False, ""
    for index, piece in enumerate(_SGR.split(line.rstrip())):
        if index % 2:
            for code in [int(word or 0) for word in piece.split(";")]:
                if code == 0:
                    bold, dim, colour = False, False, ""
                elif code in (1, 2, 22):
                    bold, dim = code == 1, code == 2
                elif 30 <= code <= 37 or 90 <= code <= 97:
                    colour = _COLOURS[code % 10]
                elif code == 39:
                    colour = ""
        elif piece:
            classes = " ".join(name for name, on in (("b", bold), ("d", dim)) if on)
            style = (f' class="{classes}"' if classes else "") + (
                f' fill="{colour}"' if colour else ""
            )
            text = escape(piece, quote=False)
            parts.append(f"<tspan{style}>{text}</tspan>" if style else text)
    return "".join(parts)


if __name__ == "__main__":
    TARGET.write_text(render(record()), encoding="utf-8")
