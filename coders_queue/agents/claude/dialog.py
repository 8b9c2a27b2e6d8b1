"""Claude Code's menus as they can be answered: a choice's own number, Escape to deny.

What is to be run is taken for whole only where the conversation above the menu shows the same on
one line: a description stands below the command, and looks like a line of it.
"""

from __future__ import annotations

import re

from coders_queue.agents.claude.layout import lay_out
from coders_queue.agents.dialog import Choice, Dialog, call_of, detail_of, meaning
from coders_queue.agents.screen import Screen
from coders_queue.models.approval import ToolCall

_CHOICE = re.compile(r"\s*(?P<mark>❯)?\s*(?P<number>\d{1,2})\.\s*(?P<text>\S.*)")
_PERMISSION = re.compile(r"Do you want to (?:proceed|make|create|overwrite|allow|edit|delete)\b")
_RULE = re.compile(r"[─━╌]{3,}.*")
_FILE = re.compile(
    r"(?:Create|Edit|Overwrite|Update|Write)(?: to)? (?:file )?(?P<path>(?!file$)\S.*)"
)
_WRITES = re.compile(
    r"Do you want to (?:create|overwrite|make this edit to|edit|delete) (?P<path>\S.*)\?"
)
_TOOLS = {"Fetch": "WebFetch", "Bash command": "Bash"}


def read(screen: Screen) -> Dialog | None:
    """The menu on the screen; None when there is none that numbers answer."""
    layout = lay_out(screen)
    if not layout.menu or not layout.choices or layout.question is None:
        return None
    texts = layout.choices
    question = layout.question
    permission = _PERMISSION.match(question) is not None and texts[0].startswith("Yes")
    above = _above(layout.menu)
    choices = []
    for number, text in enumerate(texts, 1):
        means = meaning(text, permission=permission)
        if permission and means == "write":
            means = "deny"  # Type here to tell Claude what to do differently
        key = "Escape" if means == "deny" else str(number) if number <= 9 else None
        choices.append(Choice(text=text, key=None if means == "write" else key, means=means))
    return Dialog(
        kind="permission" if permission else "question",
        question=question,
        choices=tuple(choices),
        detail=detail_of([line for line in above if _says(line, question)]),
        call=_call(above, question, layout.body) if permission else None,
        dismiss="Escape",
        busy=_in_field(layout.menu, permission),
    )


def _above(menu: tuple[str, ...]) -> list[str]:
    """The lines before the last run of choices."""
    first = max(
        (
            place
            for place, line in enumerate(menu)
            if (found := _CHOICE.fullmatch(line)) is not None and found["number"] == "1"
        ),
        default=0,
    )
    return list(menu[:first])


def _says(line: str, question: str) -> bool:
    return _RULE.fullmatch(line.strip()) is None and line.strip() != question


def _in_field(menu: tuple[str, ...], permission: bool) -> bool:
    """Whether the mark stands on a choice that takes words."""
    for line in menu:
        found = _CHOICE.fullmatch(line)
        if found is None or not found["mark"]:
            continue
        text = found["text"]
        # the words that a person writes stand in place of its own
        known = text.startswith(("Yes", "No")) if permission else True
        return not known or meaning(text, permission=False) == "write"
    return False


def _call(above: list[str], question: str, body: tuple[str, ...]) -> ToolCall | None:
    lines = [line for line in above if _says(line, question)]
    if not lines:
        return None
    head = lines[0].strip()
    if (file := _WRITES.fullmatch(question)) is not None:
        named = _FILE.fullmatch(head)
        path = named["path"] if named is not None else lines[1].strip() if lines[1:] else ""
        tool = "Write" if head.startswith(("Create", "Overwrite", "Write")) else "Edit"
        same = path.rsplit("/", 1)[-1] == file["path"].rsplit("/", 1)[-1]
        return call_of(tool, path=path if same else file["path"], whole=same)
    tool = _TOOLS.get(head, head.split(" ", 1)[0])
    margin = len(lines[0]) - len(lines[0].lstrip())
    inner = [line.strip() for line in lines[1:] if len(line) - len(line.lstrip()) > margin]
    if tool != "Bash" or not inner:
        return call_of(tool)
    # below the command may stand what it is for, and nothing tells the one from the other
    whole = len(inner) <= 2 and any(_shows(body, place, inner[0]) for place in range(len(body)))
    return call_of(tool, command=inner[0] if whole else "\n".join(inner), whole=whole)


def _shows(body: tuple[str, ...], place: int, command: str) -> bool:
    """Whether that line of the conversation, one of the last, is this call and nothing more."""
    said = body[place].strip().lstrip("●⏺").strip()
    after = [line.strip() for line in body[place + 1 :]]
    if said == f"Bash({command})":
        return after in ([], ["⎿  Running…"], ["⎿ Running…"], ["⎿  Waiting…"])
    return said in (f"⎿  $ {command}", f"⎿ $ {command}") and not after
