"""The private directory of an attempt."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from coders_queue import errors
from coders_workers import attempt_dir


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_all_that_is_made_is_private(tmp_path: Path) -> None:
    """Root, session and attempt are for their owner alone, whatever the umask."""
    before = os.umask(0)
    try:
        made = attempt_dir.create(tmp_path / "sessions", "abc", 1)
    finally:
        os.umask(before)
    assert made == tmp_path / "sessions" / "abc" / "1"
    assert [mode(p) for p in (made, made.parent, made.parent.parent)] == [0o700] * 3


def test_making_it_again_finds_it(tmp_path: Path) -> None:
    """A second call leaves what is in it and closes what was left open to others."""
    made = attempt_dir.create(tmp_path, "abc", 1)
    (made / "output").write_bytes(b"x")
    made.chmod(0o755)
    assert attempt_dir.create(tmp_path, "abc", 1) == made
    assert (made / "output").read_bytes() == b"x"
    assert mode(made) == 0o700


@pytest.mark.parametrize("session_id", ["", ".", "..", "a/b", "-rf", "a\nb", "a" * 64, "ü", "\0"])
def test_an_id_that_leads_elsewhere_is_refused(tmp_path: Path, session_id: str) -> None:
    """No session's id names a directory outside of the root, or one that tools trip over."""
    with pytest.raises(errors.UsageError):
        attempt_dir.create(tmp_path, session_id, 1)
    assert list(tmp_path.iterdir()) == []


def test_attempts_count_from_one(tmp_path: Path) -> None:
    """Attempt 0 is no attempt."""
    with pytest.raises(errors.UsageError):
        attempt_dir.create(tmp_path, "abc", 0)


def test_a_link_in_its_place_is_refused(tmp_path: Path) -> None:
    """Somebody else's directory is not taken for an attempt's by way of a link."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "abc").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(errors.SetupError, match="in the way"):
        attempt_dir.create(tmp_path / "root", "abc", 1)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_the_list_has_attempts_and_nothing_else(tmp_path: Path) -> None:
    """Files beside the attempts, and attempts on their way out, are not listed."""
    for session_id, attempt in (("b", 10), ("b", 2), ("a", 1)):
        attempt_dir.create(tmp_path, session_id, attempt)
    (tmp_path / "b" / "workspace.json").write_text("{}")
    (tmp_path / "b" / "3").write_text("a file")
    (tmp_path / "b" / "04").mkdir()
    (tmp_path / "b" / ".5.gone").mkdir()
    (tmp_path / "stray").write_text("")
    assert [entry[:2] for entry in attempt_dir.all(tmp_path)] == [("a", 1), ("b", 2), ("b", 10)]
    assert all(entry.path.is_dir() for entry in attempt_dir.all(tmp_path))


def test_a_root_that_does_not_exist_has_no_attempts(tmp_path: Path) -> None:
    """A host that never ran anything has an empty list."""
    assert list(attempt_dir.all(tmp_path / "none")) == []


def test_the_last_attempt_takes_its_session_along(tmp_path: Path) -> None:
    """The session's directory goes when it is empty, not before; removing twice is fine."""
    first = attempt_dir.create(tmp_path, "abc", 1)
    second = attempt_dir.create(tmp_path, "abc", 2)
    os.mkfifo(first / "life")
    attempt_dir.remove(first)
    assert not first.exists()
    assert second.exists()
    attempt_dir.remove(second)
    attempt_dir.remove(second)
    assert list(tmp_path.iterdir()) == []


def test_a_removal_that_was_cut_short_is_finished(tmp_path: Path) -> None:
    """What a crash left of a removal goes with the next one."""
    made = attempt_dir.create(tmp_path, "abc", 1)
    (made.parent / ".1.gone" / "deep").mkdir(parents=True)
    attempt_dir.remove(made)
    assert list(tmp_path.iterdir()) == []


def test_removal_follows_no_link(tmp_path: Path) -> None:
    """A link that the agent put there is removed, and what it points to stays."""
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_text("x")
    made = attempt_dir.create(tmp_path / "root", "abc", 1)
    (made / "link").symlink_to(tmp_path / "precious")
    attempt_dir.remove(made)
    assert (tmp_path / "precious" / "file").read_text() == "x"


def test_a_whole_session_can_be_removed(tmp_path: Path) -> None:
    """Its attempts and what they share go; another session stays."""
    made = attempt_dir.create(tmp_path, "abc", 1)
    (made.parent / "workspace.json").write_text("{}")
    other = attempt_dir.create(tmp_path, "other", 1)
    attempt_dir.remove_session(tmp_path, "abc")
    attempt_dir.remove_session(tmp_path, "abc")
    assert list(tmp_path.iterdir()) == [other.parent]


def test_making_and_removing_at_once_end_well(tmp_path: Path) -> None:
    """Threads that make and remove attempts of one session neither fail nor leave anything."""

    def churn(attempt: int) -> None:
        for _ in range(30):
            made = attempt_dir.create(tmp_path, "abc", attempt)
            attempt_dir.remove(made)
            attempt_dir.remove(made)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(churn, [1, 2, 3, 3, 4, 4]))
    assert list(tmp_path.iterdir()) == []
