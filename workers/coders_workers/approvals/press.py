"""One answer into one dialog: by its choice's own key, and only while that very dialog is shown.

An answer is begun once, by whoever has its token; what it meets is told to the store. Which answers
there are, and who may give them, is others'.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from coders_queue import errors, ids
from coders_queue.agents.adapter import Adapter
from coders_queue.agents.dialog import Dialog
from coders_queue.agents.screen import Screen
from coders_queue.models.approval import Answer, Approval
from coders_queue.models.lifecycle import State
from coders_queue.models.record import SessionRecord
from coders_workers.programs import chosen
from coders_workers.runtimes.base import Look
from coders_workers.supervisor import plan
from coders_workers.supervisor.deliver import Deliverer
from coders_workers.supervisor.host import Host
from coders_workers.supervisor.terminal_view import Clock

log = structlog.get_logger(__name__)

_POLL = 0.05
#: Seconds that a dialog may be half drawn, or what was typed before unread.
_SETTLES = 1.5
#: Seconds within which a key shows.
_TAKEN = 4.0
#: Seconds that the words after a denial may take.
_WORDS = 6.0


class Presser:
    """Answers on one host. Thread-safe."""

    def __init__(self, host: Host, deliverer: Deliverer, clock: Clock | None = None) -> None:
        """``deliverer`` brings in what is said after a denial."""
        self._host = host
        self._deliverer = deliverer
        self._clock = clock or Clock()
        self._busy: set[str] = set()
        self._guard = threading.Lock()

    def at_work(self, approval_id: str) -> bool:
        """Whether an answer to it is being given here now."""
        with self._guard:
            return approval_id in self._busy

    def press(self, approval_id: str, token: str) -> bool:
        """Give the answer of that token; False when it is another's, was begun, or is too late."""
        store = self._host.store.approvals
        with self._working(approval_id):
            approval = store.begin(approval_id, token)
            if approval is None or approval.answer is None:
                return False
            about = {"approval": approval_id, "session": approval.session}
            try:
                note = self._give(approval, approval.answer)
            except errors.CodersError as error:
                log.warning("answer_not_given", cause=error.message, **about)
                store.fail(approval_id, token, error.message)
                return False
            store.settle(approval_id, token, note)
            log.info("answer_given", by=approval.answer.by, **about)
            return True

    def _give(self, approval: Approval, answer: Answer) -> str | None:
        record = self._host.store.get(approval.session)
        running = record is not None and record.state is State.RUNNING
        if record is None or not running or record.attempt != approval.attempt:
            raise errors.Undelivered(f"{approval.label}: its agent has ended")
        adapter = plan.adapter_for(plan.as_attempted(record))
        ref = ids.attempt_ref(record.id, record.attempt)
        program = chosen.recall(self._host.attempt_path(record.id, record.attempt))
        there = _Dialogs(self._host, ref, adapter, program.version if program else None)
        key = self._ready(approval, answer, there)
        self._host.runtime.press(ref, key)
        self._taken(approval, there)
        return self._tell(record, answer)

    def _ready(self, approval: Approval, answer: Answer, there: _Dialogs) -> str:
        """Wait until the very dialog stands there; the key of the answer."""
        began = self._clock.now()
        while True:
            over = self._clock.now() - began >= _SETTLES
            look, dialog = there.see(approval.label)
            if dialog is None or dialog.digest != approval.digest:
                if over:
                    raise _changed(approval, dialog)
            elif look.in_mode:
                there.leave_copy_mode()
                if over:
                    raise errors.Undelivered(f"{approval.label}: a person scrolls in its terminal")
            elif dialog.busy:
                raise errors.Undelivered(
                    f"{approval.label}: a person is writing an answer in its terminal"
                )
            elif there.unread():
                if over:
                    raise errors.Undelivered(
                        f"{approval.label}: {approval.agent} does not read its keys"
                    )
            else:
                return _key(approval, answer, dialog)
            self._clock.sleep(_POLL)

    def _taken(self, approval: Approval, there: _Dialogs) -> None:
        """Wait until the dialog is gone, twice in a row: a screen may be half drawn."""
        began, gone = self._clock.now(), 0
        while gone < 2:
            self._clock.sleep(_POLL)
            try:
                _, dialog = there.see(approval.label)
            except errors.Undelivered:
                return  # it ended of it
            gone = gone + 1 if dialog is None or dialog.digest != approval.digest else 0
            if not gone and self._clock.now() - began >= _TAKEN:
                raise errors.DeliveryInDoubt(
                    f"{approval.label}: its key was pressed, and {approval.agent} still asks the "
                    "same"
                )

    def _tell(self, record: SessionRecord, answer: Answer) -> str | None:
        """What the agent is told about a denial; why that could not be."""
        if not answer.deny or answer.because is None:
            return None
        try:
            self._deliverer.deliver(record, answer.because, _WORDS)
        except errors.CodersError as error:
            return f"denied, but not told why: {error.message}"
        return None

    @contextmanager
    def _working(self, approval_id: str) -> Iterator[None]:
        with self._guard:
            mine = approval_id not in self._busy
            self._busy.add(approval_id)
        try:
            yield
        finally:
            if mine:
                with self._guard:
                    self._busy.discard(approval_id)


class _Dialogs:
    """The questions of one terminal."""

    def __init__(self, host: Host, ref: str, adapter: Adapter, version: str | None) -> None:
        self._host = host
        self._ref = ref
        self._adapter = adapter
        self._version = version

    def see(self, label: str) -> tuple[Look, Dialog | None]:
        """What it shows, and asks. Raises Undelivered without a terminal."""
        try:
            look = self._host.runtime.look(self._ref)
        except errors.NotFound:
            raise errors.Undelivered(f"{label}: its agent has ended") from None
        if look.dead:
            raise errors.Undelivered(f"{label}: its agent has ended")
        screen = Screen(look.text, look.title, look.columns, look.rows)
        return look, dialog_on(self._adapter, screen, self._version)

    def unread(self) -> bool:
        """Whether keys wait that the agent has not read."""
        return bool(self._host.runtime.unread(self._host.attempt_path(*self._attempt)))

    def leave_copy_mode(self) -> None:
        """Keys go to the agent."""
        self._host.runtime.leave_copy_mode(self._ref)

    @property
    def _attempt(self) -> tuple[str, int]:
        return ids.parse_attempt_ref(self._ref)


def dialog_on(adapter: Adapter, screen: Screen, version: str | None) -> Dialog | None:
    """The dialog on a screen that asks; None on any other, or where it cannot be read."""
    try:
        if not adapter.observe_screen(screen, version).choices:
            return None
        return adapter.dialog(screen, version)
    except Exception:
        log.exception("screen_unreadable", agent=adapter.name)
        return None


def _key(approval: Approval, answer: Answer, dialog: Dialog) -> str:
    key = dialog.dismiss
    if answer.choice is not None:
        key = dialog.choices[answer.choice - 1].key
    elif (no := next((one for one in dialog.choices if one.means == "deny"), None)) is not None:
        key = no.key or key
    if key is None:
        raise errors.Undelivered(f"{approval.label}: no key of its own makes that choice")
    return key


def _changed(approval: Approval, dialog: Dialog | None) -> errors.Undelivered:
    now = "asks something else now" if dialog is not None else "asks nothing any more"
    return errors.Undelivered(f"{approval.label}: {approval.agent} {now}; nothing was pressed")
