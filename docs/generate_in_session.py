"""The reference page of the verbs of a session's own socket, made from their descriptions.

Written by ``generate.py``.
"""

from __future__ import annotations

from collections.abc import Iterator

from coders_queue.in_session import access, table
from coders_queue.in_session.parameter import Parameter
from coders_queue.in_session.verb import Verb
from coders_workers.in_session.connection import LARGEST
from coders_workers.in_session.socket_server import Share

_KINDS = {
    "text": "text",
    "number": "number",
    "count": "whole number",
    "flag": "true or false",
    "texts": "list of texts",
    "value": "any JSON",
}


def page(made: str) -> str:
    """The page; ``made`` says by which command."""
    return "\n".join(_lines(made)) + "\n"


def _lines(made: str) -> Iterator[str]:
    share = Share()
    yield from ("# Inside of a session", "", made, "")
    yield from (
        "What an agent may ask of its host for its own session, and for no other: as `coders here",
        "VERB` ([options](cli.md#coders-here)), and as requests on the session's own socket.",
        "[How to use it](../how-to/let-an-agent-report.md),",
        "[how it works](../explanation/inside-a-session.md).",
        "",
        "| Variable of the session | Meaning |",
        "|---|---|",
        f"| `{access.SOCKET}` | The path of its socket. |",
        f"| `{access.TOKEN}` | Its token: secret, and gone with the attempt. |",
        "",
        'A request is one line of JSON, `{"verb", "params", "token", "request"}`, where',
        "`request` is a name of the caller's choice: asked again under the same, nothing is done",
        'twice. The answer is one line, `{"ok": {...}}` or `{"error": {"kind", "message",',
        '"hint"}}`. A session may ask so much:',
        "",
        "| What | At most |",
        "|---|---|",
        f"| a request | {LARGEST // 1024} KiB |",
        f"| requests | {share.rate:g} a second, {share.burst} after a rest |",
        f"| connections at a time | {share.connections} |",
        "",
        "Who asks for more waits for a moment; nobody else is held up by it.",
    )
    for name, summary in table.SUMMARIES.items():
        yield from _verb(table.load(name), summary)


def _verb(verb: Verb, summary: str) -> Iterator[str]:
    yield from ("", f"## {verb.name}", "", f"{summary[0].upper()}{summary[1:]}. {verb.about}", "")
    if verb.parameters:
        yield from ("| Parameter | Type | Meaning |", "|---|---|---|")
        yield from (_row(one) for one in verb.parameters)
        yield ""
    yield f"Answers {verb.answer}."


def _row(one: Parameter) -> str:
    kind = _KINDS[one.kind]
    if one.choices:
        kind = ", ".join(f"`{choice}`" for choice in one.choices)
    elif one.kind in ("text", "texts"):
        kind += f", {one.largest:,} characters at most"
    elif one.kind == "value":
        kind += f", {one.largest:,} bytes at most"
    needed = "" if one.required else " Optional."
    return f"| `{one.name}` | {kind} | {one.about[0].upper()}{one.about[1:]}.{needed} |"
