"""A request's params, read as what they have to be. Anything else is the caller's UsageError."""

from __future__ import annotations

from typing import Any

from coders_queue import errors

Params = dict[str, Any]


def text(params: Params, name: str) -> str | None:
    """Text that can be stored and written, or None."""
    value = params.get(name)
    if value is not None and not isinstance(value, str):
        raise _wrong(name, "text")
    return None if value is None else _writable(name, value)


def flag(params: Params, name: str, default: bool = False) -> bool:
    """Yes or no."""
    value = params.get(name, default)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise _wrong(name, "true or false")
    return value


def count(params: Params, name: str, least: int) -> int | None:
    """A whole number of at least ``least``, or None."""
    value = params.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value < 2**31:
        raise _wrong(name, f"a whole number from {least}")
    return value


def seconds(params: Params, name: str) -> float | None:
    """A time in seconds, or None."""
    value = params.get(name)
    if value is None:
        return None
    # compared before it is converted: JSON knows whole numbers that no float can hold
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < 2**31:
        raise _wrong(name, "a number of seconds from 0")
    return float(value)


def mapping(params: Params, name: str) -> dict[str, Any]:
    """An object; empty when it is missing."""
    value = params.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _wrong(name, "an object")
    return dict(value)


def words(params: Params, name: str) -> frozenset[str]:
    """A list of texts; empty when it is missing."""
    value = params.get(name)
    if value is None:
        return frozenset()
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise _wrong(name, "a list of texts")
    return frozenset(value)


def listed(params: Params, name: str) -> list[str]:
    """The same, in its order."""
    words(params, name)
    return list(params.get(name) or [])


def texts(params: Params, name: str) -> dict[str, str]:
    """An object whose values are texts; empty when it is missing."""
    found = mapping(params, name)
    for key, value in found.items():
        if not isinstance(value, str):
            raise _wrong(f"{name}.{key}", "text")
    return found


def _writable(name: str, value: str) -> str:
    try:
        value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise errors.UsageError(
            f"'{name}' holds a lone surrogate at character {error.start}"
        ) from None
    return value


def _wrong(name: str, wanted: str) -> errors.UsageError:
    return errors.UsageError(f"'{name}' must be {wanted}")
