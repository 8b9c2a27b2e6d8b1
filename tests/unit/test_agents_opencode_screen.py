"""opencode's screens: recorded ones, labelled by what the stub was doing, and hostile ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from coders_queue.agents.opencode.adapter import OpencodeAdapter
from coders_queue.agents.screen import Screen

GOLDEN = Path(__file__).parents[1] / "golden" / "screens" / "opencode"
OPENCODE = OpencodeAdapter()

RECORDED = [
    (index.parent.name, json.loads(line))
    for index in sorted(GOLDEN.glob("*/index.jsonl"))
    for line in index.read_text().splitlines()
]
EDGE = "▀" * 100
BOX = f"  ┃\n  ┃\n  ┃\n  ┃  Build · Model Provider\n  ╹{EDGE}\n"
IDLE = f"{BOX}   /srv/app                     18  ctrl+p commands\n"
BUSY = f"{BOX}   ■■⬝⬝⬝⬝⬝⬝  esc interrupt     18  ctrl+p commands\n"
TURN = "  ┃\n  ┃  do it\n  ┃\n\n     {}\n\n     ▣  Build · Model · 2.1s\n\n"


def observe(text: str) -> Any:
    return OPENCODE.observe_screen(Screen(text=text, title="OC | app"))


@pytest.mark.parametrize(
    ("version", "entry"), RECORDED, ids=[f"{version}-{one['file']}" for version, one in RECORDED]
)
def test_a_recorded_screen_is_read_as_what_it_was(version: str, entry: dict[str, Any]) -> None:
    """By structure and place, for all versions alike."""
    screen = Screen(
        text=(GOLDEN / version / entry["file"]).read_text(),
        title=entry["title"],
        columns=entry["columns"],
        rows=entry["rows"],
    )
    assert OPENCODE.observe_screen(screen, version).state == entry["state"]


def test_there_are_screens_of_every_state() -> None:
    """The corpus tries each that opencode has; it asks nothing at its start."""
    states = {entry["state"] for _, entry in RECORDED}
    wanted = {"starting", "idle", "working", "waiting", "rate_limited", "error", "exited"}
    assert states == wanted


@pytest.mark.parametrize(
    "answer",
    [
        "■■⬝⬝⬝⬝⬝⬝  esc interrupt",
        "┃  △ Permission required",
        "Rate limit reached [retrying in 5s attempt #2]",
        "╹▀▀▀▀▀▀▀▀",
        "Continue  opencode -s ses_1",
        "you@host:~$",
        "Incorrect API key provided: stub.",
    ],
)
def test_what_the_model_writes_decides_nothing(answer: str) -> None:
    """It stands within the conversation, where no sign of the tool's own does."""
    assert observe(TURN.format(answer) + IDLE).state == "idle"
    assert observe(TURN.format(answer) + BUSY).state == "working"


def test_a_retry_is_told_by_its_message() -> None:
    """A limit is one; a server's error is work that goes on. The spinner runs into the words."""
    limited = observe(
        f"{BOX}   ⬝Rate⬝limit reached for m [retrying in 9s attempt #2]  esc interrupt\n"
    )
    assert limited.state == "rate_limited"
    assert limited.message == "Rate limit reached for m [retrying in 9s attempt #2]"
    server = observe(f"{BOX}   ■■■⬝⬝⬝⬝⬝ The server had an error [retrying in 1s attem\n    #2]\n")
    assert server.state == "working"


def test_a_question_is_told_with_its_choices() -> None:
    """Permissions by what is to be run, questions as they stand there."""
    asked = observe(
        "     ▣  Build · Model\n\n  ┃\n  ┃  △ Permission required\n  ┃    # Shell command\n  ┃\n"
        "  ┃  $ git push      Context\n  ┃\n"
        "  ┃   Allow once   Allow always   Reject        ⇆ select  enter confirm\n  ┃\n"
    )
    assert asked.state == "waiting"
    assert asked.question == "Permission required: $ git push"
    assert asked.choices == ("Allow once", "Allow always", "Reject")
    question = observe(
        "  ┃\n  ┃  Which one?\n  ┃\n  ┃  1. Red\n  ┃     Make it red\n  ┃  2. Blue\n  ┃\n"
        "  ┃  ↑↓ select  enter submit  esc dismiss\n  ┃\n"
    )
    assert (question.state, question.question) == ("waiting", "Which one?")
    assert question.choices == ("Red", "Blue")


def test_a_draft_is_what_a_person_typed() -> None:
    """Not what stands in an empty box, and not the menu above it."""
    home = IDLE.replace("  ┃\n  ┃\n  ┃\n", '  ┃\n  ┃  Ask anything… "Fix it"\n  ┃\n')
    assert observe(home).draft is None
    typed = IDLE.replace("  ┃\n  ┃\n  ┃\n", "  ┃\n  ┃  one\n  ┃    two\n  ┃\n")
    assert observe(typed).draft == "one\n  two"
    menu = "  ┃ /exit       Exit the app            ┃\n"
    assert observe(menu + typed).draft == "one\n  two"


def test_an_error_ends_a_turn_without_its_time() -> None:
    """A prompt that was stopped does so, too, but follows the turn before."""
    error = "  ┃\n  ┃  do it\n  ┃\n\n  ┃\n  ┃  No such model.\n  ┃\n\n     ▣  Build · Model\n\n"
    seen = observe(error + IDLE)
    assert (seen.state, seen.message) == ("error", "No such model.")
    stopped = TURN.format("yes") + "  ┃\n  ┃  again\n  ┃\n\n     ▣  Build · Model\n\n"
    assert observe(stopped + IDLE).state == "idle"


def test_nothing_and_garbage_are_not_taken_for_an_agent_at_work() -> None:
    """Unknown is an answer."""
    assert observe("").state == "starting"
    assert observe("lorem ipsum\n").state == "unknown"
    assert observe("  ┃\n  ┃ half a block\n").state == "unknown"
    assert observe("Pane is dead (status 0, Sun Nov 22 22:29:58 2026)\n").state == "exited"
