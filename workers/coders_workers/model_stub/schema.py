"""A value that fits a JSON schema: the least one, always the same."""

from __future__ import annotations

from typing import Any

_DEPTH = 8


def instance(schema: Any, root: dict[str, Any] | None = None, depth: int = 0) -> Any:
    """The least value that ``schema`` allows, as far as the stub understands it."""
    if not isinstance(schema, dict) or depth > _DEPTH:
        return None
    root = schema if root is None else root
    for choice in ("enum", "examples"):
        if schema.get(choice):
            return schema[choice][0]
    for fixed in ("const", "default"):
        if fixed in schema:
            return schema[fixed]
    if "$ref" in schema:
        return instance(_target(root, str(schema["$ref"])), root, depth + 1)
    for several in ("anyOf", "oneOf", "allOf"):
        if schema.get(several):
            return instance(schema[several][0], root, depth + 1)
    return _typed(schema, root, depth)


def kind_of(schema: Any) -> str:
    """The (first) type of a schema, lower case: some APIs shout."""
    kind = schema.get("type", "object" if "properties" in schema else "string")
    if isinstance(kind, list):
        kind = kind[0]
    return str(kind).lower()


def _typed(schema: dict[str, Any], root: dict[str, Any], depth: int) -> Any:
    kind = kind_of(schema)
    if kind == "object":
        wanted = schema.get("required", ())
        properties = schema.get("properties", {})
        return {name: instance(properties.get(name, {}), root, depth + 1) for name in wanted}
    if kind == "array":
        least = int(schema.get("minItems", 0))
        return [instance(schema.get("items", {}), root, depth + 1) for _ in range(least)]
    if kind == "boolean":
        return False
    if kind in ("integer", "number"):
        least = schema.get("minimum", 1)
        return int(least) if kind == "integer" else float(least)
    return None if kind == "null" else "stub".ljust(int(schema.get("minLength", 0)), "b")


def _target(root: dict[str, Any], reference: str) -> Any:
    found: Any = root
    for part in reference.removeprefix("#/").split("/"):
        found = found.get(part, {}) if isinstance(found, dict) else {}
    return found
