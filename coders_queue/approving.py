"""What the policies say to a question of an agent's: a pure function of the two.

It errs to the person's side: a call that was not read whole, a command with anything in it that
starts another one, and a question that is no request for leave are never allowed by a policy.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal

from coders_queue.models.approval import Kind, ToolCall
from coders_queue.models.approval_policy import Policy

#: What parts one command from the next, quoted or not.
_PARTS = re.compile(r"\|\||&&|[;|&\n\r]")
#: What has a command do more than its words say: other commands within, files written or read.
_MORE = re.compile(r"[`<>\\]|\$[({\[']|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True)
class Question:
    """What is decided on."""

    kind: Kind
    agent: str
    owner: str
    cwd: str
    """The agent's directory, absolute."""
    call: ToolCall | None = None
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """What becomes of it."""

    do: Literal["allow", "deny", "ask"]
    policy: int | None = None
    """Which policy says so, counted from 1; None when none does."""
    timeout: float | None = None
    """With ``ask``: seconds after which it is denied; None for never."""
    because: str | None = None


def decide(policies: Sequence[Policy], question: Question, timeout: float | None) -> Verdict:
    """The first policy that holds; a person is asked where none does."""
    for number, policy in enumerate(policies, 1):
        if _holds(policy, question):
            limit = policy.timeout if policy.timeout is not None else timeout
            asks = policy.do == "ask"
            return Verdict(policy.do, number, limit if asks else None, policy.because)
    return Verdict("ask", None, timeout)


def _holds(policy: Policy, question: Question) -> bool:
    call, allows = question.call, policy.do == "allow"
    if allows and question.kind != "permission":
        return False
    key, _, value = (policy.label or "").partition("=")
    about = (
        policy.agent in (None, question.agent)
        and policy.owner in (None, question.owner)
        and (policy.label is None or question.labels.get(key) == value)
    )
    if not about:
        return False
    if policy.tool is not None and (call is None or not fnmatchcase(call.tool, policy.tool)):
        return False
    if policy.command is not None and not _fits_command(policy.command, call, allows=allows):
        return False
    return policy.path is None or _fits_path(policy.path, call, question.cwd, allows=allows)


def _fits_command(pattern: str, call: ToolCall | None, *, allows: bool) -> bool:
    if call is None or call.command is None:
        return False
    parts = [" ".join(part.split()) for part in _PARTS.split(call.command)]
    parts = [part for part in parts if part]
    if allows:
        plain = call.whole and _MORE.search(call.command) is None
        return plain and bool(parts) and all(fnmatchcase(part, pattern) for part in parts)
    whole = " ".join(call.command.split())
    return any(fnmatchcase(part, pattern) for part in (*parts, whole))


def _fits_path(pattern: str, call: ToolCall | None, cwd: str, *, allows: bool) -> bool:
    if call is None or call.path is None or (allows and not call.whole):
        return False
    path = call.path
    if allows and (path.startswith("~") or "…" in path):
        return False
    absolute = posixpath.normpath(posixpath.join(cwd, path))
    return fnmatchcase(absolute, posixpath.join(_literal(cwd), pattern))


def _literal(text: str) -> str:
    """A text as a pattern that fits it alone."""
    return re.sub(r"([*?\[])", r"[\1]", text)
