"""The directory of Gemini CLI's own that a session gets, and what its settings say there.

A file of system settings would be the cleaner door, but Gemini CLI (0.61) reads one only when it
and all directories above it are root's. So the session gets a home of its own, in which
``.gemini`` shows the user's entry by entry, with settings of the session's in front.
"""

from __future__ import annotations

from typing import Any

from coders_queue.agents.adapter import LaunchFacts
from coders_queue.agents.gemini import settings
from coders_queue.models.launch import Overlay, SeedFile
from coders_queue.models.spec import Mode

#: In the attempt's directory: what Gemini CLI takes for the home directory.
HOME = "home/gemini"
_OWN = f"{HOME}/.gemini"
#: In the attempt's directory: a record of every call of a model.
CALLS_FILE = "gemini-calls.log"
#: Entries that hold credentials.
_LOGIN = ("oauth_creds.json", "google_accounts.json", "gemini-credentials.json", ".env")
#: Directories of conversations and checkpoints, with the markers of whose they are.
_KEEP = ("tmp", "history")

#: What holds in every session: nothing asks on the first start, nothing is replaced or sent home
#: from under it, and the title tells the state.
_ALWAYS: dict[str, Any] = {
    "general": {
        "enableAutoUpdate": False,
        "enableAutoUpdateNotification": False,
        "disableAutoUpdate": True,
        "disableUpdateNag": True,
    },
    "ide": {"hasSeenNudge": True},
    "privacy": {"usageStatisticsEnabled": False},
    "ui": {"hideWindowTitle": False, "dynamicWindowTitle": True},
}


def user_directory(facts: LaunchFacts) -> str:
    """The user's own ``.gemini``."""
    return f"{facts.environ.get('GEMINI_CLI_HOME') or facts.home}/.gemini"


def config_files(facts: LaunchFacts) -> tuple[str, ...]:
    """What of the user's the session's settings are made from."""
    base = user_directory(facts)
    names = ("settings.json", "trustedFolders.json", ".env", "oauth_creds.json")
    return tuple(f"{base}/{name}" for name in names)


def conversations(facts: LaunchFacts) -> str:
    """The directory with the conversations of all projects."""
    base = user_directory(facts) if facts.carry == "all" else facts.keep
    return f"{base}/{_KEEP[0]}"


def overlays(facts: LaunchFacts) -> tuple[Overlay, ...]:
    """The session's home with its ``.gemini``."""
    only = {"all": None, "login": _LOGIN, "none": ()}[facts.carry]
    outer = {"all": (".env", ".agents"), "login": (".env",), "none": ()}[facts.carry]
    base = user_directory(facts)
    return (
        Overlay(path=HOME, source=base.removesuffix("/.gemini"), only=outer),
        Overlay(
            path=_OWN,
            source=base,
            only=only,
            keep=_KEEP,
            keep_in=None if facts.carry == "all" else facts.keep,
        ),
    )


def seeds(facts: LaunchFacts, mode: Mode) -> tuple[SeedFile, ...]:
    """The session's settings, and its trust in the directory it runs in."""
    return (
        SeedFile(path=f"{_OWN}/settings.json", content=_settings(facts, mode)),
        SeedFile(path=f"{_OWN}/trustedFolders.json", content=_trust(facts)),
    )


def _settings(facts: LaunchFacts, mode: Mode) -> bytes:
    content = facts.config.get(f"{user_directory(facts)}/settings.json")
    try:
        users = {} if content is None or facts.carry == "none" else settings.parse(content)
    except settings.Unreadable:
        # Gemini CLI names the place of the error better than anybody else could
        return content or b""
    chosen = settings.at(users, "security", "auth", "selectedType") or users.get("selectedAuthType")
    auth = chosen if isinstance(chosen, str) else _auth_type(facts)
    carried = users if facts.carry == "all" else {}
    made = settings.lay_over(carried, _ALWAYS)
    if auth is not None:
        made = settings.lay_over(made, {"security": {"auth": {"selectedType": auth}}})
    if mode == "interactive" and settings.at(carried, "telemetry", "enabled") is not True:
        # the conversation's file lacks the calls that are not its own; a stream counts them
        outfile = f"{facts.directory}/{CALLS_FILE}"
        record = {"enabled": True, "target": "local", "outfile": outfile, "logPrompts": False}
        made = settings.lay_over(made, {"telemetry": record})
    return settings.dump(settings.with_server(made, facts.mcp))


def _auth_type(facts: LaunchFacts) -> str | None:
    """How to log in when the user has not chosen; None when nothing tells."""
    environ, base = facts.environ, user_directory(facts)
    files = {} if facts.carry == "none" else facts.config
    if environ.get("GOOGLE_GENAI_USE_GCA") == "true":
        return "oauth-personal"
    if environ.get("GOOGLE_GENAI_USE_VERTEXAI") == "true":
        return "vertex-ai"
    if environ.get("GEMINI_API_KEY") or b"GEMINI_API_KEY=" in files.get(f"{base}/.env", b""):
        return "gemini-api-key"
    if f"{base}/oauth_creds.json" in files:
        return "oauth-personal"
    if environ.get("GOOGLE_API_KEY"):
        return "vertex-ai"
    return None


def _trust(facts: LaunchFacts) -> bytes:
    content = facts.config.get(f"{user_directory(facts)}/trustedFolders.json")
    try:
        users = {} if content is None or facts.carry != "all" else settings.parse(content)
    except settings.Unreadable:
        users = {}
    return settings.dump({**users, facts.cwd: "TRUST_FOLDER"})
