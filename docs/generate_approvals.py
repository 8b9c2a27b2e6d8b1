"""The page about approvals, from the models. Used by ``docs/generate.py``."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import BaseModel

from coders_queue.models.approval import ANSWER_WITHIN, Answer, Approval, Option, ToolCall
from coders_queue.models.approval_policy import Policy

Rows = Callable[[type[BaseModel]], list[str]]

_TABLE = ("", "| Key | Meaning |", "|---|---|")


def page(made: str, rows: Rows) -> str:
    """``reference/approvals.md``."""
    lines = [
        *("# Approvals", "", made, ""),
        "`coders approvals --json` prints `approvals`, a list of these; `coders approvals show",
        "--json`, `coders approve --json` and `coders deny --json` print one. In it, `digest` and",
        "`version`, and of an answer `token` and `pressed_at`, are left out.",
        *("", "## An approval", *_TABLE, *rows(Approval)),
        *("", "## A choice", *_TABLE, *rows(Option)),
        *("", "## A call of the agent's", *_TABLE, *rows(ToolCall)),
        *("", "## An answer", *_TABLE, *rows(Answer)),
        *("", "## Policies", "", "An item of [`approvals.policies`](configuration.md#approvals)."),
        *("", "| Key | Meaning |", "|---|---|", *rows(Policy)),
        "",
        "A pattern is as in a shell: `*` any characters, `?` one, `[...]` one of them; `*` stands",
        "for slashes, too. What it has to be like is the whole, not a part.",
        "",
        "| | To `allow` | To `deny`, or `ask` |",
        "|---|---|---|",
        "| what is asked | leave to use a tool | anything |",
        "| `command` | each of the commands that `; & \\|` and line ends part has to be like it; "
        "none may hold <code>`</code> `$(` `${` `<` `>` or a backslash | one of them, or the "
        "whole |",
        "| `path` | read whole, and like it once `..` is gone | like it |",
        "| a call that was not read whole | never with `command` or `path` | as it was read |",
        *("", "## Limits", "", "| What | How much | Then |", "|---|---|---|"),
        f"| an answer on its way | {ANSWER_WITHIN:g} s | whoever gave it is told; it may be given "
        "again |",
        "| an approval, open or not | `retention.records` after its last change | forgotten |",
        "",
        "## Which agents",
        "",
        "| Agent | Listed | Answered | Its call is read |",
        "|---|---|---|---|",
        "| Claude Code, Codex, Gemini CLI, Qwen Code | yes | yes | yes |",
        "| OpenCode | yes | leave to use a tool: a no, and the choice that is marked, at first "
        "the plain yes | yes |",
        "| agents of a file | where the file tells that it waits | at its terminal | no |",
    ]
    return "\n".join(lines) + "\n"
