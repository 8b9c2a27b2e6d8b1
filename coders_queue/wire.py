"""The host's Unix socket: its verbs and how messages are framed.

Standard library only, for both ends: the command line must not pay for more.

A connection carries one request: one line of JSON ``{"verb": ..., "params": {...}, "correlation":
...}``. The answer is lines of JSON: any number of ``{"part": {...}}`` for the streaming verbs, then
one ``{"ok": {...}}`` or ``{"error": {"kind", "message", "hint"}}``. Bytes travel as base64. A line
``{"note": "..."}`` may come before: what the caller is to know, whatever it asked for.

A *session object* is what ``coders ls --json`` prints: ``id, name, agent, version (asked for),
agent_version (that ran), state, attempts, host, owner, labels, mode, cwd, created_at, started_at, ended_at, pid, priority, waiting, cancel_reason, exit_code,
signal, cause, result, output, output_truncated, usage, conversation_id, workspace, archived,
correlation_id``; what is not known yet is null.

==============  =====================================================  ===================================
verb            params                                                 answer
==============  =====================================================  ===================================
``status``      --                                                     ``{worker: {pid, started_at, version},
                                                                       host, roles, broker, embedded,
                                                                       degraded, away: {since, why,
                                                                       journal, refused} or null, stalled: [loop],
                                                                       sessions: {state: n},
                                                                       waits: {what for: n},
                                                                       hosts: {name: {silent_for, alive, period,
                                                                       beats, late, missed, longest_gap}},
                                                                       kept: [{part, restarts, at, gave_up,
                                                                       cause}],
                                                                       state_dir}``
``spawn``       ``id`` (the caller's choice, so that asking again      parts ``{progress}`` while a program
                starts nothing twice), ``spec`` (fields of             is installed, then a session object
                SessionSpec but workspace and owner), ``cwd``,         with ``warnings``, once the agent's
                ``worktree`` (a ref or null), ``from`` (references     process lives (``wait`` true), else
                to sessions whose outcomes are its inputs),            at once
                ``environ`` (the caller's; the host takes what the
                agent may have), ``wait`` bool
``ls``          ``all`` bool, ``owner``, ``limit``                     ``{sessions: [object...]}``
``show``        ``ref``                                                a session object with ``spec`` (its
                                                                       env values hidden) and ``events``
``result``      ``ref``                                                a session object; an error of kind
                                                                       ``conflict`` while it is live
``wait``        ``ref``, ``timeout`` seconds or null                   parts ``{state}`` as it changes, then
                                                                       a session object
``logs``        ``ref``, ``follow`` bool, ``raw`` bool, ``attempt``    parts ``{data: base64}``, then
                                                                       ``{state}``
``attach``      ``ref``                                                ``{argv: [...]}`` to run, or an error
``send``        ``ref``, ``text``, ``timeout`` seconds; or ``raw``     ``{id, name, how}``: ``delivered`` (with
                bool or ``enter`` false to type it unchecked;          ``sign, presses, pastes, queued, seconds``),
                or ``keys``, a list                                    ``typed`` or ``pressed``
``screen``      ``ref``                                                ``{text}``
``kill``        ``ref``, ``reason``                                    a session object
``prioritize``  ``ref``, ``priority`` (0 first, 9 last)                a session object; an error of kind
                                                                       ``conflict`` unless it is queued
``limits``      --                                                     ``{limits: [{name, agent, host, owner,
                                                                       label, concurrency, rate, burst, used,
                                                                       ready_in, waiting}], shares: {owner:
                                                                       weight}, exhausted: {account: until},
                                                                       waiting: n}``
``limit``       ``name``, and ``limit`` (fields of Limit) or           as ``limits``
                ``remove`` true
``share``       ``owner``, ``weight`` or null                          as ``limits``
``reopen``      ``account``                                            as ``limits``
``flow-submit`` ``id`` (the caller's choice), ``submission`` (what a   a flow object with ``steps``
                flow's file, its parameters and its directory came
                to, JSON in a text), ``owner``
``flow-ls``     ``all`` bool, ``limit``                                ``{flows: [flow object...]}``
``flow-show``   ``ref``                                                a flow object with ``steps``
``flow-cancel`` ``ref``, ``reason``                                    the same
``flow-resume`` ``ref``                                                the same
``rules``       --                                                     ``{rules: [{name, about, on, when, do,
                                                                       position, fired, fired_at, event, passed,
                                                                       stopped, missed, faults, fault, pending,
                                                                       done, failed, failure}], holder,
                                                                       last_event}``
``agents``      --                                                     ``{agents: [{name, program, path,
                                                                       version, modes}]}``
``clean``       ``dry_run`` bool                                       ``{dry_run, removed: [{kind, what, why,
                                                                       bytes}], kept: [{kind, what, why}],
                                                                       bytes}``
``stop``        --                                                     ``{}``; the worker ends, sessions stay
==============  =====================================================  ===================================

Shared context and messages. An *entry* is ``{space, key, version, kind, author, at, expires_at, removed, size}``, a *message* ``{id, to, sender, text, at, key, tries, why}``.

===================  ====================================================  ======================================
verb                 params                                                answer
===================  ====================================================  ======================================
``context-ls``       ``space`` or null                                     ``{spaces: [{name, entries, size,
                                                                           version, written_at, expires_at}]}``, or
                                                                           ``{space, entries: [entry...]}``
``context-get``      ``space``, ``key``, ``version`` or null               an entry with its ``text``
``context-put``      ``space``, ``key``, ``text``, ``kind``, ``lasts``     an entry; an error of kind ``conflict``
                     seconds or null, ``if_version`` (0: none there) or    when it has another version
                     null, ``session`` (the author, where it is one)
``context-rm``       ``space``, ``key``, ``if_version``, ``session``; or   ``{space, key}``
                     ``space`` and ``all`` true
``context-search``   ``query``, ``spaces`` (none: all), ``limit``          ``{hits: [entry with score, excerpt]}``
``context-history``  ``space``, ``key`` or null                            ``{space, writes: [entry...]}``, the
                                                                           latest first
``message``          ``to`` (a reference, or ``person:NAME``), ``text``,   a message; the same again for the same
                     ``key`` (the sender's id) or null, ``session``        ``key``
``inbox``            ``who`` (as ``to``; null: ``session``, or the person  ``{address, messages: [...]}``
                     this host is for), ``reader`` (who takes them in
                     hand; null: only look), ``limit``, ``dead`` bool
``inbox-ack``        ``who``, ``session``, ``reader``, ``ids``             ``{acknowledged: [id]}``: those that
                                                                           are this reader's
===================  ====================================================  ======================================

What waits for a person. An *approval* is ``{id, session, attempt, name, host, owner, agent, kind,
text, detail, options: [{text, means}], call: {tool, command, path, whole} or null, since, deadline,
state, answer: {choice, text, deny, because, by, at, note} or null, failure, ended_at}``.

=============  ==========================================================  =====================================
verb           params                                                      answer
=============  ==========================================================  =====================================
``approvals``  ``all`` bool (what was answered, too), ``limit``            ``{approvals: [approval...]}``
``approval``   ``ref`` (an approval's id, or a session's reference)        an approval
``approve``    ``ref``, ``choice`` (its number or words) or null, or       the approval, answered; an error of kind
               ``deny`` true with ``because`` or null; ``session`` (who    ``conflict`` or ``undelivered`` when it
               answers, where it is one)                                   was not, within 15 s
=============  ==========================================================  =====================================

References (``ref``) are ids, names or unambiguous prefixes of ids.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

from coders_queue import errors

#: The longest accepted line, bytes: the largest task, JSON-escaped, with room to spare.
MAX_LINE = 64 * 1024 * 1024


def encode(message: dict[str, Any]) -> bytes:
    """One framed message. Text may hold surrogate escapes; they survive as ``\\udcXX``."""
    return json.dumps(message, separators=(",", ":")).encode("ascii") + b"\n"


def decode(line: bytes) -> dict[str, Any]:
    """The inverse of :func:`encode`. Raises UsageError for anything that is not one object."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):  # the latter: it is nested without end
        raise errors.UsageError("the message on the host's socket is not JSON") from None
    if not isinstance(message, dict):
        raise errors.UsageError("the message on the host's socket is not a JSON object")
    return message


