"""What this host remembers on its own disk: its sessions' records, and what it did on its own.

One SQLite file, private. The records are a copy, for the time in which the store is away; the
entries of the journal are all there is of what they say, until they were done in the store.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterable
from pathlib import Path

import structlog
from pydantic import ValidationError

from coders_queue import errors
from coders_queue.models.record import SessionRecord
from coders_workers.local_store.entries import Entry

log = structlog.get_logger(__name__)

#: The file, in the state directory.
NAME = "host.sqlite"
#: How long another program that has the file open may hold it up, seconds.
_BUSY = 2.0

_TABLES = """
CREATE TABLE IF NOT EXISTS records (id TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS journal (
  number INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, operation TEXT NOT NULL,
  session TEXT NOT NULL, entry TEXT NOT NULL, refused TEXT
) STRICT;
"""


class Notebook:
    """The file. Thread-safe. Raises Unavailable when the disk takes nothing."""

    def __init__(self, path: Path) -> None:
        """Opens it. One that cannot be read is put aside, named in the log, and begun anew."""
        self._lock = threading.Lock()
        #: Where an unreadable one was put, if there was one.
        self.put_aside: Path | None = None
        try:
            self._open(path)
        except sqlite3.DatabaseError as error:
            if _is_out_of_room(error):
                raise errors.Unavailable(
                    f"{path} cannot be written: {error}", "free space on its disk"
                ) from None
            self.put_aside = path.with_name(f"{path.name}.unreadable-{int(time.time())}")
            for end in ("", "-wal", "-shm"):
                broken = path.with_name(path.name + end)
                if broken.exists():
                    broken.replace(self.put_aside.with_name(self.put_aside.name + end))
            log.critical("journal_unreadable", path=str(self.put_aside), cause=str(error))
            self._open(path)

    def _open(self, path: Path) -> None:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        database = sqlite3.connect(
            path, timeout=_BUSY, isolation_level=None, check_same_thread=False
        )
        try:
            database.execute("PRAGMA journal_mode=WAL")
            # an entry is on the disk when it counts as written
            database.execute("PRAGMA synchronous=FULL")
            # records and entries hold what agents get in their environment: gone is to be gone
            database.execute("PRAGMA secure_delete=ON")
            database.executescript(_TABLES)
            found = database.execute("PRAGMA quick_check").fetchone()[0]
            if found != "ok":
                raise sqlite3.DatabaseError(found)
        except BaseException:
            database.close()
            raise
        self._database = database

    # -- records -------------------------------------------------------------------------------

    def keep(self, records: Iterable[SessionRecord], gone: Iterable[str]) -> None:
        """Have these as they are now, and those no more."""
        rows = [(record.id, record.model_dump_json()) for record in records]
        ids = [(one,) for one in gone]
        with self._writing():
            self._database.executemany("INSERT OR REPLACE INTO records VALUES (?, ?)", rows)
            self._database.executemany("DELETE FROM records WHERE id = ?", ids)
        if ids:
            self._forget()

    def records(self) -> list[SessionRecord]:
        """All that it has. One that another version wrote is left out, and told."""
        with self._lock:
            rows = self._database.execute("SELECT id, record FROM records").fetchall()
        found = []
        for session_id, text in rows:
            try:
                found.append(SessionRecord.model_validate_json(text))
            except ValidationError as error:
                log.error("record_unreadable", session=session_id, cause=str(error)[:300])
        return found

    # -- journal -------------------------------------------------------------------------------

    def write(self, entry: Entry) -> int:
        """Write an entry down; its number. An activity takes the place of one before it."""
        row = (time.time(), entry.operation, entry.session, entry.encode())
        with self._writing():
            if entry.operation == "note_activity":
                self._database.execute(
                    "DELETE FROM journal WHERE operation = ? AND session = ?", row[1:3]
                )
            cursor = self._database.execute(
                "INSERT INTO journal (at, operation, session, entry) VALUES (?, ?, ?, ?)", row
            )
            return int(cursor.lastrowid or 0)

    def strike(self, number: int) -> None:
        """The entry was done in the store, or never came into force."""
        with self._writing():
            self._database.execute("DELETE FROM journal WHERE number = ?", (number,))

    def told(self) -> None:
        """All that could be done in the store is done: nothing of it is to be left."""
        self._forget()

    def refuse(self, number: int, why: str) -> None:
        """It cannot be done in the store. It stays, to be looked at."""
        with self._writing():
            self._database.execute(
                "UPDATE journal SET refused = ? WHERE number = ?", (why[:1000], number)
            )

    def entries(self) -> list[tuple[int, str, str, str]]:
        """Number, operation, session and text of those to be done, oldest first."""
        with self._lock:
            return self._database.execute(
                "SELECT number, operation, session, entry FROM journal WHERE refused IS NULL "
                "ORDER BY number"
            ).fetchall()

    def counts(self) -> tuple[int, int]:
        """How many entries are to be done, and how many were refused."""
        with self._lock:
            row = self._database.execute("SELECT count(*), count(refused) FROM journal").fetchone()
        return int(row[0]) - int(row[1]), int(row[1])

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._database.close()

    def _forget(self) -> None:
        """Write over what was deleted: the log of writes has it still."""
        with self._lock:
            self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _writing(self) -> _Writing:
        return _Writing(self._lock, self._database)


class _Writing:
    """One transaction; a full disk, or one that cannot be written, is Unavailable."""

    def __init__(self, lock: threading.Lock, database: sqlite3.Connection) -> None:
        self._lock, self._database = lock, database

    def __enter__(self) -> None:
        self._lock.acquire()
        try:
            self._database.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            self._lock.release()
            raise _unavailable(error) from None

    def __exit__(self, kind: type[BaseException] | None, error: object, _trace: object) -> None:
        try:
            self._database.execute("COMMIT" if kind is None else "ROLLBACK")
        except sqlite3.Error as failure:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            raise _unavailable(failure) from None
        finally:
            self._lock.release()
        if isinstance(error, sqlite3.Error):
            raise _unavailable(error) from None


def _is_out_of_room(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorname", "").startswith(
        ("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_BUSY")
    )


def _unavailable(error: sqlite3.Error) -> errors.Unavailable:
    return errors.Unavailable(
        f"the broker is away, and this host's journal cannot be written: {error}",
        "free space on the disk of the state directory",
    )
