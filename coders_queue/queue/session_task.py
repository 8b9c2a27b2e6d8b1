"""``coders.session``: a session as a Celery task, with no worker slot held while the agent runs.

The first delivery saves the request context with the session's record and raises ``Ignore``. When
the agent has ended, the same task id is sent again with that context; this time ``run`` finds the
outcome and returns it, so that Celery itself does links, errbacks, chains, chords and events.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol, cast

import structlog
from celery import Task
from celery.exceptions import Ignore, Reject
from celery.result import AsyncResult
from pydantic import ValidationError

from coders_queue import errors, ids
from coders_queue.merging.request import placed
from coders_queue.models.outcome import Outcome
from coders_queue.models.spec import SessionSpec
from coders_queue.queue import context, names
from coders_queue.queue.delivery import Delivery
from coders_queue.queue.dispatch import Dispatch
from coders_queue.queue.request import note_end
from coders_queue.store.base import Store

log = structlog.get_logger(__name__)

#: Before a message goes back for want of a store, seconds.
_PAUSE = 1.0


def parse_spec(data: Any) -> SessionSpec:
    """The request in a payload. Raises UsageError with the first thing wrong with it."""
    if isinstance(data, SessionSpec):
        return data
    try:
        return SessionSpec.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the session"
        what = first["msg"].removeprefix("Value error, ")
        raise errors.UsageError(f"{where}: {what}") from None


if TYPE_CHECKING:
    _Task = Task[Any, Any]
else:
    _Task = Task


class Services(Protocol):
    """What the task needs of the app it is registered with."""

    store: Store
    delivery: Delivery
    dispatch: Dispatch

    def announce(self, kind: str, task_id: str, /, **fields: Any) -> None:
        """Tell monitors an event of a session's."""


class SessionTask(_Task):
    """The task behind every session."""

    name = names.SESSION
    acks_late = True
    track_started = False  # STARTED is told by the host, when the agent's process lives
    send_events = False  # see request.py
    typing = False
    Request = "coders_queue.queue.request:SessionRequest"

    @property
    def _services(self) -> Services:
        return cast(Services, self.app)

    def apply_async(  # type: ignore[override]
        self,
        args: Any = None,
        kwargs: Any = None,
        task_id: str | None = None,
        **options: Any,
    ) -> AsyncResult[Any]:
        """Write the session down, then publish its message.

        In this order a lost message delays a session and never loses one. The request itself stays
        in the store: no prompt and no environment value travels in a message. Called by Celery for
        members of chains, groups and chords too. Raises UsageError for a request that is not one,
        and for ``expires`` and time limits, which would end a session behind the queue's back.
        """
        kwargs = dict(kwargs or {})
        spec = kwargs.pop("spec", None)
        if kwargs:
            raise errors.UsageError(
                f"coders.session takes only 'spec', not {', '.join(map(repr, sorted(kwargs)))}"
            )
        for option in ("expires", "time_limit", "soft_time_limit"):
            if options.pop(option, None) is not None:
                raise errors.UsageError(
                    f"a session cannot have Celery's {option!r}", "set 'timeout' in its spec"
                )
        countdown = options.pop("countdown", None)
        if countdown is not None:  # as a point in time it can be repeated, should the message be
            options["eta"] = datetime.now(UTC) + timedelta(seconds=countdown)
        task_id = task_id or ids.new_session_id()
        inputs = list(args or ())
        if spec is not None:
            self._services.store.submit(
                task_id,
                in_group(placed(parse_spec(spec), inputs), options.get("group_id")),
                inputs=inputs,
                publish=context.plain(options),
            )
        options.update(argsrepr="()", kwargsrepr="{}", shadow=None)
        return super().apply_async(tuple(inputs), {}, task_id=task_id, **options)

    def run(self, *inputs: Any, spec: Any = None) -> dict[str, Any]:
        """One delivery. Raises Ignore unless it is the one that carries the outcome away."""
        try:
            return self._arrived(inputs, spec)
        except errors.Unavailable as error:
            # the session is no failure for that. What is in the store is found there again; a
            # message that is all there is of a session goes back to its queue
            log.warning("delivery_delayed", session=str(self.request.id), cause=str(error))
            if spec is None:
                raise Ignore from None
            time.sleep(_PAUSE)
            raise Reject(str(error), requeue=True) from None

    def _arrived(self, inputs: tuple[Any, ...], spec: Any) -> dict[str, Any]:
        services = self._services
        request = self.request
        session_id = str(request.id)
        arrival = services.delivery.arrive(
            session_id,
            None if spec is None else placed(parse_spec(spec), inputs),
            context.save(request),
            inputs,
        )
        if arrival.first and arrival.record is not None:
            services.announce(
                "task-received", session_id, name=names.SESSION, kwargs=_title(arrival.record)
            )
        if arrival.verdict == "deliver" and arrival.outcome is not None:
            return self._deliver(arrival.outcome, arrival.record)
        if arrival.verdict == "wait" and arrival.record is not None:
            quorum = arrival.record.spec.quorum
            if quorum is not None and quorum.group is not None:
                services.dispatch.end_rest(quorum.group)  # it may come too late
            services.dispatch.fill()
        raise Ignore

    def _deliver(self, outcome: Outcome, record: Any) -> dict[str, Any]:
        note_end(outcome)
        chord: Any = self.request.chord
        if chord and record is not None:
            body_id = (chord.get("options") or {}).get("task_id")
            if body_id:
                self._services.store.watch_chord(body_id, outcome.id)
        if record is not None and record.spec.raise_on_failure and not outcome.ok:
            cause = outcome.cause.message if outcome.cause else outcome.state
            raise errors.AgentFailed(f"session {outcome.id} {outcome.state}: {cause}")
        return outcome.model_dump(mode="json")

    def on_success(self, retval: Any, task_id: str, args: Any, kwargs: Any) -> None:
        """Celery has stored the result."""
        self._services.delivery.delivered(task_id)

    def on_failure(self, exc: Any, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
        """Celery has stored the failure."""
        if isinstance(exc, errors.AgentFailed):
            self._services.delivery.delivered(task_id)


def in_group(spec: SessionSpec, group: str | None) -> SessionSpec:
    """The request with its quorum's group named, where that is the Celery group it is in.

    Raises UsageError where it is in none.
    """
    quorum = spec.quorum
    if quorum is None or quorum.group is not None:
        return spec
    if group is None and quorum.need > 1:
        raise errors.UsageError(
            "a quorum counts the sessions of a Celery group, and this session is in none",
            "submit it in a group or a chord's header, or name the quorum's group",
        )
    if group is None:
        return spec.model_copy(update={"quorum": None})  # Celery makes a chord of one a chain
    return spec.model_copy(update={"quorum": quorum.model_copy(update={"group": group})})


def _title(record: Any) -> str:
    """What monitors show of a session: no prompt, no environment."""
    parts = [f"agent={record.spec.agent!r}", f"mode={record.spec.mode!r}"]
    if record.spec.name:
        parts.append(f"name={record.spec.name!r}")
    return "{" + ", ".join(parts) + "}"
