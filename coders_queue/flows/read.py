"""A flow from its file, or from values of Python: read, put together, checked.

Owns the files that belong to a flow: itself, and the schemas beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from coders_queue import errors
from coders_queue.documents import document as documents
from coders_queue.documents.document import Document
from coders_queue.documents.mistakes import mistakes
from coders_queue.documents.parsed import KeyPath
from coders_queue.flows import parameters
from coders_queue.flows.check import check
from coders_queue.flows.model import Flow
from coders_queue.flows.problem import Problem, refuse
from coders_queue.models.spec import MAX_SCHEMA_BYTES

#: The largest flow file, bytes.
MAX_BYTES = 1024 * 1024

EXAMPLE = 'flow: tell, steps: {one: {agent: claude, task: "..."}}'


def load(file: Path) -> Flow:
    """The flow of a file, checked. Raises ConfigError with file and line."""
    read = documents.read(file, MAX_BYTES, "a flow's file", EXAMPLE)
    return _flow(read.data, read)


def of_data(data: Mapping[str, Any]) -> Flow:
    """The flow of values as a file has them, checked. Raises ConfigError."""
    return _flow(data, None)


def _flow(data: Mapping[str, Any], document: Document | None) -> Flow:
    if document is not None:
        data = _with_schemas(data, document)
    try:
        flow = Flow.model_validate(data)
    except ValidationError as error:
        found = mistakes(error, data, Flow)
        refuse((Problem(one.path, one.message, one.hint) for one in found), document)
        raise AssertionError from None
    except RecursionError:
        raise errors.ConfigError("the flow is nested too deeply") from None
    if document is None and (wrong := parameters.not_data(dict(data))) is not None:
        raise errors.ConfigError(f"the flow should be plain data, but holds {wrong}")
    check(flow, document)
    return flow


def _with_schemas(data: Mapping[str, Any], document: Document) -> dict[str, Any]:
    """The values with the schemas that stand in files put in; each file is read once."""
    known: dict[str, Any] = {}
    problems: list[Problem] = []
    whole = dict(data)
    for path, fields in list(_fielded(whole)):
        name = fields.get("schema")
        if not isinstance(name, str):
            continue
        if name not in known:
            known[name] = _schema(name, document, problems, (*path, "schema"))
        if known[name] is not None:
            _put(whole, path, {**fields, "schema": known[name]})
    refuse(problems, document)
    return whole


def _fielded(data: Mapping[str, Any]) -> Iterator[tuple[KeyPath, dict[str, Any]]]:
    """The mappings that may hold a schema."""
    if isinstance(defaults := data.get("defaults"), dict):
        yield ("defaults",), defaults
    steps = data.get("steps")
    for name, step in steps.items() if isinstance(steps, dict) else ():
        if isinstance(step, dict):
            yield ("steps", name), step


def _put(whole: dict[str, Any], path: KeyPath, fields: dict[str, Any]) -> None:
    if path[0] == "defaults":
        whole["defaults"] = fields
    else:
        whole["steps"] = {**whole["steps"], path[1]: fields}


def _schema(
    name: str, document: Document, problems: list[Problem], path: KeyPath
) -> dict[str, Any] | None:
    try:
        read = documents.read(
            document.file.parent / name, MAX_SCHEMA_BYTES, "a schema's file", "type: object"
        )
    except (errors.ConfigError, ValueError) as error:
        hint = error.hint if isinstance(error, errors.ConfigError) else None
        told = error.message if isinstance(error, errors.ConfigError) else str(error)
        problems.append(Problem(path, f"{'.'.join(path)}: {told}", hint))
        return None
    return dict(read.data)
