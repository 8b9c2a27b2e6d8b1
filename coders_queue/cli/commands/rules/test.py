"""``coders rules test``: what a rule would do on an event. Nothing is done."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from typing import Any

from coders_queue import errors
from coders_queue.cli import exits, rule_file
from coders_queue.cli.context import Context
from coders_queue.cli.parser import add_json
from coders_queue.cli.text import printable
from coders_queue.documents.mistakes import meant
from coders_queue.rules.trial import Trial, trial
from coders_queue.settings.masking import HIDDEN

EXAMPLES = (
    """coders rules test tell-failures --event '{"kind": "session.failed"}'""",
    """coders rules test tell-failures --json --event '{"kind": "session.failed",
      "data": {"cause": "exit"}, "session": {"agent": "claude", "labels": {"team": "core"}}}'""",
)
NOTES = (
    "The event is a JSON object: kind; as far as they matter, data, host, attempt, at; and\n"
    "session, what is known of it (fields as `coders show --json` prints them), or its id."
)
_WHY = {
    "kind": "it does not look at such events",
    "condition": "its condition does not hold",
    "fault": "its condition gives no value",
    "loop": "it would be stopped: it had triggered itself",
    "depth": "it would be stopped: too many rules led to each other",
}


def arguments(parser: ArgumentParser) -> None:
    """The rule, the event."""
    parser.add_argument("rule", metavar="RULE", help="its name")
    parser.add_argument("--event", required=True, metavar="JSON", help="the event")
    parser.add_argument("--file", metavar="FILE", help="a configuration file with the rule")
    add_json(parser)


def run(options: Namespace, context: Context) -> int:
    """Decide, and print what would be done."""
    rules = rule_file.load_rules(options.file, context)
    if options.rule not in rules:
        raise errors.NotFound(f"there is no rule {options.rule[:80]!r}", meant(options.rule, rules))
    found = trial(options.rule, rules[options.rule], _event(options.event))
    if options.json:
        context.console.json(
            {
                "rule": options.rule,
                "fires": found.fires,
                "why": None if found.fires else found.why,
                "told": found.told,
                "do": [{"kind": kind, **_hidden(payload)} for kind, payload in found.actions],
            }
        )
    else:
        _tell(options.rule, found, context)
    return exits.FINE


def _event(text: str) -> dict[str, Any]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise errors.UsageError(f"--event is not JSON: {error}", "quote it: '{...}'") from None
    if not isinstance(data, dict):
        raise errors.UsageError("--event is not a JSON object", 'for example {"kind": "..."}')
    return data


def _tell(name: str, found: Trial, context: Context) -> None:
    line = context.console.line
    if not found.fires:
        told = f": {found.told}" if found.told else ""
        line(printable(f"{name} does nothing: {_WHY.get(found.why, found.why)}{told}"))
        return
    line(printable(f"{name} fires"))
    for kind, payload in found.actions:
        shown = json.dumps(_hidden(payload), ensure_ascii=False)
        line(printable(f"  {kind}: {shown}"))
    for fault in found.faults:
        line(printable(f"  given up: {fault}"))


def _hidden(payload: dict[str, Any]) -> dict[str, Any]:
    if "env" in payload:
        return {**payload, "env": dict.fromkeys(payload["env"], HIDDEN)}
    return payload
