"""The archive of an attempt."""

from __future__ import annotations

import errno
import gzip
import json
import os
import subprocess
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from coders_queue import errors
from coders_queue.models.spec import DirectoryWorkspace, SessionSpec
from coders_workers import archive, attempt_dir, recording

ID = "0f8c1d2e-aaaa-bbbb-cccc-121212121212"
SECRET = "sk-very-secret"


@pytest.fixture
def attempt(tmp_path: Path) -> Path:
    """An attempt with all that a launcher and an adapter may leave."""
    directory = attempt_dir.create(tmp_path / "sessions", ID, 1)
    (directory / "output").write_bytes(b"line of output\n" * 1000)
    (directory / "timing").write_bytes(b"O 0.1 15000\n")
    (directory / "exit").write_text("exit 0 1700000000.0\n")
    (directory / "started").write_text("42 1700000000.0 7\n")
    for private in ("launch", "stdin", "prompt.txt", "settings.json", "claim", "lock"):
        (directory / private).write_text(SECRET)
    os.mkfifo(directory / "life")
    return directory


def record() -> dict[str, Any]:
    spec = SessionSpec(
        agent="shell",
        argv=("true",),
        workspace=DirectoryWorkspace(path="/p\udcff"),
        env={"TOKEN": SECRET},
    )
    return {"id": ID, "spec": spec.model_dump(), "request": {"argsrepr": f"({SECRET!r},)"}}


def store(attempt: Path, root: Path, number: int = 1) -> archive.ArchiveManifest:
    return archive.archive_attempt(attempt, root, ID, number, record(), clock=lambda: 5.0)


def left(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))


def test_what_is_stored_and_where(attempt: Path, tmp_path: Path) -> None:
    """The recording and the record, under the id, with a manifest that names all of it."""
    root = tmp_path / "archive"
    manifest = store(attempt, root)
    place = root / "0f" / ID / "1"
    assert place == archive.location(root, ID, 1)
    names = {"output.gz", "timing", "exit", "started", "record.json"}
    assert {path.name for path in place.iterdir()} == names | {"manifest.json"}
    assert set(manifest.files) == names
    assert manifest == archive.read_manifest(place)
    assert (manifest.version, manifest.session, manifest.attempt) == (1, ID, 1)
    assert manifest.created_at == 5.0
    assert manifest.files["output.gz"].original_size == 15000
    assert manifest.files["output.gz"].size == (place / "output.gz").stat().st_size < 1000
    assert archive.verify(place) == []


def test_what_is_stored_is_private(attempt: Path, tmp_path: Path) -> None:
    """Nobody but the owner reads an archive, and no secret is in it."""
    root = tmp_path / "archive"
    store(attempt, root)
    for path in (root, *root.rglob("*")):
        assert path.stat().st_mode & 0o077 == 0
        if path.is_file():
            assert SECRET.encode() not in path.read_bytes()
    stored = json.loads((archive.location(root, ID, 1) / "record.json").read_text())
    assert stored["spec"]["env"] == {"TOKEN": "***"}
    assert stored["spec"]["workspace"]["path"] == "/p\udcff"
    assert stored["request"] is None


def test_an_archive_reads_like_the_attempt(attempt: Path, tmp_path: Path) -> None:
    """Output, tail and following are the same from both."""
    root = tmp_path / "archive"
    store(attempt, root)
    place = archive.location(root, ID, 1)
    assert recording.stdout_bytes(place) == recording.stdout_bytes(attempt)
    assert recording.tail_text(place, 777) == recording.tail_text(attempt, 777)
    followed = recording.follow(place, lambda: True, offset=3)
    assert b"".join(followed) == (attempt / "output").read_bytes()[3:]


def test_small_output_is_stored_as_it_is(attempt: Path, tmp_path: Path) -> None:
    """Compression starts above 4 KiB."""
    (attempt / "output").write_bytes(b"x" * 4096)
    store(attempt, tmp_path / "a")
    assert (archive.location(tmp_path / "a", ID, 1) / "output").read_bytes() == b"x" * 4096
    (attempt / "output").write_bytes(b"x" * 4097)
    store(attempt, tmp_path / "b")
    stored = (archive.location(tmp_path / "b", ID, 1) / "output.gz").read_bytes()
    assert gzip.decompress(stored) == b"x" * 4097


def test_the_same_attempt_gives_the_same_bytes(attempt: Path, tmp_path: Path) -> None:
    """Two archives of one attempt differ in nothing."""
    places = []
    for name in ("a", "b"):
        store(attempt, tmp_path / name)
        places.append(archive.location(tmp_path / name, ID, 1))
    for path in places[0].iterdir():
        assert path.read_bytes() == (places[1] / path.name).read_bytes()


def test_an_attempt_that_never_ran_is_archived_with_what_there_is(tmp_path: Path) -> None:
    """No output and no exit is a short manifest, not a failure."""
    manifest = store(attempt_dir.create(tmp_path / "s", ID, 1), tmp_path / "archive")
    assert set(manifest.files) == {"record.json"}


def test_a_second_time_changes_nothing(attempt: Path, tmp_path: Path) -> None:
    """The archive that is there is the answer, even once the attempt is gone."""
    root = tmp_path / "archive"
    first = store(attempt, root)
    (attempt / "output").write_bytes(b"later")
    assert store(attempt, root) == first
    archive.discard(attempt)
    archive.discard(attempt)
    assert not attempt.exists()
    assert store(attempt, root) == first


