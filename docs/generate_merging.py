"""The reference page of the merge strategies, made from their code. Written by ``generate.py``."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from coders_queue.merging import catalog, on_host, structured, vote, words
from coders_queue.merging.strategy import LeftOut, MergeResult, Options

_NEEDS = {
    "nothing": "Runs on any host.",
    "host": "Runs on the host that its parts ran on.",
    "worktree": "Runs on the host that its parts ran on, in a git worktree of its own.",
}
#: What each strategy makes: a text, or models, the outermost first.
_MAKES: dict[str, tuple[type[BaseModel], ...]] = {
    "report": (),
    "json": (structured.Structured, structured.Disagreement),
    "vote": (vote.Vote, vote.Ballot),
    "best": (on_host.Best, on_host.Score),
    "git": (on_host.GitMerge, on_host.MergedBranch, on_host.Conflict, on_host.ConflictFile),
}


def page(made: str) -> str:
    """The page; ``made`` says by which command."""
    return "\n".join(_lines(made)) + "\n"


def _lines(made: str) -> Iterator[str]:
    yield from ("# Merge strategies", "", made, "")
    yield from (
        "`coders run merge -- STRATEGY [OPTIONS]` on the command line, `Coders().merge(STRATEGY,",
        "option=...)` in Python. An option's value is a text, or else JSON; `--name=VALUE` and",
        "`--name VALUE` are the same. [How to merge](../how-to/merge-what-agents-found.md),",
        "[how it works](../explanation/merging.md).",
        "",
        "Every strategy takes:",
        "",
    )
    yield from _table(("Option", "Default", "Meaning"), _options(Options, set()))
    yield from ("", "## The result", "")
    yield from ("The `result` of a session that merges:", "")
    yield from _table(("Field", "Meaning"), _fields(MergeResult))
    yield from ("", "Each of `left_out`:", "")
    yield from _table(("Field", "Meaning"), _fields(LeftOut))
    for name, known in catalog.BUILT_IN.items():
        yield from (
            "",
            f"## {name}",
            "",
            f"{known.about[0].upper()}{known.about[1:]}. {_NEEDS[known.needs]}",
            "",
        )
        yield from _table(
            ("Option", "Default", "Meaning"), _options(known.options, set(Options.model_fields))
        )
        if name == "json":
            yield from _keyword()
        yield from ("", _what(name), "")
        for number, model in enumerate(_MAKES[name]):
            if number:
                yield from ("", f"A `{model.__name__}` in it:", "")
            yield from _table(("Field", "Meaning"), _fields(model))
    yield from (
        *("", "## Plug-ins", ""),
        f"An entry point of the group `{catalog.GROUP}` names a further strategy: an object as",
        "`coders_queue.merging.strategy.Strategy` describes it, or a class of such, whose `name`",
        "is the entry point's. It is installed wherever merges are asked for and carried out.",
    )


def _what(name: str) -> str:
    return "In `merged`:" if _MAKES[name] else "The text is in `merged`."


def _keyword() -> Iterator[str]:
    yield from (
        "",
        f"The keyword `{structured.KEYWORD}`, at any place of the schema (not below `anyOf` and",
        "the like), says how what the parts have there comes together:",
        "",
    )
    by = "lists of objects: those with the same value of that property are merged into one"
    rows = [(f"`{word}`", meaning) for word, meaning in structured.RULES.items()]
    yield from _table(("Word", "What it makes"), [*rows, ('`{"by": NAME}`', by)])


def _options(model: type[Options], left_out: set[str]) -> list[tuple[str, ...]]:
    rows = []
    for name, field in model.model_fields.items():
        if name in left_out:
            continue
        unset = field.default is PydanticUndefined
        default = "required" if unset else "none" if field.default is None else f"`{field.default}`"
        rows.append((f"`{words.option(name)}`", default, _one_line(field.description)))
    return rows


def _fields(model: type[BaseModel]) -> list[tuple[str, ...]]:
    return [
        (f"`{name}`", _one_line(field.description) or name.capitalize())
        for name, field in model.model_fields.items()
    ]


def _table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield "|---" * len(heads) + "|"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', '&#124;') for cell in row)} |"


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split())
