"""The keys of a file as tables of a page, made from the model that reads it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import PydanticUndefined


def tables(model: type[BaseModel], top: str = "At the top") -> Iterator[str]:
    """The lines: each model once, where it stands first, under a heading. A model that adds keys to
    one that stood before has only its own."""
    seen: dict[type[BaseModel], str] = {}
    for place, one in _places(model, "", seen):
        base = next(
            (above for above in one.__mro__[1:] if above in seen and above is not one), None
        )
        doc = " ".join((one.__doc__ or "").split())
        fields = one.model_fields
        if base is not None and seen[base] != place:
            fields = {n: f for n, f in fields.items() if n not in base.model_fields}
            doc += f" Beside these keys, all of [`{seen[base]}`](#{_anchor(seen[base])})."
        yield from ("", f"## `{place}`" if place else f"## {top}", "", doc, "")
        yield from ("| Key | Default | Meaning |", "|---|---|---|")
        yield from (_row(field.alias or name, field) for name, field in fields.items())


def _places(
    model: type[BaseModel], place: str, seen: dict[type[BaseModel], str]
) -> Iterator[tuple[str, type[BaseModel]]]:
    seen[model] = place
    yield place, model
    for name, field in model.model_fields.items():
        for inner, many in _models(field.annotation):
            if inner not in seen:
                here = f"{place}.{name}" if place else name
                yield from _places(inner, f"{here}.NAME" if many else here, seen)


def _models(annotation: Any, many: bool = False) -> Iterator[tuple[type[BaseModel], bool]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation, many
    named = getattr(annotation, "__origin__", None) is dict
    for inner in get_args(annotation):
        yield from _models(inner, many or named)


def _row(name: str, field: Any) -> str:
    meaning = " ".join((field.description or "").replace("``", "`").split())
    return f"| `{name}` | {_default(field)} | {meaning.replace('|', chr(92) + '|')} |"


def _default(field: Any) -> str:
    value = field.get_default(call_default_factory=True)
    if value is PydanticUndefined:
        return "required"
    if value is None or isinstance(value, BaseModel) or value in ((), {}):
        return ""
    return f"`{json.dumps(value)}`"


def _anchor(place: str) -> str:
    return "".join(c for c in place.lower() if c.isalnum() or c in "-_")
