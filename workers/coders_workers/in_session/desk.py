"""Who asks, and whether they may: every request of a session comes past here.

A request is its session's alone, shown by its token; what it may do is its verb's carrier's. A
wrong token is refused with one line, and noted in the event log.
"""

from __future__ import annotations

import hmac
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import structlog
from structlog.contextvars import clear_contextvars

from coders_queue import errors, ids, wire
from coders_queue.in_session import table
from coders_queue.in_session.verb import Verb
from coders_queue.models.record import SessionRecord
from coders_queue.store import kinds
from coders_workers.in_session.call import Call
from coders_workers.in_session.carriers import carriers
from coders_workers.server.station import Station
from coders_workers.supervisor import session_socket
from coders_workers.supervisor.host import correlate

log = structlog.get_logger(__name__)

Reply = Callable[[dict[str, Any]], None]

#: Threads for verbs that wait for nothing.
_THREADS = 4
#: Requests that wait for something: of one session, and of all.
_HELD_EACH, _HELD_ALL = 4, 256
#: Seconds between two notes of the same session's wrong tokens.
_NOTE_AGAIN = 10.0


class Desk:
    """Carries requests out, each on a thread of its pool, or on its own when it waits."""

    def __init__(self, station: Station) -> None:
        self._station = station
        self._carriers = carriers()
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="session")
        self._lock = threading.Lock()
        self._held: dict[str, int] = {}
        self._noted: dict[str, float] = {}

    def stop(self) -> None:
        """Take no more."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def carry(self, ref: str, line: bytes, gone: Callable[[], bool], reply: Reply) -> None:
        """Carry a request out and reply, on another thread. Raises Unavailable at the end."""
        try:
            self._pool.submit(self._guarded, ref, line, gone, reply)
        except RuntimeError:
            raise errors.Unavailable("the worker is stopping", "try again in a moment") from None

    def _guarded(self, ref: str, line: bytes, gone: Callable[[], bool], reply: Reply) -> None:
        clear_contextvars()
        try:
            verb, call = self._checked(ref, line, gone)
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets it
            reply(_told(error))
            return
        if not verb.holds:
            reply(self._outcome(verb, call))
        elif not self._take_place(ref):
            what = f"the session waits for {_HELD_EACH} answers already"
            reply(_told(errors.Conflict(what, "wait for one of them")))
        else:
            threading.Thread(
                target=self._hold, args=(verb, call, reply), name="session-wait", daemon=True
            ).start()

    def _hold(self, verb: Verb, call: Call, reply: Reply) -> None:
        try:
            reply(self._outcome(verb, call))
        finally:
            with self._lock:
                left = self._held[call.ref] - 1
                if left:
                    self._held[call.ref] = left
                else:
                    del self._held[call.ref]

    def _take_place(self, ref: str) -> bool:
        with self._lock:
            own, all_of_them = self._held.get(ref, 0), sum(self._held.values())
            if own >= _HELD_EACH or all_of_them >= _HELD_ALL:
                return False
            self._held[ref] = own + 1
            return True

    def _outcome(self, verb: Verb, call: Call) -> dict[str, Any]:
        correlate(call.record, call.record.id)
        try:
            return {"ok": self._carriers[verb.name](call)}
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets it
            return _told(error)

    def _checked(self, ref: str, line: bytes, gone: Callable[[], bool]) -> tuple[Verb, Call]:
        message = wire.decode(line)
        session_id, attempt = ids.parse_attempt_ref(ref)
        directory = self._station.host.attempt_path(session_id, attempt)
        access = session_socket.recall(directory)
        token = message.get("token")
        asked = str(message.get("verb"))
        if access is None:
            raise _over(session_id)
        if not isinstance(token, str) or not _same(token, access.token):
            self._note(ref, asked)
            raise errors.Denied(
                f"the token is not that of session {ids.short(session_id)}",
                "a session acts for itself alone, with the token of its own environment",
            )
        verb = table.load(asked)
        params = message.get("params") or {}
        if not isinstance(params, dict):
            raise errors.UsageError("'params' must be an object")
        request = message.get("request")
        if not isinstance(request, str) or not ids.is_name(request):
            raise errors.UsageError("'request' must be a name for this request alone")
        record = self._record(session_id, attempt)
        call = Call(self._station, record, directory, verb.checked(params), request, gone)
        return verb, call

    def _record(self, session_id: str, attempt: int) -> SessionRecord:
        record = self._station.store.get(session_id)
        name = self._station.host.name
        if record is None or record.attempt != attempt or record.host != name:
            raise _over(session_id)
        if not record.state.on_host:
            raise _over(session_id)
        return record

    def _note(self, ref: str, asked: str) -> None:
        """Leave a line in the event log, once for many: a flood of them would push out others'."""
        now = time.monotonic()
        with self._lock:
            if now < self._noted.get(ref, 0.0):
                return
            self._noted = {one: until for one, until in self._noted.items() if now < until}
            self._noted[ref] = now + _NOTE_AGAIN
        session_id, attempt = ids.parse_attempt_ref(ref)
        verb = asked if asked in table.SUMMARIES else None
        log.warning("session_token_refused", session=session_id, attempt=attempt, verb=verb)
        try:
            self._station.store.record_event(
                session_id, attempt, kinds.TOKEN_REFUSED, {"verb": verb}
            )
        except errors.Unavailable as error:
            log.warning("event_not_told", session=session_id, cause=str(error))


def _same(token: str, expected: str) -> bool:
    """Takes as long for a token that is nearly right as for any other."""
    try:
        return hmac.compare_digest(token.encode(), expected.encode())
    except UnicodeEncodeError:
        return False


def _over(session_id: str) -> errors.Conflict:
    return errors.Conflict(
        f"this attempt of session {ids.short(session_id)} is over, and its token with it",
        "a new attempt has a socket and a token of its own",
    )


def _told(error: Exception) -> dict[str, Any]:
    if isinstance(error, errors.CodersError):
        return {"error": error.to_wire()}
    log.exception("session_request_failed", exc_info=error)
    problem = errors.CodersError(
        f"the worker failed: {type(error).__name__}: {error}", "people see its log: coders doctor"
    )
    return {"error": problem.to_wire()}
