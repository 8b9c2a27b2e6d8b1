"""Dialogs of real agents, from recorded screens: what is asked, and which key answers what."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from coders_queue.agents import registry
from coders_queue.agents.dialog import Dialog, call_of
from coders_queue.agents.screen import Screen
from coders_queue.models.approval import MAX_DETAIL
from support.screen_corpus import Sample, samples, versions

TOOLS = ("claude", "codex", "gemini", "qwen")
_RULE = "─" * 80


def recorded(tool: str) -> Iterator[tuple[Sample, Screen]]:
    for version in versions(tool):
        for sample in samples(tool, version):
            yield sample, Screen(sample.text, sample.title, sample.columns, sample.rows)


@pytest.mark.parametrize("tool", TOOLS)
def test_what_is_to_be_done_is_read_from_every_question_for_leave(tool: str) -> None:
    """The tool, and the command or the file; yes once and no have keys of their own."""
    seen = 0
    for sample, screen in recorded(tool):
        dialog = registry.get(tool).dialog(screen) if sample.state == "waiting" else None
        if dialog is None or dialog.kind != "permission":
            continue
        seen += 1
        call = dialog.call
        assert call is not None, sample.file
        assert call.command or call.path, sample.file
        assert [one.key for one in dialog.choices if one.means == "allow"] in (["1"], ["y"]), (
            sample.file
        )
        assert {one.key for one in dialog.choices if one.means == "deny"} <= {"Escape"}, sample.file
        assert dialog.dismiss == "Escape"
        assert not dialog.busy
    assert seen >= 2


@pytest.mark.parametrize("tool", TOOLS)
def test_a_screen_that_asks_nothing_has_no_dialog(tool: str) -> None:
    """Whatever the model writes: its lists and quoted questions are no choices."""
    adapter = registry.get(tool)
    for sample, screen in recorded(tool):
        if sample.state in ("idle", "working") and sample.untold is None:
            asks = bool(adapter.observe_screen(screen).choices)
            assert not asks or adapter.dialog(screen) is None, sample.file


def claude(*inner: str, body: tuple[str, ...], mark: int = 1) -> Dialog | None:
    choices = ("Yes", "Yes, and don't ask again", "No")
    lines = [
        *(*body, _RULE, " Bash command", "", *(f"   {line}" for line in inner), ""),
        " Do you want to proceed?",
        *(
            f" {'❯' if number == mark else ' '} {number}. {text}"
            for number, text in enumerate(choices, 1)
        ),
        *("", " Esc to cancel"),
    ]
    return registry.get("claude").dialog(Screen("\n".join(lines)))


@pytest.mark.parametrize(
    ("inner", "body", "whole"),
    [
        (("git log", "Why"), ("● Bash(git log)", "  ⎿  Running…"), True),
        (("git log", "Why"), ("  What for", "  ⎿  $ git log"), True),
        (("git log", "rm -rf /"), ("● Bash(git log", "      rm -rf /)"), False),
        (("git log", "rm -rf /"), ("  ⎿  $ git log", "     rm -rf /"), False),
        (("git log", "rm", "Why"), ("● Bash(git log)",), False),
        (("git log", "Why"), ("● Bash(git log)", "● Bash(git log; rm x)"), False),
        (("git log", "Why"), ("● Bash(git log…)",), False),
        (("git log", "Why"), (), False),
    ],
)
def test_a_command_is_whole_only_where_it_is_shown_twice(
    inner: tuple[str, ...], body: tuple[str, ...], whole: bool
) -> None:
    """A second line may be what it is for, or more of it."""
    dialog = claude(*inner, body=body)
    assert dialog is not None
    assert dialog.call is not None
    assert dialog.call.whole is whole


def test_a_mark_that_moves_makes_no_other_dialog() -> None:
    """Another command does, though the question is the same."""
    one, two = claude("ls", body=()), claude("ls", body=(), mark=2)
    other = claude("rm", body=())
    assert one is not None
    assert two is not None
    assert other is not None
    assert one.digest == two.digest != other.digest
    assert one.question == other.question


def test_what_is_too_long_is_not_whole() -> None:
    """It is cut, and no policy allows it."""
    cut = call_of("Bash", command="x" * (MAX_DETAIL + 1), whole=True)
    assert (len(cut.command or ""), cut.whole) == (MAX_DETAIL, False)
    assert not call_of("Bash", command="ls \udcff", whole=True).whole


@pytest.mark.parametrize(
    ("marked", "keys"),
    [
        ("Allow once", ["Enter", None, "Escape"]),
        ("Allow always", [None, "Enter", "Escape"]),
        (None, [None, None, "Escape"]),
    ],
)
def test_opencode_takes_enter_for_what_is_marked(marked: str | None, keys: list[str]) -> None:
    """Its choices have no keys of their own; without colours nothing can be allowed."""
    parts = []
    for text in ("Allow once", "Allow always", "Reject"):
        plain = f"\x1b[48;5;234m  \x1b[38;5;8m{text}\x1b[38;5;15m "
        chosen = f" \x1b[48;5;215m \x1b[38;5;232m{text}\x1b[38;5;15m \x1b[48;5;234m"
        parts.append(chosen if text == marked else plain)
    rows = ["", "△ Permission required", "  # Shell command", "", "$ git log", "", "", ""]
    lines = [*(f"  ┃  {row}" for row in rows), f"  ┃ {''.join(parts)}     enter confirm", "  ┃"]
    dialog = registry.get("opencode").dialog(Screen("\n".join(lines)))
    assert dialog is not None
    assert [one.key for one in dialog.choices] == keys
    assert dialog.call == call_of("bash", command="git log", whole=True)


def test_opencodes_recorded_questions_for_leave_are_read() -> None:
    """The command or the file of each."""
    seen = 0
    for sample, screen in recorded("opencode"):
        dialog = registry.get("opencode").dialog(screen)
        if dialog is not None:
            seen += 1
            assert sample.state == "waiting", sample.file
            assert dialog.call is not None, sample.file
    assert seen >= 8
