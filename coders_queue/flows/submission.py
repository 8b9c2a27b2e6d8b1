"""A flow with all that it is given when it is submitted: from here on nothing of it changes.

Reads the files that an ``each`` names by a pattern; that is all of the machine that it looks at. A
submission can be written down and comes back the same.
"""

from __future__ import annotations

import glob
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from coders_queue import errors
from coders_queue.flows import language, parameters
from coders_queue.flows.check import check
from coders_queue.flows.data import Fault, text_of
from coders_queue.flows.model import MAX_ITEMS, Flow, Glob
from coders_queue.flows.order import Waits
from coders_queue.models.base import Model


class Submission(Model):
    """What is written down of a flow that was submitted."""

    flow: Flow
    parameters: dict[str, Any] = Field(default_factory=dict)
    """A value for each parameter."""
    directory: str
    """The directory it was submitted in, absolute: what relative paths are seen from."""
    waits: dict[str, Waits]
    """What each step waits for."""
    items: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """The files that were found for each step whose `each` is a pattern."""

    def dump(self) -> str:
        """As JSON."""
        flow = self.flow.model_dump(mode="json", by_alias=True, exclude_unset=True)
        rest = self.model_dump(mode="json", exclude={"flow"})
        return json.dumps({"flow": flow, **rest}, separators=(",", ":"))

    @classmethod
    def load(cls, text: str) -> Submission:
        """The inverse of :meth:`dump`."""
        # the model's own parser refuses what stands for a byte of a file name that is not UTF-8
        return cls.model_validate(json.loads(text))


def submit(flow: Flow, given: Mapping[str, Any], directory: str) -> Submission:
    """Check a flow once more and bind its parameters. Raises UsageError."""
    waits = check(flow)
    values = parameters.bind(flow, given, directory)
    items = {
        name: _files(name, step.each, values, directory)
        for name, step in flow.steps.items()
        if isinstance(step.each, Glob)
    }
    return Submission(flow=flow, parameters=values, directory=directory, waits=waits, items=items)


def _files(name: str, each: Glob, values: Mapping[str, Any], directory: str) -> tuple[str, ...]:
    try:
        pattern = text_of(language.render(each.glob, {"parameters": values}))
    except Fault as fault:
        raise errors.UsageError(f"steps.{name}.each.glob: {fault}") from None
    if "\0" in pattern:
        raise errors.UsageError(f"steps.{name}.each.glob: holds a NUL byte")
    if not Path(directory).is_dir():
        raise errors.UsageError(f"{directory} is no directory", "submit the flow from one")
    found = []
    for path in glob.iglob(pattern, root_dir=directory, recursive=True):  # noqa: PTH207
        found.append(path)
        if len(found) > MAX_ITEMS:
            raise errors.UsageError(
                f"steps.{name}.each: {pattern!r} fits more than {MAX_ITEMS} files",
                "choose a narrower pattern",
            )
    return tuple(sorted(found))
