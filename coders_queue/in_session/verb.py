"""One verb, described: parameters, words, what it answers. Who carries it out is others'."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from coders_queue import errors
from coders_queue.in_session.parameter import Parameter

Answer = Mapping[str, Any]


class Verb:
    """What an agent can ask for. ``name`` and ``summary`` are in the table of verbs."""

    __slots__ = (
        "about",
        "answer",
        "examples",
        "holds",
        "name",
        "parameters",
        "patience",
        "reads",
        "shown",
    )

    def __init__(
        self,
        name: str,
        about: str,
        *parameters: Parameter,
        answer: str,
        examples: tuple[str, ...],
        shown: Callable[[Answer], str] = lambda _answer: "",
        holds: bool = False,
        patience: float = 60.0,
        reads: bool = False,
    ) -> None:
        self.name = name
        #: For the agent: when to use it, and what comes of it.
        self.about = about
        self.parameters = parameters
        #: What the answer holds, for the reference.
        self.answer = answer
        self.examples = examples
        #: The answer as the command line prints it for a person; nothing to print nothing.
        self.shown = shown
        #: Whether its answer may take long: it waits for something, or works for it.
        self.holds = holds
        #: Seconds after which whoever asks gives up.
        self.patience = patience
        #: Whether it changes nothing.
        self.reads = reads

    def schema(self) -> dict[str, Any]:
        """The parameters as a JSON schema."""
        found: dict[str, Any] = {
            "type": "object",
            "properties": {one.name: one.schema() for one in self.parameters},
            "additionalProperties": False,
        }
        required = [one.name for one in self.parameters if one.required]
        return {**found, "required": required} if required else found

    def checked(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters that were given; null is as good as left out.

        Raises UsageError for what is unknown, missing or not as described.
        """
        known = {one.name: one for one in self.parameters}
        for name in params:
            if name not in known:
                takes = ", ".join(known) or "nothing"
                raise errors.UsageError(
                    f"{self.name!r} takes no {str(name)[:60]!r}", f"it takes: {takes}"
                )
        found = {}
        for name, parameter in known.items():
            value = params.get(name)
            if value is not None:
                found[name] = parameter.checked(value)
            elif parameter.required:
                raise errors.UsageError(f"{self.name!r} needs {name!r}: {parameter.about}")
        return found