def call(
    path: str,
    verb: str,
    params: dict[str, Any],
    *,
    correlation: str | None = None,
    timeout: float | None = 30.0,
    connect_timeout: float = 3.0,
    more: dict[str, Any] | None = None,
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Send a request and yield ``("part", ...)`` messages, then one ``("ok", ...)``.

    A note comes as ``("note", {"text": ...})``.

    ``timeout`` is the longest silence tolerated, seconds. ``more`` goes beside the verb: what a
    session's own socket asks for. Raises Unavailable when nobody listens (``NotListening``) or too
    many do at once (``Crowded``), TimedOut on silence, and the host's own errors as themselves.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(connect_timeout)
        try:
            connection.connect(path)
        except (FileNotFoundError, ConnectionRefusedError):
            raise NotListening(f"no worker listens on {path}", "start it: coders up") from None
        except TimeoutError:
            raise errors.TimedOut(
                f"the worker on {path} did not accept a connection in {connect_timeout:g} s",
                "look at it: coders doctor",
            ) from None
        except BlockingIOError:
            raise Crowded(f"too much is asked at once on {path}", "try again") from None
        except OSError as error:
            raise errors.Unavailable(
                f"cannot reach the worker on {path}: {error.strerror}"
            ) from None
        connection.settimeout(timeout)
        request = {"verb": verb, "params": params, "correlation": correlation, **(more or {})}
        try:
            connection.sendall(encode(request))
            with connection.makefile("rb") as stream:
                while True:
                    line = stream.readline(MAX_LINE)
                    if not line.endswith(b"\n"):
                        raise WentAway(
                            f"the worker went away while it answered {verb!r}", "try again"
                        )
                    message = decode(line)
                    if "part" in message:
                        yield "part", message["part"]
                    elif "note" in message:
                        yield "note", {"text": str(message["note"])}
                    elif "ok" in message:
                        yield "ok", message["ok"]
                        return
                    else:
                        raise errors.from_wire(message.get("error") or {})
        except TimeoutError:
            raise errors.TimedOut(
                f"the worker did not answer {verb!r} in {timeout:g} s", "look at it: coders doctor"
            ) from None
        except (BrokenPipeError, ConnectionResetError):
            raise WentAway(
                f"the worker went away while it answered {verb!r}", "try again"
            ) from None


def ask(
    path: str, verb: str, params: dict[str, Any] | None = None, **options: Any
) -> dict[str, Any]:
    """A request whose parts do not matter: the final answer alone."""
    answer: dict[str, Any] = {}
    for kind, body in call(path, verb, params or {}, **options):
        if kind == "ok":
            answer = body
    return answer


class WentAway(errors.Unavailable):
    """The worker took the request and died, or ended, before it had answered."""

    kind = "went-away"


class NotListening(errors.Unavailable):
    """There is no worker on this machine (yet)."""

    kind = "not-listening"


class Crowded(errors.Unavailable):
    """As many requests wait there as may."""

    kind = "crowded"
