"""Prompts for agents that are at their terminals: one at a time for each, whole and once.

Knows sessions and adapters; how a text gets into a terminal is the submission's.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from coders_queue import errors, ids
from coders_queue.agents.adapter import Adapter, LaunchFacts
from coders_queue.models.record import SessionRecord
from coders_workers import workspace
from coders_workers.runtimes.base import Look, Runtime
from coders_workers.supervisor import environment, plan, undelivered
from coders_workers.supervisor.evidence import Transcripts
from coders_workers.supervisor.host import Host
from coders_workers.supervisor.submission import Receipt, Submission
from coders_workers.supervisor.terminal_view import Clock

log = structlog.get_logger(__name__)

#: Within this a text is delivered or its sender told why not, seconds.
TIMEOUT = 15.0
#: Seconds between two looks into the transcripts.
_TRANSCRIPTS = 0.3


#: A last word that interfaces complete (a file, a command), or a backslash that continues a line.
_OPEN = re.compile(r"(?:[@/#$]\S*|\\)\Z")


@dataclass
class _Slot:
    """One attempt's turn: who delivers to it waits here."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    users: int = 0
    left: str | None = None
    """A text of ours that stands unsent in its box."""


@dataclass(frozen=True)
class _Bound:
    """The terminal of one attempt."""

    runtime: Runtime
    ref: str
    directory: Path

    def look(self) -> Look:
        return self.runtime.look(self.ref)

    def unread(self) -> int | None:
        return self.runtime.unread(self.directory)

    def paste(self, text: str) -> None:
        self.runtime.paste(self.ref, text)

    def press(self, key: str) -> None:
        self.runtime.press(self.ref, key)

    def leave_copy_mode(self) -> None:
        self.runtime.leave_copy_mode(self.ref)


class Deliverer:
    """Delivers to the sessions of one host. Thread-safe."""

    def __init__(self, host: Host, clock: Clock | None = None) -> None:
        self._host = host
        self._clock = clock or Clock()
        self._slots: dict[str, _Slot] = {}
        self._guard = threading.Lock()

    def deliver(
        self,
        record: SessionRecord,
        text: str,
        timeout: float = TIMEOUT,
        abandoned: Callable[[], bool] = lambda: False,
        *,
        left: str | None = None,
    ) -> Receipt:
        """Give a running session's agent a prompt.

        Raises Undelivered when it was certainly not sent, DeliveryInDoubt when nothing tells,
        UsageError for a text that cannot be a prompt. ``abandoned`` is asked while nothing was
        typed yet. ``left``: what an earlier worker may have left unsent in its box.
        """
        record = plan.as_attempted(record)
        adapter = plan.adapter_for(record)
        text = _typeable(adapter, text)
        ref = ids.attempt_ref(record.id, record.attempt)
        began = self._clock.now()
        with self._turn(ref, record.label, timeout) as slot:
            slot.left = slot.left or left
            facts, version = self._about(record, adapter)
            submission = Submission(
                _Bound(self._host.runtime, ref, self._host.attempt_path(record.id, record.attempt)),
                adapter,
                version,
                text,
                label=record.label,
                timeout=max(1.0, timeout - (self._clock.now() - began)),
                written=self._written(record, adapter, facts, text),
                abandoned=abandoned,
                clock=self._clock,
            )
            try:
                receipt = submission.carry_out(left=slot.left)
                slot.left = None
            finally:
                if submission.pastes:
                    slot.left = text if submission.left else None
        log.info(
            "prompt_delivered",
            session=record.id,
            attempt=record.attempt,
            sign=receipt.sign,
            presses=receipt.presses,
            seconds=receipt.seconds,
        )
        return receipt

    def left(self, record: SessionRecord) -> str | None:
        """The text of ours that may stand unsent in its box."""
        with self._guard:
            slot = self._slots.get(ids.attempt_ref(record.id, record.attempt))
            return None if slot is None else slot.left

    def took(self, record: SessionRecord, text: str) -> bool:
        """Whether the tool's own transcript has the text already."""
        record = plan.as_attempted(record)
        adapter = plan.adapter_for(record)
        facts, _ = self._about(record, adapter)
        patterns = adapter.transcripts(record.spec, facts)
        since = record.started_at or record.created_at
        return bool(patterns) and Transcripts(patterns, since, earlier=True).show(text)

    @contextmanager
    def _turn(self, ref: str, label: str, timeout: float) -> Iterator[_Slot]:
        with self._guard:
            slot = self._slots.setdefault(ref, _Slot())
            slot.users += 1
        try:
            if not slot.lock.acquire(timeout=timeout):
                raise undelivered.busy(label, timeout)
            try:
                yield slot
            finally:
                slot.lock.release()
        finally:
            with self._guard:
                slot.users -= 1
                if not slot.users and slot.left is None:
                    self._slots.pop(ref, None)

    def _about(self, record: SessionRecord, adapter: Adapter) -> tuple[LaunchFacts, str | None]:
        """What the adapter was told at the start, and its program's version."""
        directory = self._host.attempt_path(record.id, record.attempt)
        prepared = workspace.recall(directory)
        cwd = str(prepared.cwd) if prepared else "/"
        facts = plan.facts_of(self._host, adapter, record, directory, cwd)
        try:
            path = environment.path_of(facts.environ)
            program = plan.program_for(self._host, adapter, record, path, cwd)
        except errors.CodersError:
            return facts, record.spec.version  # removed or replaced since
        return facts, program.version if program else None

    def _written(
        self, record: SessionRecord, adapter: Adapter, facts: LaunchFacts, text: str
    ) -> Callable[[], bool]:
        patterns = adapter.transcripts(record.spec, facts)
        transcripts = Transcripts(patterns, record.started_at or record.created_at)
        last = time.monotonic()

        def written() -> bool:
            nonlocal last
            if not patterns or time.monotonic() - last < _TRANSCRIPTS:
                return False
            last = time.monotonic()
            return transcripts.show(text)

        return written


def _typeable(adapter: Adapter, text: str) -> str:
    """The text as it is pasted. Raises UsageError for what would not become a prompt."""
    if not text.strip():
        raise errors.UsageError(
            "there is no text to send", "to press a key alone: coders send --key Enter"
        )
    first = text.lstrip()[0]
    if first in adapter.delivery.commands:
        raise undelivered.command(adapter.name, first)
    text = text.replace("\r\n", "\n")  # a paste's line end is one Enter, this would be two
    # Enter would choose from the list that the last word opens, or not be taken as Enter; a blank
    # after it ends the word, and tools trim it
    return f"{text} " if _OPEN.search(text) else text
