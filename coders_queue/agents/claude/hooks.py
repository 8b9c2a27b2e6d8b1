"""Claude Code's hooks: what the session asks to be told, and what each telling means.

Every hook writes its JSON as one file into the attempt's ``hooks/``, under a name that appears when
it is complete. The command has nothing of the session's in it: the directory comes by environment.
"""

from __future__ import annotations

import json
from typing import Any

from coders_queue.agents.versions import Ranges
from coders_queue.models.observation import Observation

DIRECTORY = "hooks"
SETTINGS_FILE = "claude-settings.json"
VARIABLE = "CODERS_HOOKS"

_COMMAND = (
    'umask 077; d="$CODERS_HOOKS"; [ -n "$d" ] && mkdir -p "$d" && f=$(mktemp "$d/.XXXXXXXXXX") && '
    'cat >"$f" && mv "$f" "$d/$(date +%s%N)-$$.json"; exit 0'
)
_EVENTS = (
    "SessionStart",
    "UserPromptSubmit",
    "PermissionRequest",
    "Notification",
    "Stop",
    "SessionEnd",
)
#: An event that a version does not know makes it leave the whole file out, and ask about that
#: before anything else.
_KNOWN = Ranges(("0", _EVENTS), ("2.1.78", (*_EVENTS, "StopFailure")))


def settings(version: str | None = None) -> bytes:
    """The file for ``--settings``; it is added to what the user has set."""
    hook = [{"hooks": [{"type": "command", "command": _COMMAND, "timeout": 10}]}]
    return json.dumps({"hooks": dict.fromkeys(_KNOWN.get(version), hook)}, indent=1).encode()


def observe(line: bytes) -> Observation | None:
    """What one hook's JSON says; None for what says nothing of the state."""
    try:
        told = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, dict):
        return None
    event = told.get("hook_event_name")
    if event == "SessionStart":
        return Observation(state="idle", source="hook")
    if event == "UserPromptSubmit":
        return Observation(state="working", source="hook")
    if event == "PermissionRequest":
        return _permission(told)
    if event == "Notification":
        return _notification(told)
    if event == "Stop":
        return Observation(
            state="idle", source="hook", result=_text(told.get("last_assistant_message"))
        )
    if event == "StopFailure":
        reason = _text(told.get("error")) or "the turn failed"
        detail = _text(told.get("error_details")) or _text(told.get("last_assistant_message"))
        limited = reason in ("rate_limit", "overloaded")
        return Observation(
            state="rate_limited" if limited else "error",
            source="hook",
            message=_line(f"{reason}: {detail}" if detail else reason),
        )
    if event == "SessionEnd":
        return Observation(state="exited", source="hook", message=_text(told.get("reason")))
    return None


def _permission(told: dict[str, Any]) -> Observation:
    tool = _text(told.get("tool_name")) or "a tool"
    arguments = told.get("tool_input")
    detail = ""
    if isinstance(arguments, dict):
        detail = next(
            (
                arguments[field]
                for field in ("command", "file_path", "url", "plan")
                if isinstance(arguments.get(field), str)
            ),
            "",
        )
    return Observation(
        state="waiting", source="hook", question=_line(f"{tool}: {detail}" if detail else tool)
    )


def _notification(told: dict[str, Any]) -> Observation | None:
    kind = told.get("notification_type")
    message = _text(told.get("message"))
    if kind in ("permission_prompt", "elicitation_dialog"):
        return Observation(state="waiting", source="hook", question=message and _line(message))
    if kind == "idle_prompt":
        return Observation(state="idle", source="hook")
    return None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _line(text: str) -> str:
    return " ".join(text.split())[:500]
