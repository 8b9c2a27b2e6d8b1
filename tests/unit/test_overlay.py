"""Directories of a session's own, and the files in them: the user's stay as they are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from coders_queue import errors
from coders_queue.models.launch import Overlay, SeedFile
from coders_workers.supervisor import overlay, private_file, tool_files

USERS = {"config.toml": "theirs", "config.toml.new": "theirs", "hooks/theirs.json": "theirs"}


def tree(root: Path) -> dict[str, str]:
    """Every file that is reached below, by its path."""
    return {
        str(Path(place, name).relative_to(root)): Path(place, name).read_text()
        for place, _, names in os.walk(root, followlinks=True)
        for name in names
    }


@pytest.fixture
def user(tmp_path: Path) -> Path:
    """The user's directory of configuration."""
    root = tmp_path / "user"
    for name, text in USERS.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def furnish(directory: Path, made: Overlay, *seeds: str) -> Path:
    """As a launch does it."""
    files = [SeedFile(path=f"home/tool/{name}", content=b"ours") for name in seeds]
    seeded = frozenset(directory / one.path for one in files)
    overlay.make(directory, made, seeded)
    for one in files:
        private_file.write(directory, one.path, one.content)
    return directory / "home/tool"


@pytest.mark.parametrize("times", [1, 2])
def test_a_file_of_the_session_writes_over_none_of_the_users(
    tmp_path: Path, user: Path, times: int
) -> None:
    """Not in a directory of theirs, not beside a file of a like name, not after a crash."""
    directory = tmp_path / "attempt"
    for _ in range(times):
        made = Overlay(path="home/tool", source=str(user))
        home = furnish(directory, made, "config.toml", "hooks/ours.json", "new/deep/ours.json")
    ours = {"config.toml": "ours", "hooks/ours.json": "ours", "new/deep/ours.json": "ours"}
    assert tree(home) == {**USERS, **ours}
    assert tree(user) == USERS
    assert (home / "config.toml").stat().st_mode & 0o777 == 0o600


def test_entries_inside_of_directories_are_carried_and_kept(tmp_path: Path, user: Path) -> None:
    """A login may lie in a directory of which nothing else is shown, and so may conversations."""
    kept = tmp_path / "kept"
    made = Overlay(
        path="home/tool",
        source=str(user),
        only=("hooks/theirs.json",),
        keep=("data/talks",),
        keep_in=str(kept),
    )
    home = furnish(tmp_path / "attempt", made)
    (home / "data/talks/one").write_text("said")
    assert tree(home) == {"hooks/theirs.json": "theirs", "data/talks/one": "said"}
    assert tree(kept) == {"data/talks/one": "said"}
    assert tree(user) == USERS


def test_a_file_that_a_link_leads_outside_is_refused(tmp_path: Path, user: Path) -> None:
    """Whatever put the link there."""
    directory = tmp_path / "attempt"
    (directory / "home").mkdir(parents=True)
    (directory / "home/tool").symlink_to(user)
    with pytest.raises(errors.SpawnError, match="outside of the session's own directory"):
        private_file.write(directory, "home/tool/config.toml", b"ours")
    assert tree(user) == USERS


def test_a_session_that_an_agent_began_outlives_it(tmp_path: Path, user: Path) -> None:
    """Its directory shows the user's own, not the links in the other session's directory."""
    first = furnish(
        tmp_path / "first", Overlay(path="home/tool", source=str(user), keep=("talks",))
    )
    second = furnish(
        tmp_path / "second", Overlay(path="home/tool", source=str(first), keep=("talks",))
    )
    overlay.remove(tmp_path / "first")
    (second / "talks/one").write_text("said")
    assert tree(second) == {**USERS, "talks/one": "said"} == tree(user)


def test_links_that_lead_nowhere_are_no_obstacle(tmp_path: Path, user: Path) -> None:
    """The tool sees them as they are."""
    (user / "gone").symlink_to(tmp_path / "nowhere")
    (user / "circle").symlink_to(user / "circle")
    home = furnish(tmp_path / "attempt", Overlay(path="home/tool", source=str(user)))
    assert (home / "gone").is_symlink()
    assert not (home / "gone").exists()
    assert (home / "circle").is_symlink()


def test_a_fifo_in_place_of_a_tools_file_holds_nobody_up(tmp_path: Path) -> None:
    """It is no file, and nobody may ever write to it."""
    os.mkfifo(tmp_path / "config.toml")
    assert tool_files.config([str(tmp_path / "config.toml")]) == {}
    assert tool_files.transcripts([str(tmp_path / "*")], 0.0) == ()


def test_links_in_a_circle_are_not_walked(tmp_path: Path) -> None:
    """An agent can leave some beside its tool's transcripts; a link to all of them is followed."""
    place = tmp_path / "talks"
    (place / "2026/11").mkdir(parents=True)
    for name in ("a", "b", "2026/c", "2026/11/d"):
        (place / name).symlink_to(place)
    wanted = {place / "rollout-1.jsonl", place / "2026/11/rollout-2.jsonl"}
    for file in (*wanted, place / "2026/other.jsonl"):
        file.write_text("{}")
    shown = tmp_path / "shown"
    shown.symlink_to(place)
    found = tool_files.transcript_files([f"{shown}/**/rollout-*.jsonl"], 0.0)
    assert {file.resolve() for file in found} == wanted
    assert len(tool_files.transcript_files([f"{shown}/**"], 0.0)) == 3
