"""Answers of a given shape: the wish put to a model, and whether its answer fulfils it.

Tools that take a JSON schema themselves are told it; every answer is checked here all the same,
because a promise kept by most models most of the time is no promise.
"""

from __future__ import annotations

import json
from typing import Any

from coders_queue.json_schema import WrongAnswer, check_schema, typed

__all__ = ["WrongAnswer", "check_schema", "typed", "wish"]


def wish(task: str, schema: dict[str, Any]) -> str:
    """The task with the schema of the answer asked for behind it."""
    text = json.dumps(schema, indent=2, ensure_ascii=False)
    return (
        f"{task}\n\nYour last message must be one JSON value and nothing else, no prose and no "
        f"code fence around it. It must be valid under this JSON schema:\n{text}"
    )
