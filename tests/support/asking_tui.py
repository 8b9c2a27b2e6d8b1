"""A tiny agent that asks for leave as Claude Code draws it. Nothing but the standard library.

It asks for each line of the file ``questions`` in its directory, then for lines that are added.
What it was told goes to the file ``told``: ``yes COMMAND``, ``no COMMAND``, ``here COMMAND``,
``said TEXT``, ``stray KEY``. A line that starts with ``deaf`` takes no key; at one that starts with
``write`` a person stands in its field for words. The file ``answer`` answers what is asked as a
person at the terminal would.
"""

from __future__ import annotations

import os
import select
import sys
import termios
from pathlib import Path

_RULE = "─" * 100
_BEGIN, _END = b"\x1b[200~", b"\x1b[201~"


def tell(what: str) -> None:
    """Note it."""
    with Path("told").open("a", encoding="utf-8") as file:
        file.write(what + "\n")


def menu(command: str) -> list[str]:
    """The question."""
    last = "❯ 3. words of mine" if command.startswith("write") else "  3. No"
    first = "  1. Yes" if command.startswith("write") else "❯ 1. Yes"
    return [
        *(f"● Bash({command})", "", _RULE, " Bash command", "", f"   {command}", "   What for", ""),
        *(
            " Do you want to proceed?",
            f" {first}",
            "   2. Yes, and don't ask again",
            f" {last}",
            "",
        ),
        " Esc to cancel · Tab to amend",
    ]


def main() -> None:
    """Run until killed."""
    if "--version" in sys.argv:
        print("2.1.197 (Claude Code)")
        return
    mode = termios.tcgetattr(0)
    mode[0] = mode[1] = mode[3] = 0
    termios.tcsetattr(0, termios.TCSAFLUSH, mode)
    os.write(1, b"\x1b[?2004h\x1b]2;\xe2\x9c\xb3 Claude Code\x07")
    done, draft, drawn = 0, "", ""
    said: list[str] = []
    while True:
        file = Path("questions")
        asked = file.read_text().splitlines() if file.exists() else []
        command = asked[done] if done < len(asked) else None
        shown = menu(command) if command else [*said, "● Ready.", "", _RULE, f"❯ {draft}", _RULE]
        picture = "\r\n".join(shown)
        if picture != drawn:
            os.write(1, b"\x1b[H\x1b[2J" + picture.encode())
            drawn = picture
        answer = Path("answer")
        if command and answer.exists():
            answer.unlink()
            tell(f"here {command}")
            done += 1
            continue
        if not select.select([0], [], [], 0.03)[0]:
            continue
        data = os.read(0, 65536)
        if command is None:
            text = data.replace(_BEGIN, b"").replace(_END, b"").decode(errors="replace")
            draft += text.rstrip("\r")
            if text.endswith("\r") and draft:
                tell(f"said {draft}")
                said.append(f"❯ {draft}")
                draft = ""
        elif command.startswith("deaf"):
            continue
        elif data in (b"1", b"\x1b"):
            tell(f"{'yes' if data == b'1' else 'no'} {command}")
            done += 1
        else:
            tell(f"stray {data!r}")


main()
