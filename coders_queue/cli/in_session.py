"""``coders here VERB``: a verb of the session's own socket as a command, made of its description.

It needs nothing but the two variables that a session has, and loads nothing else.
"""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from typing import Any

from coders_queue import errors
from coders_queue.cli import exits
from coders_queue.cli.context import Context
from coders_queue.cli.parser import add_json
from coders_queue.cli.text import exact, printable_block
from coders_queue.in_session import access
from coders_queue.in_session.parameter import Parameter
from coders_queue.in_session.verb import Verb


class VerbCommand:
    """One verb's command."""

    def __init__(self, verb: Verb) -> None:
        self.verb = verb
        self.EXAMPLES = verb.examples
        self.NOTES = f"Inside of a session only. {verb.about}"

    def arguments(self, parser: ArgumentParser) -> None:
        """The verb's parameters."""
        for one in self.verb.parameters:
            _declare(parser, one)
        add_json(parser, "print the answer as one JSON object")

    def run(self, options: Namespace, context: Context) -> int:
        """Ask, and print the answer."""
        params = {}
        for one in self.verb.parameters:
            value = _given(options, one)
            if value is not None:
                params[one.name] = value
        params = self.verb.checked(params)
        own = access.from_environment(context.environ)
        answer = access.call(own, self.verb.name, params, timeout=self.verb.patience)
        if options.json:
            context.console.json(answer)
        elif shown := self.verb.shown(answer):
            context.console.line(printable_block(shown))
        return exits.FINE


def _declare(parser: ArgumentParser, one: Parameter) -> None:
    about = one.about
    if one.positional:
        word: dict[str, Any] = {} if one.required else {"nargs": "?"}
        if one.kind == "texts":
            word = {"nargs": "+" if one.required else "*"}
        parser.add_argument(one.name, metavar=one.metavar, help=about, **word)
        if one.kind == "value":
            parser.add_argument(
                "--data", metavar="JSON", dest=f"{one.name}_data", help=f"the same as JSON: {about}"
            )
        return
    option = f"--{one.name.replace('_', '-')}"
    more: dict[str, Any] = {"metavar": one.metavar}
    if one.choices:
        more = {"choices": one.choices}
    if one.kind == "flag":
        more = {"action": "store_const", "const": True}
    elif one.kind == "texts":
        more |= {"action": "append"}
    elif one.kind in ("number", "count"):
        more |= {"type": int if one.kind == "count" else float}
    parser.add_argument(option, dest=one.name, help=about, required=one.required, **more)


def _given(options: Namespace, one: Parameter) -> Any:
    value = getattr(options, one.name)
    if one.kind == "text" and value is not None:
        return exact(value)
    if one.kind == "texts":
        return [exact(word) for word in value] if value else None
    if one.kind != "value" or not one.positional:
        return _json(f"--{one.name}", value) if one.kind == "value" and value else value
    data = getattr(options, f"{one.name}_data")
    if data is None:
        return None if value is None else exact(value)
    if value is not None:
        raise errors.UsageError(
            f"{one.name!r} was given twice, as a word and by --data", "leave one out"
        )
    return _json("--data", data)


def _json(option: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise errors.UsageError(f"{option}: this is not JSON: {error}") from None
