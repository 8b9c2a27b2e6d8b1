"""One parameter of a verb: its kind, its bounds, and what it means."""

from __future__ import annotations

import json
import math
from typing import Any

from coders_queue import errors

#: The longest text of a parameter that says nothing else, characters.
LARGEST = 64 * 1024

_TYPES: dict[str, dict[str, Any]] = {
    "text": {"type": "string"},
    "number": {"type": "number"},
    "count": {"type": "integer"},
    "flag": {"type": "boolean"},
    "texts": {"type": "array", "items": {"type": "string"}},
    "value": {},
}
_WANTED = {
    "text": "text",
    "number": "a number",
    "count": "a whole number",
    "flag": "true or false",
    "texts": "a list of texts",
    "value": "JSON",
}


class Parameter:
    """What a verb takes. ``kind``: ``text``, ``number``, ``count``, ``flag``, ``texts`` or
    ``value``, which is any JSON."""

    __slots__ = (
        "about",
        "choices",
        "kind",
        "largest",
        "least",
        "metavar",
        "most",
        "name",
        "positional",
        "required",
    )

    def __init__(
        self,
        name: str,
        kind: str,
        about: str,
        *,
        required: bool = False,
        positional: bool = False,
        metavar: str | None = None,
        choices: tuple[str, ...] = (),
        largest: int = LARGEST,
        least: float | None = None,
        most: float | None = None,
    ) -> None:
        self.name = name
        self.kind = kind
        self.about = about
        self.required = required
        #: On the command line: whether it is a word of its own, not an option. A ``value`` is a
        #: text there, and ``--data`` gives it as JSON.
        self.positional = positional
        self.metavar = metavar or name.upper()
        self.choices = choices
        #: Of a text: characters; of a value: bytes of JSON; of a list: the texts together.
        self.largest = largest
        self.least = least
        self.most = most

    def schema(self) -> dict[str, Any]:
        """As JSON Schema, with what it means."""
        found: dict[str, Any] = {**_TYPES[self.kind], "description": self.about}
        if self.choices:
            found["enum"] = list(self.choices)
        if self.kind == "text":
            found["maxLength"] = self.largest
        if self.least is not None:
            found["minimum"] = self.least
        if self.most is not None:
            found["maximum"] = self.most
        return found

    def checked(self, value: Any) -> Any:
        """The value. Raises UsageError, or TaskTooLarge, for one that is not as described."""
        if not self._fits(value):
            raise errors.UsageError(f"{self.name!r} must be {_WANTED[self.kind]}")
        if self.choices and value not in self.choices:
            raise errors.UsageError(f"{self.name!r} must be one of: {', '.join(self.choices)}")
        if self.kind in ("number", "count"):
            self._check_bounds(value)
        elif self.kind in ("text", "texts"):
            self._check_texts([value] if self.kind == "text" else value)
        elif self.kind == "value":
            self._check_json(value)
        return value

    def _fits(self, value: Any) -> bool:
        if self.kind == "text":
            return isinstance(value, str)
        if self.kind == "flag":
            return isinstance(value, bool)
        if self.kind == "texts":
            return isinstance(value, list) and all(isinstance(one, str) for one in value)
        if self.kind == "value":
            return True
        if isinstance(value, bool):
            return False
        if self.kind == "count":
            return isinstance(value, int)
        return isinstance(value, int | float)

    def _check_bounds(self, value: float) -> None:
        # compared before anything else: JSON knows whole numbers that no float can hold
        low = self.least is not None and value < self.least
        high = self.most is not None and value > self.most
        if low or high or (isinstance(value, float) and not math.isfinite(value)):
            bounds = " ".join(
                f"{word} {bound:g}"
                for word, bound in (("from", self.least), ("to", self.most))
                if bound is not None
            )
            raise errors.UsageError(f"{self.name!r} must be {_WANTED[self.kind]} {bounds}")

    def _check_texts(self, texts: list[str]) -> None:
        size = sum(map(len, texts))
        if size > self.largest:
            raise errors.TaskTooLarge(
                f"{self.name!r} has {size} characters; at most {self.largest} are taken",
                "write it into a file, and name the file",
            )
        for text in texts:
            if "\0" in text:
                raise errors.UsageError(f"{self.name!r} holds a NUL byte, which nothing can carry")
            try:
                text.encode()
            except UnicodeEncodeError as error:
                raise errors.UsageError(
                    f"{self.name!r} is not UTF-8 at character {error.start}"
                ) from None

    def _check_json(self, value: Any) -> None:
        try:
            size = len(json.dumps(value, allow_nan=False))
        except (ValueError, RecursionError) as error:
            raise errors.UsageError(f"{self.name!r} cannot be written as JSON: {error}") from None
        if size > self.largest:
            raise errors.TaskTooLarge(
                f"{self.name!r} has {size} bytes of JSON; at most {self.largest} are taken",
                "write it into a file, and name the file",
            )