def test_many_at_once_make_one(attempt: Path, tmp_path: Path) -> None:
    """Eight archivers of an attempt agree, and none leaves anything behind."""
    root = tmp_path / "archive"
    with ThreadPoolExecutor(8) as pool:
        manifests = list(pool.map(lambda _: store(attempt, root), range(8)))
    assert all(manifest == manifests[0] for manifest in manifests)
    assert [path.name for path in (root / "0f" / ID).iterdir()] == ["1"]
    assert archive.verify(archive.location(root, ID, 1)) == []


def test_at_once_without_locks_makes_one(
    attempt: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the file system has no locks, the rename decides."""

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "no locks available")

    monkeypatch.setattr("fcntl.flock", refuse)
    root = tmp_path / "archive"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: store(attempt, root), range(8)))
    assert [path.name for path in (root / "0f" / ID).iterdir()] == ["1"]


def test_what_a_crash_left_is_swept(attempt: Path, tmp_path: Path) -> None:
    """A half-built archive of a dead worker is no archive, and goes."""
    root = tmp_path / "archive"
    leftover = root / "0f" / ID / ".building-1-dead"
    leftover.mkdir(parents=True)
    (leftover / "output.gz").write_bytes(b"half")
    store(attempt, root)
    assert [path.name for path in leftover.parent.iterdir()] == ["1"]


def test_a_damaged_archive_is_made_again_and_kept_aside(attempt: Path, tmp_path: Path) -> None:
    """While the attempt is there its archive can be put right; nothing is thrown away."""
    root = tmp_path / "archive"
    store(attempt, root)
    place = archive.location(root, ID, 1)
    (place / "timing").unlink()
    store(attempt, root)
    assert archive.verify(place) == []
    aside = [path for path in place.parent.iterdir() if path != place]
    assert len(aside) == 1
    assert (aside[0] / "output.gz").exists()


def test_nothing_to_archive_is_said(tmp_path: Path) -> None:
    """Neither attempt nor archive: one line, and no empty directories."""
    with pytest.raises(errors.NotFound, match="nothing to archive"):
        store(tmp_path / "none", tmp_path / "archive")
    assert left(tmp_path / "archive") == []


@pytest.mark.parametrize("what", ["link", "fifo", "directory"])
def test_what_is_no_file_is_refused(attempt: Path, tmp_path: Path, what: str) -> None:
    """An agent cannot have a secret archived by a link, nor hang the archiver on a FIFO."""
    (attempt / "output").unlink()
    if what == "link":
        (attempt / "output").symlink_to(attempt / "launch")
    elif what == "fifo":
        os.mkfifo(attempt / "output")
    else:
        (attempt / "output").mkdir()
    root = tmp_path / "archive"
    with pytest.raises(errors.SetupError):
        store(attempt, root)
    assert left(root) == []


def test_damage_is_found(attempt: Path, tmp_path: Path) -> None:
    """A changed byte, a short, a missing and a foreign file, a bad manifest: each is named."""
    root = tmp_path / "archive"
    store(attempt, root)
    place = archive.location(root, ID, 1)
    data = bytearray((place / "output.gz").read_bytes())
    data[-10] ^= 1
    (place / "output.gz").write_bytes(data)
    (place / "timing").write_bytes(b"O 0.1 1500\n")
    (place / "exit").unlink()
    (place / "foreign").write_bytes(b"")
    problems = archive.verify(place)
    assert [problem.split()[0] for problem in problems] == [
        "foreign",
        "exit",
        "output.gz",
        "timing",
    ]
    (place / "manifest.json").write_text('{"version": 2}')
    assert "manifest.json cannot be read" in archive.verify(place)[0]
    (place / "manifest.json").unlink()
    assert archive.verify(place) == ["manifest.json is missing"]


def test_memory_does_not_grow_with_the_output(attempt: Path, tmp_path: Path) -> None:
    """A large recording passes through in pieces."""
    with (attempt / "output").open("wb") as output:
        output.truncate(64 * 1024 * 1024)
    tracemalloc.start()
    try:
        store(attempt, tmp_path / "archive")
        assert tracemalloc.get_traced_memory()[1] < 8 * 1024 * 1024
    finally:
        tracemalloc.stop()


@pytest.mark.skipif(os.getuid() != 0, reason="mounting a small disk needs root")
def test_a_full_disk_is_said_and_leaves_nothing(attempt: Path, tmp_path: Path) -> None:
    """One clear line; no directory, no half file; and it goes well once there is room."""
    disk = tmp_path / "disk"
    disk.mkdir()
    (attempt / "output").write_bytes(os.urandom(1024 * 1024))
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "none", str(disk)], timeout=10, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("this machine does not let root mount a tmpfs")
    try:
        with pytest.raises(errors.SetupError, match="No space left on device") as caught:
            store(attempt, disk / "archive")
        assert "\n" not in str(caught.value)
        assert left(disk) == ["archive"]
        assert attempt.exists()
        subprocess.run(["mount", "-o", "remount,size=8m", str(disk)], timeout=10, check=True)
        store(attempt, disk / "archive")
        assert archive.verify(archive.location(disk / "archive", ID, 1)) == []
    finally:
        subprocess.run(["umount", str(disk)], timeout=10, check=True)


@pytest.mark.parametrize("step", ["fsync", "rename"])
def test_a_failing_disk_leaves_nothing(
    attempt: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """At whichever step the disk gives up, it is as if nothing was tried."""

    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    root = tmp_path / "archive"
    monkeypatch.setattr(os, step, fail)
    with pytest.raises(errors.SetupError, match="No space left"):
        store(attempt, root)
    monkeypatch.undo()
    assert left(root) == []
    store(attempt, root)
