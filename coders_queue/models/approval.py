"""What waits for a person: a question of an agent's, its choices, and what becomes of it.

Owns the states and every legal move between them, as pure functions of one approval; a store keeps
what they give. What a policy says to it is :mod:`coders_queue.approving`'s.
"""

from __future__ import annotations

import hashlib
from typing import Literal

from pydantic import Field

from coders_queue import ids
from coders_queue.errors import Ambiguous, Conflict, UsageError
from coders_queue.models.base import Model

#: ``permission``: leave to use a tool; ``question``: anything else a tool's terminal asks; ``ask``:
#: what an agent asks by itself, answered in words.
Kind = Literal["permission", "question", "ask"]
KINDS: tuple[Kind, ...] = ("permission", "question", "ask")
#: ``open``: it waits; ``answered``; ``expired``: nobody answered in time, and it was denied;
#: ``gone``: the agent waits no more, and no answer from here was why.
ApprovalState = Literal["open", "answered", "expired", "gone"]
#: ``allow``: this once; ``always``: also what comes after; ``deny``; ``write``: it opens a field
#: for words; ``other``: an answer of the question's own.
Meaning = Literal["allow", "always", "deny", "write", "other"]

#: The most that is kept of a question and of what stands around it, characters.
MAX_TEXT, MAX_DETAIL = 500, 4000
#: Seconds that an answer may take to reach its dialog; a second one may be given after that.
ANSWER_WITHIN = 15.0


class Option(Model):
    """One choice of a question's."""

    text: str
    """As the dialog says it."""
    means: Meaning = "other"
    """``allow``: this once; ``always``: also what comes after; ``deny``; ``write``: it opens a
    field for words, which is a person's; ``other``: an answer of the question's own."""


class ToolCall(Model):
    """What the agent wants to do, as far as its dialog shows it."""

    tool: str
    """The tool's own name, as the dialog spells it: ``Bash``, ``Shell``, ``WriteFile``."""
    command: str | None = Field(default=None, max_length=MAX_DETAIL)
    """The command, of a tool that runs one."""
    path: str | None = Field(default=None, max_length=MAX_DETAIL)
    """The file, of a tool that changes one."""
    whole: bool = False
    """Whether that is certainly all of it: nothing is cut off, folded or hidden."""


class Answer(Model):
    """An answer, on its way or given."""

    token: str
    """Tells it from another answer to the same question."""
    choice: int | None = None
    """The number of the choice, from 1; None for a denial without one, and for words."""
    text: str | None = Field(default=None, max_length=20_000)
    """The words, to an ``ask``; else those of the choice."""
    deny: bool = False
    """Whether it says no."""
    because: str | None = Field(default=None, max_length=20_000)
    """With a denial: what the agent is told."""
    by: str
    """``person:NAME``, ``session:ID``, ``policy:N`` or ``timeout``."""
    at: float
    """When it was given, epoch seconds."""
    pressed_at: float | None = None
    """When its key was about to be pressed; None until then."""
    note: str | None = Field(default=None, max_length=MAX_TEXT)
    """What did not go well although it was given."""


class Approval(Model):
    """One thing that waits for a person, or did."""

    id: str
    """Twelve hexadecimal digits; any start of it that no other has means it, too."""
    session: str
    """The id of the session that waits."""
    attempt: int
    """The number of its attempt."""
    name: str | None = None
    """The session's."""
    host: str
    """Where it runs."""
    owner: str
    """Who it is run for."""
    agent: str
    """Whose question it is: ``claude``, ``codex``."""
    kind: Kind
    """``permission``: leave to use a tool; ``question``: anything else a terminal asks; ``ask``:
    what an agent asks by itself, answered in words."""
    text: str = Field(max_length=MAX_TEXT)
    """What is asked, one line."""
    detail: str = Field(default="", max_length=MAX_DETAIL)
    """What the dialog says beside it, line by line."""
    options: tuple[Option, ...] = ()
    """The choices, in order."""
    call: ToolCall | None = None
    """What the agent wants to do, where its dialog shows it."""
    digest: str = ""
    """The same for the same dialog; empty when its terminal could not be read."""
    since: float
    """When it began to wait, epoch seconds."""
    deadline: float | None = None
    """When it is denied if nobody has answered."""
    state: ApprovalState = "open"
    """``open``: it waits; ``answered``; ``expired``: denied, since nobody answered in time;
    ``gone``: the agent waits no more, and no answer of the queue's was why."""
    answer: Answer | None = None
    """The answer; while it is open, the one on its way."""
    failure: str | None = Field(default=None, max_length=MAX_TEXT)
    """Why the last answer did not get there, one line; while it is open."""
    ended_at: float | None = None
    """When it ceased to wait."""
    version: int = 1
    """Counts its changes."""

    @property
    def waits(self) -> bool:
        """Whether somebody is still to answer."""
        return self.state == "open"

    @property
    def label(self) -> str:
        """The session's name, or the start of its id."""
        return self.name or ids.short(self.session)

    def pending(self, now: float) -> Answer | None:
        """The answer that is on its way now."""
        answer = self.answer
        if not self.waits or answer is None or now >= answer.at + ANSWER_WITHIN:
            return None
        return answer


