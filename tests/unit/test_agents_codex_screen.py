"""Codex's screens: recorded ones, labelled by what the model stub was doing, and hostile ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from coders_queue.agents.codex.adapter import CodexAdapter
from coders_queue.agents.screen import Screen

GOLDEN = Path(__file__).parents[1] / "golden" / "screens" / "codex"
CODEX = CodexAdapter()

RECORDED = [
    (index.parent.name, json.loads(line))
    for index in sorted(GOLDEN.glob("*/index.jsonl"))
    for line in index.read_text().splitlines()
]
BOX = "\n\n› Ask Codex to do anything\n\n  gpt-5-codex default · /w/app\n  ? for shortcuts\n"


def observe(text: str, title: str = "app") -> Any:
    return CODEX.observe_screen(Screen(text=text, title=title))


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
    seen = CODEX.observe_screen(screen, version)
    if entry["state"] == "rate_limited" and "more will follow" in entry["note"]:
        # retries that it keeps to itself look like work: no reader could be right about both
        assert seen.state in ("rate_limited", "working")
    else:
        assert seen.state == entry["state"]
    if "draft" in entry:
        assert seen.draft == entry["draft"]


def test_there_are_screens_of_every_state() -> None:
    """The corpus tries each."""
    states = {entry["state"] for _, entry in RECORDED}
    assert states >= {"starting", "dialog", "idle", "working", "waiting", "rate_limited", "error"}
    assert "exited" in states


def test_a_question_is_told_with_its_command_and_choices() -> None:
    """A choice that is wrapped is put together again; keys and numbers are left out."""
    text = (
        "› make it so\n\n\n• Running bash run_tests.sh 8.832\n\n\n"
        "  Would you like to run the following command?\n\n"
        "  Reason: needs to run outside the sandbox\n\n  $ bash run_tests.sh 8.832\n\n\n"
        "› 1. Yes, proceed (y)\n"
        "  2. Yes, and don't ask again for commands that start with `bash run_tests.sh\n"
        "     8.832` (p)\n"
        "  3. No, and tell Codex what to do differently (esc)\n\n"
        "  Press enter to confirm or esc to cancel\n"
    )
    seen = observe(text, "[ ! ] Action Required | app")
    assert seen.state == "waiting"
    assert seen.question == ("Would you like to run the following command? bash run_tests.sh 8.832")
    assert seen.choices == (
        "Yes, proceed",
        "Yes, and don't ask again for commands that start with `bash run_tests.sh 8.832`",
        "No, and tell Codex what to do differently",
    )


def test_a_question_of_the_start_is_a_dialog() -> None:
    """Remarks under its choices are not part of them."""
    text = (
        "  Welcome to Codex\n\n  Choose how you want to use Codex.\n\n"
        "> 1. Sign in with ChatGPT\n     Usage included with Plus\n\n"
        "  2. Sign in another way\n     Use an API key or another provider\n\n"
        "  Press enter to continue\n"
    )
    seen = observe(text, "devbox")
    assert seen.state == "dialog"
    assert seen.question == "Choose how you want to use Codex."
    assert seen.choices == ("Sign in with ChatGPT", "Sign in another way")


def test_choices_are_told_without_what_they_mean() -> None:
    """That stands in a second column, wrapped."""
    text = (
        "• Hi.\n\n  Update Model Permissions\n\n"
        "› 1. Ask for approval  Read and edit workspace files and run commands, with\n"
        "                       approval required for edits outside the workspace\n"
        "  2. Full Access       Use with caution\n\n"
        "  Press enter to confirm or esc to go back\n"
    )
    seen = observe(text)
    assert seen.state == "dialog"
    assert seen.choices == ("Ask for approval", "Full Access")


MISLEADING = [
    "• Working (8s • esc to interrupt)",
    "• Reconnecting... 2/5 (9s • esc to interrupt)\n  └ Unexpected status 529",
    "• ■ exceeded retry limit, last status: 429 Too Many Requests",
    "• Pane is dead (signal 9, Sun Nov 22 17:35:32 2026)",
    "• Do it?\n\n  › 1. Yes\n    2. No\n\n  Press enter to confirm or esc to cancel",
    "• To continue this session, run codex resume 01a20453-394d-7ec3-9dee-995bbefd8c23",
    "• [ ! ] Action Required",
]


@pytest.mark.parametrize("answer", MISLEADING)
def test_what_the_model_quotes_is_not_believed(answer: str) -> None:
    """It stands above the box, behind a bullet."""
    assert observe(f"› quote it\n\n{answer}{BOX}").state == "idle"


@pytest.mark.parametrize("title", ["", "devbox", "my own title"])
def test_the_line_over_the_box_tells_where_the_title_does_not(title: str) -> None:
    """Old versions set none; a person may have set another."""
    busy = "› go\n\n• Working (1m 02s • esc to interrupt)"
    assert observe(busy + BOX, title).state == "working"
    assert observe("› go\n\n• Done.\n\n  Worked for 2s • 17:22" + BOX, title).state == "idle"


def test_an_answer_without_the_turns_last_line_is_still_coming() -> None:
    """Told from the screen alone where no title is known; old versions draw no such line."""
    text = "› go\n\n• The first words of an answer" + BOX
    assert CODEX.observe_screen(Screen(text=text), "0.169.0").state == "working"
    assert CODEX.observe_screen(Screen(text=text, title="app"), "0.169.0").state == "idle"
    assert CODEX.observe_screen(Screen(text=text), "0.125.0").state == "idle"
    # of an unknown version, one such line has to be seen
    assert observe(text, "").state == "idle"
    assert observe("› hi\n\n• Hi.\n\n  Worked for 1m 2s • 17:22\n\n" + text, "").state == "working"


def test_a_service_that_wants_a_pause_is_told_while_it_is_tried_again() -> None:
    """Other failures are work as long as it tries."""
    text = "› go\n\n• Reconnecting... 1/5 (3s • esc to interrupt)\n  └ Unexpected status {}: x"
    assert observe(text.format(529) + BOX, "⠴ app").state == "rate_limited"
    assert observe(text.format(500) + BOX, "⠴ app").state == "working"


def test_a_limit_is_told_with_what_it_says() -> None:
    """A message wraps to the very edge."""
    text = "› go\n\n■ You’ve hit your usage limit. Upgrade to Pro or\ntry again at 8:31 PM."
    seen = observe(text + BOX)
    assert seen.state == "rate_limited"
    assert seen.message == ("You’ve hit your usage limit. Upgrade to Pro or try again at 8:31 PM.")


@pytest.mark.parametrize(
    "text",
    [
        "› go\n\n• Hi.\n\n› Killeddex to do anything\ndev@devbox:/w# \n  gpt-5-codex · /w/app\n",
        "› go\n\n› Killeddex to do anything\n\n  gpt-5-codex default · /w/app\n",
        f"› go\n{BOX}Pane is dead (signal 9, Sun Nov 22 17:35:32 2026)\n",
        "Error loading configuration: approval_policy is no longer supported\n",
        "Token usage: total=18 input=11 output=7\nTo continue this session, run:\n"
        "  codex resume 01a20453-394d-7ec3-9dee-995bbefd8c23\n",
    ],
)
def test_a_program_that_is_gone_is_gone_whatever_its_title_says(text: str) -> None:
    """The title of a killed program keeps its spinner."""
    assert observe(text, "⠦ app").state == "exited"


@pytest.mark.parametrize(
    "text",
    ["", "\n\n\n", "WARNING: proceeding, even though we could not create PATH aliases\n"],
)
def test_a_program_that_draws_nothing_yet_is_starting(text: str) -> None:
    """So that nothing is typed into it."""
    assert observe(text, "devbox").state == "starting"


def test_a_person_who_leafs_back_hides_the_box_but_not_the_title() -> None:
    """The pager shows old prompts, none of which is the box."""
    text = "/ T R A N S C R I P T / / / / /\n\n› go\n\n• Done.\n\n──── 100% ─\n q to quit\n"
    assert observe(text).state == "unknown"
    assert observe(text, "⠦ app").state == "working"


@pytest.mark.parametrize("text", ["$ ls\na b\n$ ", "\x1b]0;x\x07\x1b[2J???", "‘’“” ═══"])
def test_another_programs_screen_is_unknown(text: str) -> None:
    """Nothing of Codex's is there."""
    assert observe(text).state == "unknown"
