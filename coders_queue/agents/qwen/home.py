"""What a session of Qwen Code's is told by files: system settings, and a directory of its own.

A file of system settings lies over the user's own, which stay where they are. Only a session that
is to see less than all of the user's set-up gets a directory of its own.
"""

from __future__ import annotations

from typing import Any

from coders_queue.agents.adapter import LaunchFacts
from coders_queue.agents.gemini import settings
from coders_queue.agents.session_server import NAME, name_beside
from coders_queue.models.launch import Overlay, SeedFile

SYSTEM_VARIABLE = "QWEN_CODE_SYSTEM_SETTINGS_PATH"
SYSTEM_FILE = "qwen-system-settings.json"
_SYSTEM = "/etc/qwen-code/settings.json"
#: In the attempt's directory: the session's own ``.qwen``, where it has one.
HOME = "home/qwen"
#: Entries that hold credentials.
_LOGIN = ("oauth_creds.json", "qwen_oauth_creds.json", "mcp-oauth-tokens.json", ".env")
#: Directories of conversations.
_KEEP = ("projects",)

#: What holds in every session: nothing asks on the first start, and nothing is replaced or sent
#: home from under it.
_ALWAYS: dict[str, Any] = {
    "$version": 4,
    "general": {"enableAutoUpdate": False, "disableAutoUpdate": True, "disableUpdateNag": True},
    "ide": {"hasSeenNudge": True},
    "privacy": {"usageStatisticsEnabled": False},
    "ui": {"hideWindowTitle": False},
    "security": {"folderTrust": {"enabled": False}},
}


def user_directory(facts: LaunchFacts) -> str:
    """The user's own ``.qwen``."""
    return facts.environ.get("QWEN_HOME") or f"{facts.home}/.qwen"


def config_files(facts: LaunchFacts) -> tuple[str, ...]:
    """What of the machine's and the user's is built on."""
    base = user_directory(facts)
    return (_system_path(facts), f"{base}/settings.json", f"{base}/oauth_creds.json")


def overlays(facts: LaunchFacts) -> tuple[Overlay, ...]:
    """The session's own directory, where it may not see all of the user's."""
    if facts.carry == "all":
        return ()
    return (
        Overlay(
            path=HOME,
            source=user_directory(facts),
            only=_LOGIN if facts.carry == "login" else (),
            keep=_KEEP,
            keep_in=facts.keep,
        ),
    )


def conversations(facts: LaunchFacts) -> str:
    """The directory with the conversations of all projects."""
    if facts.carry != "all":
        return f"{facts.keep}/projects"
    return f"{facts.environ.get('QWEN_RUNTIME_DIR') or user_directory(facts)}/projects"


def seeds(facts: LaunchFacts) -> tuple[SeedFile, ...]:
    """The files of the session."""
    content = facts.config.get(_system_path(facts), b"{}")
    try:
        system = settings.parse(content)
    except settings.Unreadable:
        # Qwen Code goes on without a file that it cannot read
        system = {}
    made = _with_server(settings.lay_over(system, _ALWAYS), facts)
    files = [SeedFile(path=SYSTEM_FILE, content=settings.dump(made))]
    if facts.carry != "all":
        # an empty one: without any, it warns of settings left behind in the user's directory
        files.append(SeedFile(path=f"{HOME}/settings.json", content=_carried(facts)))
    return tuple(files)


def environment(facts: LaunchFacts) -> dict[str, str]:
    """Where the session's files are."""
    found = {SYSTEM_VARIABLE: f"{facts.directory}/{SYSTEM_FILE}"}
    if facts.carry != "all":
        found["QWEN_HOME"] = f"{facts.directory}/{HOME}"
        found["QWEN_RUNTIME_DIR"] = f"{facts.directory}/{HOME}"
    return found


def auth_type(facts: LaunchFacts) -> str | None:
    """How to log in when the user has not chosen; None when the user has, or nothing tells."""
    chosen = settings.at(_users(facts), "security", "auth", "selectedType")
    if facts.carry != "none" and isinstance(chosen, str):
        return None
    if facts.environ.get("OPENAI_API_KEY"):
        return "openai"
    if facts.environ.get("ANTHROPIC_API_KEY"):
        return "anthropic"
    if facts.environ.get("GEMINI_API_KEY"):
        return "gemini"
    return None


def _carried(facts: LaunchFacts) -> bytes:
    auth = settings.at(_users(facts), "security", "auth")
    carried = {"security": {"auth": auth}} if facts.carry == "login" and auth is not None else {}
    return settings.dump({"$version": 4, **carried})


def _with_server(system: dict[str, Any], facts: LaunchFacts) -> dict[str, Any]:
    """With the session's own MCP server, under a name that neither the user nor the machine has."""
    if not facts.mcp:
        return system
    users = settings.at(_users(facts), "mcpServers") if facts.carry == "all" else None
    taken = {*(users if isinstance(users, dict) else ()), *(system.get("mcpServers") or ())}
    server = settings.with_server({}, facts.mcp)["mcpServers"][NAME]
    return settings.lay_over(system, {"mcpServers": {name_beside(taken): server}})


def _users(facts: LaunchFacts) -> dict[str, Any]:
    try:
        return settings.parse(facts.config.get(f"{user_directory(facts)}/settings.json", b"{}"))
    except settings.Unreadable:
        return {}


def _system_path(facts: LaunchFacts) -> str:
    return facts.environ.get(SYSTEM_VARIABLE) or _SYSTEM
