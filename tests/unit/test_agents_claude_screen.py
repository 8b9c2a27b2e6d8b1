"""Claude Code's screens: the pictures that decide, cut to what matters.

Whole recorded screens, and how many are read right, are in ``tests/golden/screens``.
"""

from __future__ import annotations

import pytest

from coders_queue.agents.claude.adapter import ClaudeAdapter
from coders_queue.agents.screen import Screen
from coders_queue.models.observation import Observation

RULE = "─" * 60
BOX = f"\n{RULE}\n❯\xa0\n{RULE}\n  ? for shortcuts · ← for agents\n"
TURN = "❯ fix it\n\n● Bash(make)\n  ⎿  ok\n"


def look(text: str, title: str = "✳ Claude Code") -> Observation:
    return ClaudeAdapter().observe_screen(Screen(text, title, 60, 20))


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("", "starting"),
        ("\n\n  \n", "starting"),
        (BOX, "idle"),
        (TURN + "\n● Done.\n\n✻ Worked for 3s\n" + BOX, "idle"),
        (TURN + "\n✻ Pondering… (3s · ↓ 4 tokens)\n" + BOX, "working"),
        (TURN + "\n* Herding…\n  ⎿  Tip: Use /memory\n" + BOX, "working"),
        (TURN + "\n· Sussing… (esc to interrupt)\n" + BOX, "working"),
        ("❯ fix it\n" + BOX, "working"),
        ("❯ fix it\n  and that\n" + BOX, "working"),
        (TURN + "\n✻ API error · Retrying in 2s · attempt 3/10\n" + BOX, "rate_limited"),
        (TURN + "\n● API Error: 400 bad request\n" + BOX, "error"),
        ("❯ fix it\n  ⎿  Invalid API key · Fix external API key\n" + BOX, "error"),
        ("❯ fix it\n  ⎿  You've hit your limit · resets 3pm\n" + BOX, "rate_limited"),
        (TURN + "\n● Done.\n\nPane is dead (status 0, Sun Nov 22)\n", "exited"),
        ("dev@box:~$ \n", "exited"),
        (TURN + "\n> /exit\n  ⎿  See ya!\n" + BOX, "exited"),
    ],
)
def test_the_state_is_read_from_structure(text: str, state: str) -> None:
    """Spinner line, box, footer, the last turn's end."""
    assert look(text).state == state


@pytest.mark.parametrize(
    "said",
    [
        "esc to interrupt",
        "✻ Thinking… (12s · esc to interrupt)",
        "✻ API error · Retrying in 2s · attempt 3/10",
        "Do you want to proceed?\n  ❯ 1. Yes\n    2. No",
        "Pane is dead (status 1)",
        "You've hit your limit · resets 3pm",
    ],
)
def test_the_models_words_change_nothing(said: str) -> None:
    """Its text is indented, and stands neither in the box nor below it."""
    text = "\n".join(["❯ say it", "", f"● Well: {said}", "  That is all.", "", "✻ Baked for 1s"])
    assert look(text + BOX).state == "idle"


def test_an_old_error_is_healed_by_the_next_turn() -> None:
    """Only what the last turn came to counts."""
    text = "❯ one\n\n● API Error: 500\n\n✻ Worked for 0s\n\n❯ two\n\n● Fine.\n"
    assert look(text + BOX).state == "idle"


def test_the_title_spins_while_it_works() -> None:
    """The footer drops its hint while the box holds text; the title does not."""
    text = f"❯ go\n\n● I looked\n\n{RULE}\n❯ also the docs\n{RULE}\n"
    seen = look(text, "⠐ Claude Code")
    assert (seen.state, seen.draft) == ("working", "also the docs")
    assert look(text).state == "idle"


def test_a_permission_is_asked() -> None:
    """With its question and the answers offered."""
    text = (
        f"{TURN}\n{RULE}\n Bash command\n\n   make\n\n This command requires approval\n\n"
        " Do you want to proceed?\n ❯ 1. Yes\n   2. Yes, and don't ask again for: make\n   3. No\n"
        "\n Esc to cancel · Tab to amend\n"
    )
    seen = look(text)
    assert (seen.state, seen.question) == ("waiting", "Do you want to proceed?")
    assert seen.choices == ("Yes", "Yes, and don't ask again for: make", "No")


