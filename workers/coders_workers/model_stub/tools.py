"""Which of the tools that an agent offers does what the script asks for, and with what arguments.

Goes by the names that the agent CLIs give their tools and by the schema that they send along, so
that a new version's further required arguments are filled as well.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from coders_workers.model_stub.schema import instance, kind_of
from coders_workers.model_stub.script import Call, ToolKind
from coders_workers.model_stub.turn import Offer

#: Names as they are spelled without case and underscores, best first.
NAMES: dict[ToolKind, tuple[str, ...]] = {
    "shell": ("bash", "execcommand", "shellcommand", "shell", "localshell", "runshellcommand"),
    "write": ("write", "writefile", "applypatch"),
    "edit": ("edit", "replace", "applypatch"),
    "read": ("read", "readfile"),
    "ask": ("askuserquestion", "askuser", "question", "requestuserinput"),
}
_STRUCTURED = ("structuredoutput",)
_ANSWERS = ("Red", "Blue")


@dataclass(frozen=True)
class ToolUse:
    """A call of a tool that was offered."""

    name: str
    arguments: dict[str, Any]
    text: str | None = None
    """The whole input, for a tool that takes a text."""
    namespace: str | None = None
    """What the tool is offered below, where an API has such a thing."""

    @property
    def arguments_json(self) -> str:
        """The arguments as one JSON text."""
        return json.dumps(self.arguments, ensure_ascii=False)


def tool_use(call: Call, offers: Sequence[Offer], *, escalate: bool = False) -> ToolUse | None:
    """The call in the agent's own words; None when it offers nothing for it."""
    if call.kind == "named":
        return _named(call, offers)
    offer = _find(NAMES[call.kind], offers)
    if offer is None:
        command = _as_command(call)
        shell = _find(NAMES["shell"], offers)
        if command is None or shell is None:
            return None
        return tool_use(Call("shell", command), offers, escalate=escalate)
    if _plain(offer.name) == "applypatch":
        patch = _patch(call)
        return ToolUse(offer.name, {} if offer.freeform else {_first(offer): patch}, patch)
    wanted = _wanted(call, offer, escalate)
    properties = offer.schema.get("properties", {})
    required = {name: instance(properties.get(name, {})) for name in _required(offer)}
    return ToolUse(offer.name, {**required, **wanted})


def _named(call: Call, offers: Sequence[Offer]) -> ToolUse | None:
    """Servers' tools have their server's name before their own, in one spelling or another."""
    fitting = [
        offer
        for offer in offers
        if offer.name == call.text or offer.name.endswith((f"_{call.text}", f".{call.text}"))
    ]
    if not fitting:
        return None
    best = min(fitting, key=lambda offer: len(offer.name))
    return ToolUse(best.name, json.loads(call.new), namespace=best.namespace)


def structured_output(answer: str | None, offers: Sequence[Offer]) -> ToolUse | None:
    """The call that gives the answer as data, where the agent has a tool for that."""
    offer = _find(_STRUCTURED, offers)
    if offer is None:
        return None
    value = instance(offer.schema) if answer is None else json.loads(answer)
    return ToolUse(offer.name, value)


def _plain(name: str) -> str:
    return name.casefold().replace("_", "")


def _find(names: Sequence[str], offers: Sequence[Offer]) -> Offer | None:
    by_name = {_plain(offer.name): offer for offer in reversed(offers)}
    return next((by_name[name] for name in names if name in by_name), None)


def _required(offer: Offer) -> Sequence[str]:
    required = offer.schema.get("required", ())
    return required if isinstance(required, list | tuple) else ()


def _first(offer: Offer) -> str:
    return next(iter(offer.schema.get("properties", {})), "input")


def _wanted(call: Call, offer: Offer, escalate: bool) -> dict[str, Any]:
    properties = offer.schema.get("properties", {})

    def named(value: Any, *names: str) -> dict[str, Any]:
        found = next((n for n in properties if _plain(n) in names), None)
        return {} if found is None else {found: value}

    if call.kind == "shell":
        arguments = _shell(call.text, properties)
        arguments |= named("What the prompt asks for", "description")
        arguments |= named(False, "isbackground")
        if escalate and "sandbox_permissions" in properties:
            arguments["sandbox_permissions"] = "require_escalated"
            arguments["justification"] = "The prompt asks for it"
        return arguments
    if call.kind == "ask":
        return _question(call.text, properties)
    arguments = named(call.text, "filepath", "absolutepath", "path")
    if call.kind == "write":
        arguments |= named(call.new, "content", "contents")
    if call.kind == "edit":
        arguments |= named(call.old, "oldstring") | named(call.new, "newstring")
        arguments |= named("What the prompt asks for", "instruction")
    if call.kind == "read":
        arguments |= named(20, "limit")
    return arguments


def _shell(command: str, properties: dict[str, Any]) -> dict[str, Any]:
    name = "command" if "command" in properties or "cmd" not in properties else "cmd"
    if kind_of(properties.get(name, {})) == "array":
        return {name: ["bash", "-lc", command]}
    return {name: command}


def _question(question: str, properties: dict[str, Any]) -> dict[str, Any]:
    fields = properties.get("questions", {}).get("items", {}).get("properties", {})
    known = {
        "id": "colour",
        "question": question,
        "header": "Colour",
        "multiSelect": False,
        "multiple": False,
        "type": "choice",
        "options": [{"label": one, "description": f"Make it {one}"} for one in _ANSWERS],
    }
    return {"questions": [{name: known[name] for name in fields if name in known}]}


def _patch(call: Call) -> str:
    def marked(mark: str, text: str) -> list[str]:
        return [mark + line for line in text.split("\n")]

    if call.kind == "write":
        body = [f"*** Add File: {call.text}", *marked("+", call.new)]
    else:
        body = [f"*** Update File: {call.text}", "@@"]
        body += marked("-", call.old) + marked("+", call.new)
    return "\n".join(("*** Begin Patch", *body, "*** End Patch"))


def _as_command(call: Call) -> str | None:
    path = shlex.quote(call.text)
    if call.kind == "read":
        return f"head -n 20 {path}"
    if call.kind == "write":
        return f"printf %s {shlex.quote(call.new)} > {path}"
    return None
