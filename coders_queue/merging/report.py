"""``report``: all answers after one another, as one text in Markdown."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from coders_queue.merging.part import Part
from coders_queue.merging.strategy import Merge, Needs, Options


class ReportOptions(Options):
    """The options of ``report``."""

    title: str | None = None
    """The heading of the whole; none without it."""
    heading: str = "{number}. {label}"
    """The heading of each part: `{number}` is its place among the parts, `{label}` its session's
    short id."""


class Report:
    """Concatenates."""

    name = "report"
    about = "all answers after one another, as one text in Markdown"
    options: type[Options] = ReportOptions
    needs: Needs = "nothing"

    def merge(self, parts: Sequence[Part], options: ReportOptions, place: Path) -> Merge:
        """The text."""
        blocks = [] if options.title is None else [f"# {options.title}"]
        for part in parts:
            heading = options.heading.replace("{number}", str(part.number))
            blocks += [f"## {heading.replace('{label}', part.label)}", _text(part.value)]
        return Merge(merged="\n\n".join(block for block in blocks if block) + "\n")


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value.strip("\n")
    text = json.dumps(value, indent=2, ensure_ascii=False)
    # longer than any run of them inside, so that none there ends it
    fence = max((len(run) for run in re.findall("`+", text)), default=0)
    marks = "`" * max(3, fence + 1)
    return f"{marks}json\n{text}\n{marks}"
