"""Worktrees of ended sessions, when their time is over and nothing in them would be lost.

What would be lost is judged where it always is, in :mod:`coders_workers.workspace.keep`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from coders_queue.models.record import SessionRecord
from coders_workers import workspace
from coders_workers.cleanup import archives
from coders_workers.cleanup.finding import Finding, size_of
from coders_workers.supervisor.host import Host


def find(host: Host, now: float) -> Iterator[Finding]:
    """Those of sessions that ended more than ``retention.worktrees`` ago."""
    notes = list(workspace.notes(host.paths.worktrees))
    records = host.store.get_many({note.session_id for note in notes})
    limit = now - host.settings.retention.worktrees
    places: list[Path] | None = None
    for note in notes:
        record = records.get(note.session_id)
        ended_at = _ended_at(host, note, record)
        if ended_at is None or ended_at > limit:
            continue
        root = note.prepared.root
        if not root.is_dir():
            if record is None:
                yield Finding(
                    "worktree", str(note.path), "its session and its worktree are gone",
                    size_of(note.path), partial(_forget, host, note.session_id),
                )  # fmt: skip
            continue
        if places is None:
            places = [Path(one.spec.place or "/") for one in host.store.list(live=True)]
        used = any(root == place or root in place.parents for place in places)
        stays = "a live session works in it" if used else workspace.why_kept(note.prepared)
        why = f"its session ended {(now - ended_at) / 86400:.0f} days ago"
        yield Finding(
            "worktree", str(root), why, 0 if stays else size_of(root),
            partial(_remove, note.prepared), stays,
        )  # fmt: skip


def _ended_at(host: Host, note: workspace.Noted, record: SessionRecord | None) -> float | None:
    if record is not None:
        return record.ended_at if record.state.ended else None
    return archives.last_of(host.paths.archive, note.session_id) or note.at


def _remove(prepared: workspace.Prepared) -> str | None:
    workspace.conclude(prepared)  # looks once more, with the repository's lock held
    if not prepared.root.exists():
        return None
    return workspace.why_kept(prepared) or "git would not remove it"


def _forget(host: Host, session_id: str) -> None:
    workspace.forget(session_id, host.paths.worktrees)
