"""The page about rules, from the models. Used by ``docs/generate.py``."""

from __future__ import annotations

from coders_queue.documents.tables import tables
from coders_queue.models.rule import CHAIN, MAX_ACTIONS, MAX_DEPTH, Rule
from coders_queue.queue import notify, webhook
from coders_queue.queue.rule_actions import CHAIN_HEADER, ID_HEADER, RULE_HEADER
from coders_queue.rules.check import KINDS
from coders_queue.rules.values import NAMES
from coders_queue.store.ruling import RULE_KEPT


def page(made: str) -> str:
    """``reference/rules.md``."""
    kinds = ", ".join(f"`{kind}`" for kind in KINDS)
    lines = [
        *("# Rules", "", made, ""),
        "The section `rules` of the [configuration](configuration.md#rulesname) of a host whose",
        "worker has the role `control`: rules by names of your own. [React to",
        "events](../how-to/react-to-events.md) shows some, [How a rule is carried",
        "out](../explanation/rules.md) what holds when something dies. A project's file may have",
        "none.",
        "",
        f"`on` may name {kinds}, or patterns of these. See [events](events.md).",
        f"A rule has at most {MAX_ACTIONS} actions, and at most {MAX_DEPTH} rules may lead to each",
        "other.",
        *("", "## Conditions and templates", ""),
        "`when` is an expression, the texts of actions may be templates, in the",
        "[language of flows](flow-files.md#templates-and-conditions). Addresses, headers and the",
        "names of queues and tasks are none. They see:",
        *("", "| Name | What it is |", "|---|---|"),
        *(f"| `{name}` | {what} |" for name, what in NAMES.items()),
        "",
        "A session's fields are what they are when the event is decided on, which may be later;",
        "`state`, `cause`, `doing` and `data` are the event's own where it tells of them.",
        "A condition that gives no value does not hold, and is counted as a fault.",
        *(line.replace("## `do.", "## `do: ") for line in tables(Rule, "A rule")),
        *("", "## What a receiver is told", ""),
        f"A webhook has the headers `{ID_HEADER}`, `{RULE_HEADER}` and `{CHAIN_HEADER}`",
        "(the rules that led to it, with commas). Without a `body` it posts `id`, `event`,",
        "`session` (as `coders show --json` prints it), `rule` and `chain`. An answer of 2xx takes",
        "it. One that says that the request is wrong (400, 401, 403, 404, 405, 410, 413, 422 and",
        "the like) gives it up, as does a body of more than",
        f"{webhook.MAX_BODY // 1024 // 1024} MiB; anything else is tried again. No redirect is",
        "followed and no proxy asked.",
        "",
        f"A task has the id as its own and the headers `{ID_HEADER}` and `{CHAIN_HEADER}`.",
        "A session has it as its own, and the chain in the label",
        f"`{CHAIN}`. A message has it as its key. The text for people ends in it; they are",
        f"told through apprise, which is to be installed beside: `{notify.INSTALL}`.",
        "",
        "An id is made of the event's id, the rule's name and the number of the action.",
        "",
        f"A rule of which nothing is heard for {RULE_KEPT / 86400:.0f} days is forgotten: when it",
        "comes back, it begins at the end of the stream, as a new one does.",
    ]
    return "\n".join(lines) + "\n"