def new_id(session: str, attempt: int, digest: str, since: float) -> str:
    """An approval's id: the same for the same dialog of the same moment."""
    told = f"{session}/{attempt}/{digest}/{since:.6f}"
    return hashlib.sha256(told.encode()).hexdigest()[:12]


def choose(approval: Approval, choice: str | None) -> int | None:
    """The number of the option that a word means; None for the plain yes.

    Raises UsageError, or Ambiguous, naming the choices.
    """
    options = approval.options
    offered = " / ".join(f"{number} {one.text}" for number, one in enumerate(options, 1))
    if choice is None:
        allowing = [number for number, one in enumerate(options, 1) if one.means == "allow"]
        if len(allowing) == 1:
            return allowing[0]
        raise UsageError(f"{approval.id}: say which answer: {offered or 'TEXT'}")
    word = " ".join(choice.split())
    if word.isdecimal() and 1 <= int(word) <= len(options):
        return _pressable(approval, int(word))
    folded = word.casefold()
    fits = [n for n, one in enumerate(options, 1) if folded and _reads(one.text, folded)]
    exact = [n for n in fits if " ".join(options[n - 1].text.split()).casefold() == folded]
    if len(exact or fits) == 1:
        return _pressable(approval, (exact or fits)[0])
    if fits:
        raise Ambiguous(f"{word[:60]!r} fits several answers of {approval.id}", offered)
    raise UsageError(
        f"{approval.id} has no answer {word[:60]!r}", f"there are: {offered}" if offered else None
    )


def _reads(text: str, folded: str) -> bool:
    return " ".join(text.split()).casefold().startswith(folded)


def _pressable(approval: Approval, number: int) -> int:
    option = approval.options[number - 1]
    if option.means == "write":
        raise UsageError(
            f"{option.text!r} opens a field to write in, which is a person's",
            f"write there: coders attach {approval.label}",
        )
    return number


# -- moves: each gives the approval after it, or None where it is not legal -------------------


def claim(approval: Approval, answer: Answer, now: float) -> Approval:
    """An answer sets out. Raises Conflict when it comes too late, or another is on its way."""
    if not approval.waits:
        raise Conflict(f"{approval.id} waits no more: it is {ended(approval)}")
    if (other := approval.pending(now)) is not None and other.token != answer.token:
        raise Conflict(f"{approval.id} is being answered by {who(other.by)}", "see what came of it")
    if approval.deadline is not None and now >= approval.deadline and not answer.deny:
        raise Conflict(f"{approval.id} was not answered in time, and is denied")
    return _next(approval, answer=answer, failure=None)


def begin(approval: Approval, token: str, now: float) -> Approval | None:
    """Its key is about to be pressed: once for each answer, and only in its time."""
    answer = approval.pending(now)
    if answer is None or answer.token != token or answer.pressed_at is not None:
        return None
    return _next(approval, answer=answer.model_copy(update={"pressed_at": now}))


def settle(approval: Approval, token: str, now: float, note: str | None = None) -> Approval | None:
    """The answer was given."""
    answer = approval.answer
    if not approval.waits or answer is None or answer.token != token:
        return None
    given = answer.model_copy(update={"note": None if note is None else note[:MAX_TEXT]})
    state: ApprovalState = "expired" if answer.by == "timeout" else "answered"
    return _next(approval, answer=given, state=state, failure=None, ended_at=now)


def fail(approval: Approval, token: str, why: str) -> Approval | None:
    """The answer did not get there, and no key of it was taken: it waits on."""
    answer = approval.answer
    if not approval.waits or answer is None or answer.token != token:
        return None
    return _next(approval, answer=None, failure=why[:MAX_TEXT])


def close(approval: Approval, now: float) -> Approval | None:
    """The agent waits no more. An answer whose key was pressed was what it waited for."""
    if not approval.waits:
        return None
    answer = approval.answer
    if answer is not None and answer.pressed_at is not None:
        return settle(approval, answer.token, now)
    return _next(approval, answer=None, state="gone", failure=None, ended_at=now)


def who(by: str) -> str:
    """Who answered, for a person to read."""
    kind, _, name = by.partition(":")
    return {"person": name, "session": f"session {name[:8]}", "policy": f"policy {name}"}.get(
        kind, by
    )


def ended(approval: Approval) -> str:
    """How it ended, in a few words."""
    answer = approval.answer
    if approval.state == "answered" and answer is not None:
        return f"{'denied' if answer.deny else 'answered'} by {who(answer.by)}"
    if approval.state == "expired":
        return "denied, since nobody answered in time"
    if approval.state == "gone":
        return "answered at its terminal, or withdrawn"
    return approval.state


def _next(approval: Approval, **changed: object) -> Approval:
    return approval.model_copy(update={**changed, "version": approval.version + 1})
