"""What agents at their terminals wait for, put into the one queue when they begin to and taken out
when they cease to; and what the policies, or the time, answer.

The watchers tell it what each agent does; it tells the store on a thread of its own, so that a
store that is away holds up no watch. It keeps nothing: what a killed one left, the next finds.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import structlog

from coders_queue import errors, ids
from coders_queue.agents.dialog import Dialog
from coders_queue.agents.screen import Screen, one_line
from coders_queue.approving import Question, Verdict, decide
from coders_queue.models.activity import Activity
from coders_queue.models.approval import (
    MAX_DETAIL,
    MAX_TEXT,
    Answer,
    Approval,
    Option,
    choose,
    new_id,
)
from coders_workers import workspace
from coders_workers.approvals.press import Presser, dialog_on
from coders_workers.supervisor.host import Host
from coders_workers.watchers.subject import Facts, Subject

log = structlog.get_logger(__name__)

#: Seconds after which what could not be told is tried again.
_AGAIN = 1.0
#: Seconds between two looks at what waits on this host: for time limits, and for what is over.
_ROUND = 2.0
#: Seconds after which what was postponed is looked at again.
_SOON = 0.2
#: Seconds that a dialog is given to show after a signal told of it.
_SHOWS = 3.0
#: Seconds after which a denial that could not be given is tried again: at first, and at last.
_DENY_AGAIN, _DENY_LAST = 20.0, 600.0
#: How many answers are given at once.
_AT_ONCE = 4
#: What an agent does that certainly waits for nobody.
_GOES_ON = frozenset({"working", "idle", "rate_limited"})


@dataclass(frozen=True)
class _Word:
    """The latest of one attempt."""

    facts: Facts
    activity: Activity
    waits: bool
    screen: Screen | None
    seen_at: float
    """When its screen was looked at, or it began to wait, epoch seconds."""


class Desk:
    """One host's. Called by the watchers; see :class:`~coders_workers.watchers.watchers.React`."""

    def __init__(self, host: Host, refs: Callable[[], set[str]], presser: Presser) -> None:
        self._host = host
        self._refs = refs
        self._presser = presser
        self._last: dict[str, _Word] = {}
        self._pending: dict[str, _Word] = {}
        #: What waits here, by attempt. None until the store was asked what an earlier worker left.
        self._open: dict[str, Approval] | None = None
        self._postponed: dict[str, _Word] = {}
        self._tried: dict[str, tuple[float, float]] = {}
        self._round_at = float("-inf")
        self._lock = threading.Lock()
        self._news = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="approvals", daemon=True)
        self._failing = False
        # apart from the host's own work: a dialog that takes no key must hold up no end
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="answers")

    def __call__(self, subject: Subject, activity: Activity, now: float) -> None:
        """An agent does something; on the watching thread."""
        if not subject.terminal:
            return
        asks = activity.doing == "waiting" or (
            activity.doing in ("starting", "rate_limited") and bool(activity.choices)
        )
        # what an agent asks by itself is in the queue already, by its own session's socket
        asks = asks and activity.source != "session"
        screen = subject.asking if asks else None
        seen = activity.since if screen is None else screen.taken_at
        word = _Word(
            *(subject.facts, activity, asks, screen),
            seen_at=self._host.clock() - max(0.0, now - (seen or now)),
        )
        ref = subject.facts.ref
        with self._lock:
            before = self._last.get(ref)
            self._last[ref] = word
            if before is not None and _same(before, word):
                return
            self._pending[ref] = word
        self._news.set()

    def due(self, subject: Subject, activity: Activity) -> float | None:
        """Never: it has a thread of its own."""
        return None

    def start(self) -> None:
        """Begin to tell."""
        self._thread.start()

    def stop(self) -> None:
        """Tell no more; the next worker's goes on."""
        self._stopping.set()
        self._news.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def give(self, approval_id: str, token: str) -> None:
        """Have the answer of that token given soon, if it is still to be."""
        self._submit(partial(self._presser.press, approval_id, token))

    def _submit(self, work: Callable[[], object]) -> None:
        def logged() -> None:
            try:
                work()
            except errors.Unavailable as error:
                log.warning("answer_not_given", cause=str(error))
            except Exception:
                log.exception("answer_not_given")

        try:
            self._pool.submit(logged)
        except RuntimeError:  # shutting down: whoever answered is told that nobody took it
            return

    def turn(self) -> None:
        """Tell what is pending, and see to what waits. Raises Unavailable without a store."""
        known = self._known()
        with self._lock:
            pending, self._pending = self._postponed | self._pending, {}
            self._postponed = {}
        try:
            while pending:
                ref, word = next(iter(pending.items()))
                self._serve(known, ref, word)
                del pending[ref]
        finally:
            with self._lock:
                for ref, word in pending.items():
                    self._pending.setdefault(ref, word)
        now = self._host.clock()
        if abs(now - self._round_at) >= _ROUND:
            self._round(known)
            self._round_at = now

    def _known(self) -> dict[str, Approval]:
        if self._open is None:
            mine = [one for one in self._host.store.approvals.list() if self._is_ours(one)]
            self._open = {_ref(one): one for one in mine if one.kind != "ask"}
        return self._open

    def _is_ours(self, approval: Approval) -> bool:
        return approval.host == self._host.name

    # -- beginning and ceasing to wait -------------------------------------------------------------

    def _serve(self, known: dict[str, Approval], ref: str, word: _Word) -> None:
        before = known.get(ref)
        if word.waits:
            self._asked(known, ref, word)
        elif before is not None and word.activity.doing in _GOES_ON:
            if self._presser.at_work(before.id):
                self._later(ref, word)
                return
            self._host.store.approvals.close(before.id)
            del known[ref]

    def _asked(self, known: dict[str, Approval], ref: str, word: _Word) -> None:
        facts = word.facts
        dialog = None
        if word.screen is not None:
            dialog = dialog_on(facts.adapter, word.screen, facts.version)
        if dialog is None and self._host.clock() - word.seen_at < _SHOWS:
            self._later(ref, word)
            return
        before = known.get(ref)
        digest = dialog.digest if dialog else ""
        if before is not None and before.digest == digest:
            return
        if before is not None and self._presser.at_work(before.id):
            self._later(ref, word)
            return
        verdict = self._verdict(facts, dialog)
        kept = self._host.store.approvals.open(self._approval(word, dialog, verdict))
        if not kept.waits:
            known.pop(ref, None)
            return
        known[ref] = kept
        log.info("approval_waits", approval=kept.id, session=kept.session, kind=kept.kind)
        if verdict.do != "ask":
            self._submit(partial(self._by_policy, kept, verdict))

    def _approval(self, word: _Word, dialog: Dialog | None, verdict: Verdict) -> Approval:
        record, activity = word.facts.record, word.activity
        digest = dialog.digest if dialog else ""
        text = dialog.question if dialog else activity.question or "it waits for a person"
        offered = [Option(text=_clean(one), means="other") for one in activity.choices]
        if dialog is not None:
            offered = [Option(text=_clean(one.text), means=one.means) for one in dialog.choices]
        timeout = verdict.timeout
        return Approval(
            id=new_id(record.id, record.attempt, digest, word.seen_at),
            session=record.id,
            attempt=record.attempt,
            name=record.spec.name,
            host=self._host.name,
            owner=record.spec.owner or self._host.settings.owner,
            agent=record.spec.agent,
            kind=dialog.kind if dialog else "question",
            text=_clean(text),
            detail=_valid(dialog.detail)[:MAX_DETAIL] if dialog else "",
            options=tuple(offered),
            call=dialog.call if dialog else None,
            digest=digest,
            since=word.seen_at,
            deadline=None if timeout is None else word.seen_at + timeout,
        )

    def _later(self, ref: str, word: _Word) -> None:
        """It is not told yet; again in a moment, if it is still the latest."""
        self._postponed[ref] = word

    # -- answers that no person gives --------------------------------------------------------------

    def _verdict(self, facts: Facts, dialog: Dialog | None) -> Verdict:
        settings, spec = self._host.settings.approvals, facts.record.spec
        prepared = workspace.recall(facts.directory)
        question = Question(
            kind=dialog.kind if dialog else "question",
            agent=spec.agent,
            owner=spec.owner or self._host.settings.owner,
            cwd=str(prepared.cwd) if prepared else "/",
            call=dialog.call if dialog else None,
            labels=spec.labels,
        )
        return decide(settings.policies, question, settings.timeout)

    def _by_policy(self, approval: Approval, verdict: Verdict) -> None:
        denies = verdict.do == "deny"
        try:
            choice = None if denies else choose(approval, None)
        except errors.UsageError as error:  # no plain yes among its choices: a person is asked
            log.warning("policy_not_applied", approval=approval.id, cause=error.message)
            return
        answer = Answer(
            token=uuid.uuid4().hex,
            choice=choice,
            text=None if choice is None else approval.options[choice - 1].text,
            deny=denies,
            because=verdict.because,
            by=f"policy:{verdict.policy}",
            at=self._host.clock(),
        )
        self._give(approval, answer)

    def _give(self, approval: Approval, answer: Answer) -> None:
        try:
            self._host.store.approvals.claim(approval.id, answer)
        except (errors.Conflict, errors.NotFound):
            return  # somebody else was first, or it is over
        if approval.kind == "ask":
            self._host.store.approvals.settle(approval.id, answer.token)
        else:
            self._presser.press(approval.id, answer.token)

    # -- upkeep ------------------------------------------------------------------------------------

    def _round(self, known: dict[str, Approval]) -> None:
        """End what is over, deny what nobody answered, and learn what others have done."""
        store, refs = self._host.store, self._refs()
        mine = {one.id: one for one in store.approvals.list() if self._is_ours(one)}
        for ref, one in list(known.items()):
            if one.id not in mine:
                del known[ref]  # answered, or gone by itself; should it still be asked, it is news
                with self._lock:
                    if (last := self._last.get(ref)) is not None and last.waits:
                        self._pending.setdefault(ref, last)
        unseen = [one for one in mine.values() if _ref(one) not in refs]
        records = store.get_many({one.session for one in unseen}) if unseen else {}
        for one in unseen:
            record = records.get(one.session)
            if record is None or record.state.ended or record.attempt != one.attempt:
                store.approvals.close(one.id)
                mine.pop(one.id)
                known.pop(_ref(one), None)
        now = self._host.clock()
        for one in mine.values():
            # one that cannot be read cannot be denied either: nothing is allowed, and it waits on
            due = one.deadline is not None and now >= one.deadline and self._answerable(one)
            again, wait = self._tried.get(one.id, (0.0, _DENY_AGAIN))
            if due and one.pending(now) is None and now >= again:
                self._tried[one.id] = (now + wait, min(2 * wait, _DENY_LAST))
                self._submit(partial(self._give, one, _too_late(now)))
        self._tried = {one: at for one, at in self._tried.items() if one in mine}
        with self._lock:
            for ref in self._last.keys() - refs:
                del self._last[ref]

    @staticmethod
    def _answerable(approval: Approval) -> bool:
        return approval.kind == "ask" or bool(approval.digest)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._news.wait(_SOON if self._postponed else _ROUND)
            self._news.clear()
            if self._stopping.is_set():
                return
            try:
                self.turn()
                self._failing = False
            except errors.Unavailable as error:
                if not self._failing:
                    log.warning("approvals_not_told", cause=str(error))
                self._failing = True
                self._stopping.wait(_AGAIN)
                self._news.set()
            except Exception:
                log.exception("approvals_not_told")
                self._stopping.wait(_AGAIN)


def _same(before: _Word, word: _Word) -> bool:
    """Whether it says what was told before. A screen is looked at anew for each."""
    if before.waits and word.waits:
        return word.screen is not None and before.screen is word.screen
    same_doing = before.activity.doing == word.activity.doing
    return not before.waits and not word.waits and same_doing


def _too_late(now: float) -> Answer:
    return Answer(token=uuid.uuid4().hex, deny=True, by="timeout", at=now)


def _ref(approval: Approval) -> str:
    return ids.attempt_ref(approval.session, approval.attempt)


def _clean(text: str) -> str:
    return one_line(_valid(text))[:MAX_TEXT]


def _valid(text: str) -> str:
    """Without halves of characters, which no store keeps."""
    return text.encode("utf-8", "replace").decode("utf-8")