def test_a_start_asks_for_trust() -> None:
    """Before the tool has set its title."""
    text = (
        f"{RULE}\n Accessing workspace:\n\n /w\n\n Quick safety check: Is this yours?\n\n"
        " ❯ 1. Yes, I trust this folder\n   2. No, exit\n\n Enter to confirm · Esc to cancel\n"
    )
    seen = look(text, "devbox")
    assert (seen.state, seen.question) == ("dialog", "Quick safety check: Is this yours?")
    assert seen.choices == ("Yes, I trust this folder", "No, exit")


def test_a_limits_menu_is_a_limit() -> None:
    """What a subscription's end shows."""
    text = (
        f"{TURN}\n{RULE}\n What do you want to do?\n\n ❯ 1. Stop and wait for limit to reset\n"
        "   2. Upgrade your plan\n\n Enter to confirm · Esc to cancel\n"
    )
    assert look(text).state == "rate_limited"


@pytest.mark.parametrize(
    ("inside", "draft"),
    [
        ("❯ fix the docs", "fix the docs"),
        ("❯ one\n  two", "one\ntwo"),
        ('❯ Try "edit app.py to..."', None),
        ("❯ Press up to edit queued messages", None),
        ("❯ [Pasted text #1 +59 lines]", "[Pasted text #1 +59 lines]"),
        ("❯\xa0\x1b[2mwhat the tool suggests\x1b[22m", None),
        ("❯\xa0", None),
    ],
)
def test_a_draft_is_told_from_a_suggestion(inside: str, draft: str | None) -> None:
    """A suggestion is dim, or one of the tool's own texts."""
    assert look(f"{RULE}\n{inside}\n{RULE}\n  ? for shortcuts\n").draft == draft


@pytest.mark.parametrize("title", ["\x1b]0;x\x07", "\0", "⠐" * 10_000, "", "\u2028"])
def test_a_hostile_title_breaks_nothing(title: str) -> None:
    """It is only looked at."""
    assert look(BOX, title).state in ("idle", "working")


KEYS = """\
❯ run the check

  What the prompt asks for
  ⎿  $ touch x

────────────────────────────────────────────────────────────
  Auto mode can't check actions in this session

  Your requests go through 127.0.0.1:39245, and the check
  isn't getting through.

  Enter to stay in auto mode · shift+Tab to leave for accept
  edits mode and stop · Esc to cancel
"""


def test_a_question_may_be_answered_by_keys() -> None:
    """Without numbers the last line names the answers; a narrow screen breaks it."""
    seen = look(KEYS)
    assert (seen.state, seen.question) == (
        "waiting",
        "Auto mode can't check actions in this session",
    )
    assert len(seen.choices) == 3


def test_a_shell_has_the_terminal_of_a_killed_agent_back() -> None:
    """The picture and the title are stale; the prompt in the middle of the box is not."""
    text = (
        "❯ tell me slowly\n\n✢ Deciphering… (1s · ↓ 9 tokens)\n\n"
        + "─" * 60
        + "\n❯\xa0Killed\ndev@devbox:~/project$ "
        + "─" * 38
        + "\n  esc to interrupt"
    )
    assert look(text, "⠐ stub").state == "exited"


def test_an_answer_about_an_error_is_none() -> None:
    """Claude Code shows an answer that begins with `API Error` as its own; talk goes on after."""
    rule = "─" * 60
    quoted = '● API Error: 429 {"type":"error","error":{"type":"rate_limit_error"}}'
    below = f"\n\n{rule}\n❯\xa0\n{rule}\n  ? for shortcuts"
    assert look(f"❯ go\n\n{quoted}{below}").state == "rate_limited"
    told = f"{quoted} is what\n  the log of the other service says."
    assert look(f"❯ go\n\n{told}{below}").state == "idle"
    assert look(f"❯ go\n\n● API Error: 400 no such thing{below}").state == "error"
