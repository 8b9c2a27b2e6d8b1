"""Messages that wait for agents at their terminals, given to them when they wait for a prompt.

Only by the confirmed delivery that ``coders send`` has: never over a person's draft, never into a
question. What was certainly not typed is put back; what may have been typed is not, and comes again
later with the same id. Headless sessions, and agents that take no prompt, are left to ask.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal

import structlog

from coders_queue import errors, ids
from coders_queue.agents import registry
from coders_queue.agents.pushed_messages import as_prompt
from coders_queue.models.context import session as address_of
from coders_queue.models.lifecycle import State
from coders_queue.models.message import Message
from coders_queue.models.record import SessionRecord
from coders_workers.supervisor import pushed_prompt
from coders_workers.supervisor.deliver import Deliverer
from coders_workers.supervisor.host import Host, correlate
from coders_workers.supervisor.pushed_prompt import PushedPrompt

log = structlog.get_logger(__name__)

#: How many messages one prompt brings, and how many bytes of them.
_MOST, _MOST_BYTES = 10, 16 * 1024
#: Within this the agent takes them, or they wait for another time, seconds.
_TIMEOUT = 6.0
#: What came of it: all is well; something was in the way; nothing tells whether it was typed.
Came = Literal["done", "held up", "in doubt"]
#: Between two attempts for one that could not be given anything, seconds: at first, at most.
_FIRST, _LAST = 5.0, 60.0
#: How many are given something at a time: the threads are others', too.
_AT_ONCE = 3


class Pusher:
    """Brings messages to the sessions of one host. Thread-safe."""

    def __init__(self, host: Host, refs: Callable[[], set[str]], deliverer: Deliverer) -> None:
        self._host = host
        self._refs = refs
        self._deliverer = deliverer
        # the host's, not this process': what an earlier one had in hand is this one's at once
        self._reader = f"push {host.name}"
        self._guard = threading.Lock()
        self._busy: set[str] = set()
        #: Not before when, on the steady clock, and how long it waited last.
        self._later: dict[str, tuple[float, float]] = {}
        #: Delivered, but not acknowledged yet: the store was away.
        self._taken: dict[str, list[str]] = {}

    def turn(self) -> None:
        """Begin to bring what waits now. Raises Unavailable."""
        if not self._host.settings.mailboxes.push:
            return
        self._acknowledge_late()
        here = {ids.parse_attempt_ref(ref)[0] for ref in self._refs()}
        with self._guard:
            self._later = {one: at for one, at in self._later.items() if one in here}
        if not here:
            return
        mailboxes = set(self._host.store.mailboxes.addresses())
        wanted = [one for one in here if address_of(one) in mailboxes and self._is_due(one)]
        for record in self._host.store.get_many(wanted).values():
            if self._takes(record) and self._begin(record.id):
                self._host.submit(partial(self._bring, record))

    def _is_due(self, session_id: str) -> bool:
        with self._guard:
            at, _ = self._later.get(session_id, (0.0, 0.0))
            return at <= self._host.steady()

    def _takes(self, record: SessionRecord) -> bool:
        waits = (
            record.state is State.RUNNING
            and record.host == self._host.name
            and record.cancel_reason is None
            and record.spec.mode == "interactive"
            and record.activity is not None
            and record.activity.doing == "idle"
        )
        try:
            return waits and registry.get(record.spec.agent).takes_prompt
        except errors.CodersError:  # the file that describes it is gone, or broken since
            return False

    def _begin(self, session_id: str) -> bool:
        with self._guard:
            if session_id in self._busy or len(self._busy) >= _AT_ONCE:
                return False
            self._busy.add(session_id)
            return True

    def _bring(self, record: SessionRecord) -> None:
        came: Came = "in doubt"
        try:
            correlate(record, record.id)
            came = self._push(record)
        except errors.Unavailable:
            came = "held up"  # the store's: nothing was typed that is not written down
            raise
        finally:
            with self._guard:
                self._busy.discard(record.id)
                self._wait(record.id, came)

    def _wait(self, session_id: str, came: Came) -> None:
        """Note before when nothing more is brought to it."""
        if came == "done":
            self._later.pop(session_id, None)
            return
        _, waited = self._later.get(session_id, (0.0, 0.0))
        wait = min(_LAST, 2 * waited or _FIRST)
        if came == "in doubt":
            # asked for earlier, it would still be this process that has them in hand
            wait = self._host.settings.mailboxes.again_after + 1
        self._later[session_id] = (self._host.steady() + wait, min(wait, _LAST))

    def _push(self, record: SessionRecord) -> Came:
        """Bring what fits into one prompt, or the one that was begun."""
        store, address = self._host.store.mailboxes, address_of(record.id)
        directory = self._host.attempt_path(record.id, record.attempt)
        begun = pushed_prompt.recall(directory)
        taken = store.take(address, self._reader, _MOST)
        if begun is not None and not set(begun.ids) <= {one.id for one in taken}:
            begun = None  # somebody else has read them meanwhile
        if begun is None:
            messages = self._fitting(taken)
            if not messages:
                return "done"
            prompt = PushedPrompt(ids=tuple(one.id for one in messages), text=as_prompt(messages))
        else:
            prompt = begun
        store.release(address, self._reader, [one.id for one in taken if one.id not in prompt.ids])
        if begun is not None and self._deliverer.took(record, prompt.text):
            came: Came = "done"
        else:
            pushed_prompt.keep(directory, prompt)
            came = self._deliver(record, prompt, begun is not None)
        if came == "done" and self._acknowledge(address, prompt.ids):
            pushed_prompt.forget(directory)
        return came

    def _deliver(self, record: SessionRecord, prompt: PushedPrompt, again: bool) -> Came:
        store, address = self._host.store.mailboxes, address_of(record.id)
        about = {"session": record.id, "attempt": record.attempt, "count": len(prompt.ids)}
        try:
            left = prompt.text if again else None
            self._deliverer.deliver(record, prompt.text, _TIMEOUT, left=left)
        except errors.Undelivered as error:
            log.info("message_held_up", **about, cause=str(error))
            store.release(address, self._reader, prompt.ids)
            if self._deliverer.left(record) != prompt.text:
                pushed_prompt.forget(self._host.attempt_path(record.id, record.attempt))
            return "held up"
        except errors.UsageError as error:
            log.warning("message_refused", **about, cause=str(error))
            store.bury(address, self._reader, prompt.ids, error.message)
            return "done"
        except errors.CodersError as error:
            # it may stand in the conversation: not put back, and not to be told as new
            log.warning("message_in_doubt", **about, cause=str(error))
            return "in doubt"
        log.info("message_pushed", **about)
        return "done"

    def _fitting(self, messages: Sequence[Message]) -> Sequence[Message]:
        """The first of them that fit together."""
        count = size = 0
        for one in messages:
            size += len(one.text.encode("utf-8", "surrogateescape"))
            if count and size > _MOST_BYTES:
                break
            count += 1
        return messages[:count]

    def _acknowledge(self, address: str, delivered: Sequence[str]) -> bool:
        try:
            self._host.store.mailboxes.acknowledge(address, self._reader, delivered)
        except errors.Unavailable as error:
            log.warning("message_acknowledged_late", count=len(delivered), cause=str(error))
            with self._guard:
                self._taken.setdefault(address, []).extend(delivered)
            return False
        return True

    def _acknowledge_late(self) -> None:
        with self._guard:
            taken = dict(self._taken)
        for address, delivered in taken.items():
            self._host.store.mailboxes.acknowledge(address, self._reader, delivered)
            with self._guard:
                left = [one for one in self._taken[address] if one not in delivered]
                if left:
                    self._taken[address] = left
                else:
                    del self._taken[address]
