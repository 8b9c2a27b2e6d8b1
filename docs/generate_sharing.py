"""The page about shared context, from the models. Used by ``docs/generate.py``."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import BaseModel

from coders_queue.models import context
from coders_queue.models.context import ContextEntry, SpaceInfo
from coders_queue.settings.schema import ContextSettings

Rows = Callable[[type[BaseModel]], list[str]]


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
