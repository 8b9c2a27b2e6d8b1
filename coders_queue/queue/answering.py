"""Answers to what waits for a person, given from anywhere: they travel to the session's host.

Knows the store and the queue's messages; how a key gets into a dialog is the host's.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import Protocol

from coders_queue import errors
from coders_queue.clock import Clock, system_clock
from coders_queue.models.approval import (
    ANSWER_WITHIN,
    MAX_TEXT,
    Answer,
    Approval,
    choose,
    ended,
)
from coders_queue.store.approvals import unknown
from coders_queue.store.base import Store

_POLL = 0.1
#: Seconds after which whoever answers is told that it did not get there.
PATIENCE = ANSWER_WITHIN - 0.5
_MOST_WORDS = 20_000


class Messages(Protocol):
    """What is sent to hosts."""

    def answer(self, host: str, approval_id: str, token: str, ttl: float) -> None:
        """Give the answer. Raises Unavailable."""


class Answering:
    """Finds what waits, and answers it."""

    def __init__(
        self,
        store: Store,
        messages: Messages,
        clock: Clock = system_clock,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._store = store
        self._messages = messages
        self._clock = clock
        self._sleep = sleep

    def waiting(self) -> list[Approval]:
        """What waits, the oldest first; of agents that are over nothing does."""
        found = self._store.approvals.list()
        records = self._store.get_many({one.session for one in found}) if found else {}
        live = []
        for one in found:
            record = records.get(one.session)
            if record is None or record.state.ended or record.attempt != one.attempt:
                self._store.approvals.close(one.id)
            else:
                live.append(one)
        return live

    def find(self, reference: str) -> Approval:
        """The approval of that id, start of one, or session that waits for one thing.

        Raises NotFound, Ambiguous.
        """
        found = self._store.approvals.find(reference)
        if found is not None:
            return found
        try:
            session_id = self._store.resolve(reference)
        except errors.Ambiguous:
            raise
        except errors.NotFound:
            raise unknown(reference) from None
        waiting = [one for one in self.waiting() if one.session == session_id]
        if not waiting:
            raise errors.NotFound(
                f"session {reference[:80]} waits for nothing", "see: coders approvals"
            )
        if len(waiting) > 1:
            names = ", ".join(one.id for one in waiting)
            raise errors.Ambiguous(f"{reference[:80]} waits for several answers", names)
        return waiting[0]

    def answer(
        self,
        reference: str,
        *,
        by: str,
        choice: str | None = None,
        deny: bool = False,
        because: str | None = None,
    ) -> Approval:
        """Answer it; as it is then, ended.

        Raises NotFound, UsageError, Ambiguous for a choice there is not; Conflict where it waits no
        more or somebody else answers; Undelivered where nothing was given, TimedOut where the host
        did not take it, DeliveryInDoubt where nothing shows.
        """
        approval = self.find(reference)
        if not approval.waits:
            raise errors.Conflict(f"{approval.id} waits no more: it is {ended(approval)}")
        if by == f"session:{approval.session}":
            raise errors.Conflict("a session cannot answer what it asks itself")
        answer = self._answer(approval, by, choice, deny, because)
        self._store.approvals.claim(approval.id, answer)
        if approval.kind == "ask":
            self._store.approvals.settle(approval.id, answer.token)
            return self._ended(approval, answer)
        try:
            self._messages.answer(approval.host, approval.id, answer.token, ANSWER_WITHIN)
        except errors.Unavailable:
            self._store.approvals.withdraw(approval.id, answer.token, "the broker was away")
            raise
        return self._ended(approval, answer)

    def _answer(
        self, approval: Approval, by: str, choice: str | None, deny: bool, because: str | None
    ) -> Answer:
        for words in (choice, because):
            if words is not None and len(words) > _MOST_WORDS:
                raise errors.UsageError(f"an answer may have {_MOST_WORDS} characters at most")
        number, text = None, None
        if approval.kind == "ask" and not deny:
            number, text = _to_ask(approval, choice)
        elif not approval.digest and approval.kind != "ask":
            raise errors.Conflict(
                f"{approval.id} cannot be answered from here: what {approval.agent} shows cannot "
                "be read",
                f"answer it there: coders attach {approval.label}",
            )
        elif not deny:
            number = choose(approval, choice)
            text = approval.options[number - 1].text if number else None
            deny = number is not None and approval.options[number - 1].means == "deny"
        return Answer(
            token=uuid.uuid4().hex,
            choice=number,
            text=text,
            deny=deny,
            because=because,
            by=by,
            at=self._clock(),
        )

    def _ended(self, approval: Approval, answer: Answer) -> Approval:
        """Wait until it was given, or was not."""
        until = self._clock() + PATIENCE
        while True:
            now = self._store.approvals.get(approval.id)
            if now is None:
                raise unknown(approval.id)
            mine = now.answer is not None and now.answer.token == answer.token
            if not now.waits and mine:
                return now
            if not now.waits:
                raise errors.Conflict(f"{approval.id} waits no more: it is {ended(now)}")
            if not mine:
                raise errors.Undelivered(
                    now.failure or f"{approval.label}: somebody else answered",
                    f"look: coders approvals show {approval.id}",
                )
            if self._clock() >= until:
                raise self._too_late(approval, answer)
            self._sleep(_POLL)

    def _too_late(self, approval: Approval, answer: Answer) -> errors.CodersError:
        why = f"host {approval.host} did not take it within {ANSWER_WITHIN:g} s"
        if self._store.approvals.withdraw(approval.id, answer.token, why[:MAX_TEXT]) is not None:
            return errors.TimedOut(
                f"{approval.label}: {why}; nothing was pressed", "is its worker up: coders status"
            )
        return errors.DeliveryInDoubt(
            f"{approval.label}: its key may have been pressed, and nothing shows what came of it",
            f"look before you answer again: coders attach {approval.label}",
        )


def _to_ask(approval: Approval, words: str | None) -> tuple[int | None, str]:
    """What an agent that asks by itself is answered: one of its choices, or words."""
    if words is None or not words.strip():
        if approval.options:
            choose(approval, None)
        raise errors.UsageError(
            f"{approval.id} asks for words", f"coders approve {approval.id} TEXT"
        )
    if approval.options:
        try:
            number = choose(approval, words)
        except errors.UsageError:
            return None, words
        if number is not None:
            return number, approval.options[number - 1].text
    return None, words
