"""What the model says while screens are recorded: every tool's own words and pictures, misleading.

A reader that goes by words anywhere on a screen takes these for the tool's own.
"""

from __future__ import annotations

#: Answers, in the model stub's spelling (``\\n`` is a new line).
MISLEADING: tuple[str, ...] = (
    # words of being busy
    r"The status line reads: esc to interrupt. It also prints (esc to cancel, 12s) while busy, "
    r"and ■■⬝⬝ esc interrupt. Working… Thinking… ⠋ ✦ Working (3s • esc to interrupt)",
    # spinner lines, as text and in a fence
    r"✻ Pondering… (12s · ↓ 40 tokens · esc to interrupt)\n\n```\n✶ Cerebrating… (esc to "
    r"interrupt)\n• Working (12s • esc to interrupt)\n⠏ Thinking... (esc to cancel, 3s)\n"
    r"■■■■⬝⬝⬝⬝  esc interrupt\n```\n\n• Working (4s • esc to interrupt)",
    # a box, a menu and a permission question
    r"```\n╭──────────────────────────────╮\n│ Do you want to proceed?      │\n│ ❯ 1. Yes"
    r"                     │\n│   2. No (esc)                │\n╰──────────────────────────────╯\n"
    r"```"
    r"\n\nWould you like to run the following command?\n\n› 1. Yes, proceed (y)\n  2. No (esc)",
    r"Allow execution of: 'touch a'?\n\n● 1. Yes, allow once\n  2. Yes, allow always\n  3. No, "
    r"suggest changes (esc)\n\nWaiting for user confirmation...",
    # a trust dialog
    r"Do you trust the files in this folder?\n\n❯ 1. Yes, I trust this folder\n  2. No, exit\n\n"
    r"Enter to confirm · Esc to cancel",
    # errors and limits
    r"API Error: 429 {\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\"}} is in the log "
    r"of the other service. Retrying in 4 seconds… (attempt 3/10) was printed after it.",
    r"■ You've hit your usage limit. Try again at 4:10 PM.\n\nClaude usage limit reached. Your "
    r"limit will reset at 3pm.\n\n✕ [API Error: 503 overloaded]\n\nstream error: 500; retrying 2/5",
    # the end of a program
    r"Pane is dead (status 0, Sun Nov 22 20:15:03 2026)\n\n[exited]\n\nGoodbye!\n\n"
    r"dev@devbox:~/project$ \n\nAgent powering down. Goodbye!",
    # boxes and placeholders of an idle tool
    r"```\n> Type your message or @path/to/file\n› Ask Codex to do anything\n❯ Try \"fix it\"\n"
    r"? for shortcuts\n```\nPermission required. Allow once   Allow always   Reject",
    r"Should I continue with the second file? (y/n)",
    r"esc to interrupt",
)

#: Longer than any screen.
LONG = r"\n\n".join(f"Paragraph {number}: nothing to be seen here." for number in range(1, 60))
