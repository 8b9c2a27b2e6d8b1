"""The pages about shared context and messages, from the models. Used by ``docs/generate.py``."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import BaseModel

from coders_queue.models import context, message
from coders_queue.models.context import ContextEntry, SpaceInfo
from coders_queue.models.message import MailboxLimits, Message
from coders_queue.settings.schema import ContextSettings, MailboxSettings

Rows = Callable[[type[BaseModel]], list[str]]


def messages(made: str, rows: Rows) -> str:
    """``reference/messages.md``."""
    settings, limits = MailboxSettings(), MailboxLimits()
    lines = [
        *("# Messages", "", made, ""),
        "A receiver or sender is `session:ID` or `person:NAME`, where NAME is up to 64 letters,",
        "digits and `. _ @ + -`. On the command line a session is meant by its name, its id or a",
        "start of it.",
        *("", "## Limits", "", "| What | How much | Over it |", "|---|---|---|"),
        f"| a message | {settings.message_bytes} bytes "
        "([`mailboxes.message_bytes`](configuration.md#mailboxes)) | exit code 2, nothing sent |",
        f"| a mailbox | {settings.messages} messages (`mailboxes.messages`), {limits.size} bytes | "
        "exit code 4, nothing sent |",
        f"| unread of one sender, in all mailboxes | {limits.of_sender} bytes | exit code 4, "
        "nothing sent |",
        f"| waiting | {settings.expiry:.0f} s (`mailboxes.expiry`) | a dead letter |",
        f"| in hand without an acknowledgement | {settings.again_after:g} s "
        "(`mailboxes.again_after`) | handed out again |",
        f"| handed out | {settings.tries} times (`mailboxes.tries`) | a dead letter |",
        f"| dead letters kept | {message.MAX_DEAD} a mailbox | the oldest go |",
        f"| a sender's own id | {message.MAX_KEY} printable characters, remembered for an hour | "
        "exit code 2, nothing sent |",
        *("", "Limits are those of the host, or the client, that sends or reads."),
        *("", "## A message", "", (Message.__doc__ or "").strip()),
        *("", "| Key | Meaning |", "|---|---|", *rows(Message)),
        "",
        "`coders message --json` prints one; `coders inbox --json` an object of `address` and",
        "`messages`. A dead letter of a session's is told by the event",
        "[`message.dead`](events.md), without its text.",
    ]
    return "\n".join(lines) + "\n"


def page(made: str, rows: Rows) -> str:
    """``reference/shared-context.md``."""
    settings = ContextSettings()
    kinds = ", ".join(f"`{one}`" for one in context.KINDS)
    table = ["", "| Key | Meaning |", "|---|---|"]
    lines = [
        *("# Shared context", "", made, ""),
        "A **space** is `flow:NAME` or `team:NAME`, where NAME is a letter or digit and up to 62",
        "more of `A-Z a-z 0-9 . _ -`, or `repo:NAME`, where it is up to 200 letters, digits and",
        "`. _ / ~ @ : + -`. A **key** is up to 200 letters, digits and `. _ / @ : + ~ # -`.",
        f"Neither has blanks. A **kind** is one of {kinds} and orders a prompt's block.",
        *("", "## Limits", "", "| What | How much | Over it |", "|---|---|---|"),
        f"| an entry, its key included | {settings.value_bytes} bytes "
        "([`context.value_bytes`](configuration.md#context)) | exit code 2, nothing written |",
        f"| a space's entries | {settings.space_bytes} bytes (`context.space_bytes`) | the same |",
        f"| a space's entries | {context.MAX_ENTRIES} | exit code 4, nothing written |",
        f"| earlier writes kept | {context.MAX_HISTORY}, and the bytes of a space | the oldest "
        "go |",
        f"| a session's spaces | {context.MAX_SPACES} | exit code 2, nothing started |",
        f"| before a task | {settings.prompt_bytes} bytes (`context.prompt_bytes`) | left out "
        "whole, and named |",
        f"| a space's life after its last write | {settings.expiry:.0f} s (`context.expiry`) "
        "| gone |",
        *("", "Limits are those of the host, or the client, that writes."),
        *("", "## An entry", "", (ContextEntry.__doc__ or "").strip(), *table, *rows(ContextEntry)),
        "",
        "`coders context ls`, `put`, `search` and `history` show it with `size`, the bytes it",
        "counts with, instead of `text`; `search` adds `score` and `excerpt`.",
        *("", "## A space", "", (SpaceInfo.__doc__ or "").strip(), *table, *rows(SpaceInfo)),
        *("", "## What a session is given", ""),
        "The file that `CODERS_CONTEXT` names is one JSON object: `spaces`, the names in their",
        "order; `entries`, each as above; `left_out`, a `SPACE KEY` for each over the budget;",
        "`budget`. For agents that take a prompt the same stands before the task, as text.",
    ]
    return "\n".join(lines) + "\n"
