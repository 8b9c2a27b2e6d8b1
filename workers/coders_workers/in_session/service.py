"""The sessions' sockets as one part of the worker: opened and closed with their attempts."""

from __future__ import annotations

import structlog

from coders_queue import ids
from coders_workers.in_session.desk import Desk
from coders_workers.in_session.socket_server import SessionSockets
from coders_workers.server.station import Station
from coders_workers.supervisor import session_socket
from coders_workers.supervisor.watch import Watched

log = structlog.get_logger(__name__)


class SessionService:
    """Serves every attempt that is under watch on this host."""

    def __init__(self, station: Station, watched: Watched) -> None:
        self._host = station.host
        self._desk = Desk(station)
        self._sockets = SessionSockets(self._desk.carry)
        self._watched = watched
        watched.added = self._open
        watched.dropped = self._close

    def start(self) -> None:
        """Begin to serve. Sockets may be opened before."""
        self._sockets.start()

    def tidy(self) -> None:
        """Remove what a killed worker left of attempts that are over. Before any is begun."""
        session_socket.remove_others(self._host.paths, self._watched.refs)

    def stop(self) -> None:
        """Serve no more; who calls waits for the next worker."""
        self._sockets.stop()
        self._desk.stop()

    def _open(self, ref: str) -> None:
        session_id, attempt = ids.parse_attempt_ref(ref)
        directory = self._host.attempt_path(session_id, attempt)
        access = session_socket.recall(directory)
        if access is None:
            return  # begun by a version that gave it none
        self._host.sayings.load(ref, directory, self._host.clock())
        try:
            self._sockets.open(ref, session_socket.place(self._host.paths, ref))
        except OSError as error:
            # the agent is worth more than what it might want to say
            log.warning(
                "session_socket_failed", session=session_id, attempt=attempt, cause=str(error)
            )

    def _close(self, ref: str) -> None:
        session_id, attempt = ids.parse_attempt_ref(ref)
        self._sockets.close(ref)
        self._host.sayings.forget(ref)
        directory = self._host.attempt_path(session_id, attempt)
        session_socket.remove(self._host.paths, directory, ref)
