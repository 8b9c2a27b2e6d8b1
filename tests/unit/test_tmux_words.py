"""How tmux is spoken to and what it says, without tmux."""

from __future__ import annotations

from pathlib import Path

import pytest

from coders_queue.errors import MissingBinary, SetupError, SpawnError, UsageError, WorkspaceError
from coders_queue.models.launch import ExitStatus
from coders_workers.runtimes.base import Launch
from coders_workers.runtimes.tmux import version
from coders_workers.runtimes.tmux.control import quote
from coders_workers.runtimes.tmux.failures import explain
from coders_workers.runtimes.tmux.traces import Traces


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tmux 3.3a\n", (3, 3)),
        ("tmux 2.9\n", (2, 9)),
        ("tmux 3.10b\n", (3, 10)),
        ("tmux next-3.6\n", (3, 6)),
        ("tmux 3.5-rc\n", (3, 5)),
        ("tmux master\n", (999, 0)),
        ("tmux openbsd-7.4\n", (999, 0)),
        ("screen 4.9\n", None),
        ("", None),
    ],
)
def test_versions_are_read(text: str, expected: tuple[int, int] | None) -> None:
    """Releases, their letters, candidates and development versions are all understood."""
    assert version.parse(text) == expected


@pytest.mark.parametrize("says", ["", "hello"])
def test_a_program_that_is_no_tmux_is_refused(tmp_path: Path, says: str) -> None:
    """What prints no version, or does not run, is refused with a way out."""
    fake = tmp_path / "tmux"
    with pytest.raises(SetupError, match="does not run"):
        version.check(str(fake))
    fake.write_text(f"#!/bin/sh\necho {says}\n")
    fake.chmod(0o700)
    with pytest.raises(SetupError, match="printed no version"):
        version.check(str(fake))


def test_no_tmux_at_all_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without tmux on PATH the error says how to install it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SetupError, match="apt-get install tmux"):
        version.find()


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("plain", b"'plain'"),
        ("a;", b"'a;'"),
        ("it's", b"'it'\"'\"'s'"),
        ("$HOME \\ #{x}", b"'$HOME \\ #{x}'"),
        ("\udcff", b"''\"\\377\"''"),
        ("", b"''"),
    ],
)
def test_words_are_quoted(word: str, expected: bytes) -> None:
    """Single quotes keep all but themselves, and the byte that tmux's lexer stumbles over."""
    assert quote(word) == expected


@pytest.mark.parametrize("word", ["a\nb", "a\0b"])
def test_what_a_line_cannot_hold_is_refused(word: str) -> None:
    """A line break would end the command; it is refused rather than sent."""
    with pytest.raises(UsageError):
        quote(word)


def _launch(directory: Path) -> Launch:
    return Launch(
        ref="x_1",
        directory=directory,
        argv=("/bin/agent",),
        cwd="/work place",
        env={},
        terminal=False,
        merge_stderr=False,
        stdin=None,
        columns=80,
        rows=24,
    )


@pytest.mark.parametrize(
    ("line", "kind", "said"),
    [
        ("error 2 chdir 1.5 No such", WorkspaceError, "no such directory: /work place"),
        ("error 13 chdir 1.5 x", WorkspaceError, "cannot be entered: Permission denied"),
        ("error 2 exec 1.5 x", MissingBinary, "no such program: /bin/agent"),
        ("error 13 exec 1.5 x", SpawnError, "not executable"),
        ("error 8 exec 1.5 x", SpawnError, "first line"),
        ("error 7 exec 1.5 x", SpawnError, "too large"),
        ("error 12 exec 1.5 x", SpawnError, "Cannot allocate memory"),
        ("error 28 record 1.5 x", SpawnError, "No space left"),
        ("error 125 stop 1.5 x", SpawnError, "stopped before"),
        ("error 110 give-up 1.5 x", SpawnError, "never came"),
    ],
)
def test_each_failure_is_its_own_error(
    tmp_path: Path, line: str, kind: type[SpawnError], said: str
) -> None:
    """The line that the launcher leaves becomes the error that a user meets."""
    (tmp_path / "exit").write_text(line + "\n")
    error = explain(_launch(tmp_path), Traces(tmp_path))
    assert type(error) is kind
    assert said in error.message


def test_a_launcher_killed_early_shows_the_last_lines(tmp_path: Path) -> None:
    """Without any word of the launcher the last lines of output are what there is to tell."""
    (tmp_path / "output").write_bytes(b"x\n" * 5000 + b"one\r\n\xff\r\nlast\r\n")
    error = explain(_launch(tmp_path), Traces(tmp_path))
    assert error.message.endswith("last printed: x / x / one / \ufffd / last")


@pytest.mark.parametrize(
    ("text", "status", "at", "error"),
    [
        ("exit 3 12.5\n", ExitStatus(code=3), 12.5, None),
        ("signal 9 12.5\n", ExitStatus(signal=9), 12.5, None),
        ("exit 0 12.5\nrecording 28 No space left on device\n", ExitStatus(code=0), 12.5, None),
        (
            "error 2 exec 12.5 No such file or directory: '/x y'\n",
            ExitStatus(),
            12.5,
            "the agent's program cannot be run: No such file or directory: '/x y'",
        ),
    ],
)
def test_the_exit_file_is_read(
    tmp_path: Path, text: str, status: ExitStatus, at: float, error: str | None
) -> None:
    """Code, signal and failure to start come back as they were written."""
    (tmp_path / "exit").write_text(text)
    ended = Traces(tmp_path).ended()
    assert ended is not None
    assert (ended.status, ended.at, ended.error) == (status, at, error)


def test_an_attempt_nobody_touched_has_not_ended(tmp_path: Path) -> None:
    """Neither an empty directory nor a missing one is a lost session."""
    assert Traces(tmp_path).ended() is None
    assert Traces(tmp_path / "gone").ended() is None
    assert Traces(tmp_path / "gone").started() is None


def test_a_given_up_attempt_cannot_be_given_up_twice(tmp_path: Path) -> None:
    """Giving up takes the claim, so a launcher that comes late finds it taken."""
    assert Traces(tmp_path).give_up()
    assert not Traces(tmp_path).give_up()
    ended = Traces(tmp_path).ended()
    assert ended is not None
    assert ended.error is not None
