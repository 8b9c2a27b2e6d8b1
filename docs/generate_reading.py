"""The page on how well screens are read, made from the corpus of labelled screens.

``python docs/generate_reading.py`` writes it; tests/unit/test_reading_corpus.py fails when it is
old.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))

from support import screen_corpus as corpus  # noqa: E402 (tests/ is on the path only now)

PAGE = "reference/reading-scores.md"
TOOLS = ("claude", "codex", "gemini", "opencode", "qwen")
_MADE = "<!-- Made by `python docs/generate_reading.py`: do not edit. -->"


def page() -> str:
    """All of it."""
    lines = [
        *("# How well screens are read", "", _MADE, ""),
        "Screens of the real CLIs, recorded by `tests/support/record_screens.py` against the",
        "model stub. A label is what the stub and the process were doing. *Colours* is",
        "`capture-pane -e`, *plain* the same without them. What the signals can tell is",
        "[explained](../explanation/reading.md).",
        "",
        "| Agent | Versions | Samples | Macro-F1, colours | Macro-F1, plain |",
        "|---|---|---|---|---|",
    ]
    for tool in TOOLS:
        found = list(corpus.samples(tool))
        both = [corpus.score(found, colours=colours).macro_f1 for colours in (True, False)]
        versions = ", ".join(corpus.versions(tool))
        lines.append(f"| {tool} | {versions} | {len(found)} | {both[0]:.3f} | {both[1]:.3f} |")
    lines += _first_looks()
    for tool in TOOLS:
        lines += _tool(tool)
    return "\n".join(lines) + "\n"


def _first_looks() -> list[str]:
    lines = [
        *("", "## Versions held out", ""),
        "Each was recorded when the reader was finished for the others, and read before anything",
        "was mended for it. That first score is the honest one for a version nobody has seen.",
        "",
        "*All* counts what no screen tells too, the others leave it out.",
        "",
        "| Agent | Version | Reader | Samples | Macro-F1, all | colours | plain | Missed |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for tool, looks in sorted(corpus.first_looks().items()):
        for version, look in sorted(looks.items()):
            missed = "; ".join(
                f"{what} ({count})" if count > 1 else what
                for what, count in Counter(look["missed"]).items()
            )
            lines.append(
                f"| {tool} | {version} | {look['reader']} | {look['samples']} | {look['all']:.3f} "
                f"| {look['colours']:.3f} | {look['plain']:.3f} | {missed or 'nothing'} |"
            )
    return lines


def _tool(tool: str) -> list[str]:
    found = list(corpus.samples(tool))
    sizes = Counter((one.columns, one.rows) for one in found)
    told = ", ".join(
        f"{columns}x{rows}: {count}" for (columns, rows), count in sorted(sizes.items())
    )
    whole = corpus.score(found, colours=True)
    plain = corpus.score(found, colours=False)
    versions = corpus.versions(tool)
    lines = ["", f"## {tool}", "", f"Sizes: {told}.", ""]
    lines.append(f"| State | {' | '.join(versions)} | F1, colours | F1, plain |")
    lines.append("|---" * (len(versions) + 3) + "|")
    for state in whole.states:
        counts = [
            sum(one.version == version and one.state == state for one in found)
            for version in versions
        ]
        shown = " | ".join(map(str, counts))
        lines.append(f"| {state} | {shown} | {whole.f1(state):.3f} | {plain.f1(state):.3f} |")
    wrong = [(was, seen, count) for (was, seen), count in whole.pairs.items() if was != seen]
    if wrong:
        lines += ["", "Missed (colours):", ""]
        lines += [f"- {was} seen as {seen}: {count}" for was, seen, count in sorted(wrong)]
    untold = Counter((one.state, one.untold) for one in found if one.untold is not None)
    if untold:
        lines += ["", "Not counted, for their screen shows the same in another state:", ""]
        lines += [f"- {state}: {count}; it {why}" for (state, why), count in sorted(untold.items())]
    return lines


if __name__ == "__main__":
    (HERE / PAGE).write_text(page(), encoding="utf-8")
