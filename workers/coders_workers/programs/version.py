"""Which version a program is.

A program from npm lies in its package, whose ``package.json`` says it; starting one only to ask
takes up to two seconds of a processor. Any other is asked once, and the answer kept for as long as
the file stays as it is.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

#: What a program is asked with, unless its adapter knows better.
VERSION = ("--version",)

_LOOK_UP = 6
_LIMIT = 1024 * 1024
#: How long a program may take to say its version, seconds: on a busy machine they are slow.
ASKING = 20.0
_SPELLED = re.compile(r"(?<![\w.])v?(\d+\.\d+(?:\.\d+)*(?:[-+][0-9A-Za-z.+_-]+)?)(?![\w])")


#: One program is asked at a time.
_ONE = threading.Lock()


class Broken(Exception):
    """The program does not say a version; the message says what it did instead."""


def of_package(program: Path, package: str) -> str | None:
    """The version of the npm package that the program is part of; None when it is part of none."""
    try:
        place = program.resolve(strict=True)
    except (OSError, RuntimeError):
        return None
    for directory in list(place.parents)[:_LOOK_UP]:
        try:
            with (directory / "package.json").open("rb") as file:
                said = json.loads(file.read(_LIMIT))
        except (OSError, ValueError, RecursionError):
            continue
        if isinstance(said, dict) and said.get("name") == package:
            version = said.get("version")
            return version if isinstance(version, str) else None
    return None


def ask(program: Path, path: str, timeout: float = ASKING, words: Sequence[str] = VERSION) -> str:
    """What ``PROGRAM --version`` says, in a home that holds nothing. Raises Broken."""
    with tempfile.TemporaryDirectory(prefix="coders-version-", ignore_cleanup_errors=True) as home:
        try:
            done = subprocess.run(
                [str(program), *words],
                env={"HOME": home, "PATH": path, "LANG": "C.UTF-8", "DISABLE_AUTOUPDATER": "1"},
                cwd=home,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=timeout,
            )
        except subprocess.TimeoutExpired:
            raise Broken(f"said nothing to {' '.join(words)} for {timeout:g} s") from None
        except OSError as error:
            raise Broken(f"does not run: {error.strerror}") from None
    said = done.stdout.decode("utf-8", "replace")
    found = _SPELLED.search(said)
    if done.returncode == 0 and found is not None:
        return found[1]
    noise = (said + done.stderr.decode("utf-8", "replace")).split("\n")
    last = next((" ".join(line.split()) for line in reversed(noise) if line.strip()), "nothing")
    shown = "".join(character for character in last if character.isprintable())[:200]
    raise Broken(f"ended with status {done.returncode} and said: {shown}")


class Asked:
    """Answers of programs, kept in a directory by the file's real path, time and size."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def version(self, program: Path, path: str, words: Sequence[str] = VERSION) -> str | None:
        """The program's version, asking it when the file is not the one that was asked before.

        None when it does not tell.
        """
        try:
            real = program.resolve(strict=True)
            about = real.stat()
        except (OSError, RuntimeError):
            return None
        # by the path it is called by, too: one program behind many links goes by its name
        file = self._directory / hashlib.sha256(os.fsencode(program)).hexdigest()[:24]
        mark: list[object] = [str(real), about.st_mtime_ns, about.st_size, *words]
        known = self._known(file, mark)
        if known is None:
            # a hundred sessions at once are no reason to start it a hundred times
            with _ONE:
                known = self._known(file, mark) or self._ask(program, path, words, file, mark)
        version = known.get("version")
        return version if isinstance(version, str) else None

    def _known(self, file: Path, mark: list[object]) -> dict[str, object] | None:
        try:
            known = json.loads(file.read_bytes())
        except (OSError, ValueError, RecursionError):
            return None
        return known if isinstance(known, dict) and known.get("of") == mark else None

    def _ask(
        self, program: Path, path: str, words: Sequence[str], file: Path, mark: list[object]
    ) -> dict[str, object]:
        try:
            said: str | None = ask(program, path, words=words)
        except Broken:
            said = None
        known: dict[str, object] = {"of": mark, "version": said}
        self._keep(file, known)
        return known

    def _keep(self, file: Path, known: dict[str, object]) -> None:
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=self._directory, prefix=".")
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                json.dump(known, stream)
            Path(name).replace(file)
        except OSError:
            return  # asked again the next time
