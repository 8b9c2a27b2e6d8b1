"""Texts, arguments, paths and environments made to break whatever re-reads them. Seeded.

Owns what is asked for; carries nothing anywhere.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal

#: Linux takes no longer argument, and no longer NAME=VALUE, its closing NUL included.
ARGUMENT_LIMIT = 128 * 1024
#: tmux refuses a longer command.
TMUX_LIMIT = 16 * 1024
TASK_LIMIT = 1024 * 1024
_SIZES = (
    *(TMUX_LIMIT - 1, TMUX_LIMIT, TMUX_LIMIT + 1, 4095, 4096, 4097, 65_535, 65_536),
    *(ARGUMENT_LIMIT - 2, ARGUMENT_LIMIT - 1),
)
_WORDS = (
    b"", b" ", b";", b"a;", b"\\;", b"a\\;", b";;", b"{", b"}", b"#", b"#{pane_id}", b"#(id)",
    b"%1", b"$HOME", b"${HOME}", b"$(id)", b"`id`", b"$$", b"~", b"~root", b"*", b"?", b"[a-z]",
    b"!!", b"'", b'"', b"''", b"\"'\"", b"\\", b"\\\\", b"\\n", b"\n", b"\r\n", b"\t",
    b"a\nb\n", b" x ",
    b"-", b"--", b"-c", b"--json", b"-- --", b"--env", b"=", b"a=b", b"@x", b"&", b"|", b">", b"<",
    b"\x1b[31m", b"\x1b[201~", b"\x1b]0;t\x07", b"\x03", b"\x04", b"\x7f", b"\x80", b"\xff",
    b"\xff\xfe", b"\xc3", b"\xed\xa0\x80", b"\xf0\x9f\xa4\x96", "ÄÖß".encode(), "e\u0301".encode(),
    "\u202eabc".encode(), "\ufeff".encode(), "\u2028".encode(), b"\\udc80", b"\\u0000", b"%s%n",
    b"{{x}}", b"null", b"\x00"[:0], b"EOF", b"C:\\x", b"../..", b"//", b".",
)  # fmt: skip

Channel = Literal["word", "file", "stdin"]


@dataclass(frozen=True)
class Case:
    """One session to ask for."""

    number: int
    arguments: tuple[bytes, ...]
    environment: tuple[tuple[bytes, bytes], ...]
    inherited: bool
    """Whether ``--env NAME`` takes the values from the caller's environment."""
    directory: tuple[bytes, ...]
    """Names of directories, one in the other."""
    task: bytes | None
    channel: Channel
    """How the task is handed to the command line."""
    interactive: bool
    wait: bool


def case(seed: int, number: int) -> Case:
    """The case of that number: the same for the same seed, whatever else was made."""
    chance = random.Random(f"{seed}/{number}")
    interactive = chance.random() < 0.2
    task, channel = (None, "word") if interactive else _task(chance)
    return Case(
        number=number,
        arguments=_arguments(chance),
        environment=tuple(
            (b"BENCH_%d" % index, _text(chance, ARGUMENT_LIMIT - 16))
            for index in range(chance.randint(0, 4))
        ),
        inherited=chance.random() < 0.5,
        directory=tuple(_name(chance) for _ in range(chance.randint(1, 3))),
        task=task,
        channel=channel,
        interactive=interactive,
        wait=chance.random() < 0.7,
    )


def coverage(cases: list[Case]) -> dict[str, int]:
    """How many of what is known to hurt is among them."""
    arguments = [word for one in cases for word in one.arguments]
    values = [value for one in cases for _, value in one.environment]
    tasks = [one.task for one in cases if one.task is not None]
    names = [name for one in cases for name in one.directory]
    return {
        "arguments": len(arguments),
        "arguments_over_16_KiB": sum(len(word) >= TMUX_LIMIT for word in arguments),
        "arguments_of_128_KiB": sum(len(word) == ARGUMENT_LIMIT - 1 for word in arguments),
        "words_that_end_in_a_semicolon": sum(word.endswith(b";") for word in arguments + names),
        "environment_values": len(values),
        "tasks": len(tasks),
        "tasks_of_1_MiB": sum(len(task) == TASK_LIMIT for task in tasks),
        "not_utf8": sum(_not_utf8(text) for text in [*arguments, *values, *tasks, *names]),
        "interactive": sum(one.interactive for one in cases),
    }


def _not_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return True
    return False


def _arguments(chance: random.Random) -> tuple[bytes, ...]:
    if chance.random() < 0.1:
        return tuple(_filled(chance, chance.choice(_SIZES)) for _ in range(chance.randint(1, 3)))
    return tuple(_text(chance, ARGUMENT_LIMIT - 1) for _ in range(chance.randint(0, 8)))


def _task(chance: random.Random) -> tuple[bytes | None, Channel]:
    kind = chance.random()
    if kind < 0.1:
        return None, "word"
    channel: Channel = chance.choice(("file", "stdin"))
    if kind < 0.15:
        return _filled(chance, TASK_LIMIT), channel
    if kind < 0.25:
        return _filled(chance, chance.randint(1, TASK_LIMIT)), channel
    if kind < 0.35:
        return _filled(chance, chance.choice(_SIZES)), channel
    text = _text(chance, ARGUMENT_LIMIT - 1)
    # a word with a dash in front is an option: such a task goes by file
    return text, channel if text.startswith(b"-") else "word"


def _text(chance: random.Random, limit: int) -> bytes:
    """One word, several glued together, or a size near a limit."""
    kind = chance.random()
    if kind < 0.45:
        return chance.choice(_WORDS)
    if kind < 0.95:
        return b"".join(chance.choice(_WORDS) for _ in range(chance.randint(2, 12)))
    return _filled(chance, min(limit, chance.choice(_SIZES)))


def _filled(chance: random.Random, size: int) -> bytes:
    """Exactly ``size`` bytes, no NUL, that do not begin with a dash; often with a ``;`` last."""
    block = bytes(chance.randint(1, 255) for _ in range(251)) + b"".join(_WORDS)
    text = (b"x" + block * (size // len(block) + 1))[:size]
    return text[:-1] + b";" if chance.random() < 0.3 else text


def _name(chance: random.Random) -> bytes:
    """A directory's name: anything but ``/`` and NUL, up to 255 bytes."""
    if chance.random() < 0.1:
        name = _filled(chance, 300)
    else:
        name = b"".join(chance.choice(_WORDS) for _ in range(chance.randint(1, 5)))
    name = name.replace(b"/", b"_")[:255]
    return b"d" + name[:254] if name in (b"", b".", b"..") else name
