"""What a session of Codex is told beyond its command, and in which directory it finds the rest.

Settings go in as ``-c`` overrides: they reach this session alone, stand over the user's own
``config.toml`` (which nobody edits), and work from 0.64 on. A directory of the session's own in
place of ``$CODEX_HOME`` is made only where the user's must not be seen whole, or where a login has
to be put into it. No file is read here.
"""

from __future__ import annotations

import json
import tomllib
from typing import Any

from coders_queue.agents.adapter import LaunchFacts
from coders_queue.agents.codex.traits import Traits
from coders_queue.agents.session_server import START_PATIENCE, TOOL_PATIENCE, name_beside
from coders_queue.models.launch import LaunchPlan, Overlay, SeedFile
from coders_queue.models.spec import SessionSpec

#: The session's own directory, in the attempt's.
OWN = "home/codex"
LOGIN = "auth.json"
SETTINGS = "config.toml"
#: Where conversations lie: they outlive the session.
KEPT = ("sessions", "archived_sessions")
#: The provider that asks for a login of its own.
_BUILT_IN = "openai"


def users_home(facts: LaunchFacts) -> str:
    """The user's own directory."""
    return facts.environ.get("CODEX_HOME") or f"{facts.home}/.codex"


def conversations(facts: LaunchFacts) -> tuple[str, ...]:
    """The directories with the conversations that this session can see."""
    place = users_home(facts) if facts.carry == "all" else facts.keep
    return tuple(f"{place}/{name}" for name in KEPT)


def overrides(spec: SessionSpec, facts: LaunchFacts, traits: Traits) -> tuple[str, ...]:
    """The ``-c`` words of the command line."""
    settings = {"check_for_update_on_startup": "false", "analytics.enabled": "false"}
    trusted = literal(facts.cwd)
    if trusted is not None:
        settings["projects"] = f'{{{trusted}={{trust_level="trusted"}}}}'
    service = facts.environ.get("OPENAI_BASE_URL", "")
    if _uses_built_in(facts) and service and not {"@", "?"} & {*service}:
        # the variable is read no more by newer versions; one with a password, or with a query
        # that may be a key, stays off the line
        address = literal(service)
        if address is not None and "openai_base_url" not in _settings(facts):
            settings["openai_base_url"] = address
    if spec.mode == "interactive":
        settings |= traits.quiet
    settings |= _own_server(facts)
    return tuple(word for key, value in settings.items() for word in ("-c", f"{key}={value}"))


def _own_server(facts: LaunchFacts) -> dict[str, str]:
    """The session's own MCP server, beside the user's; nobody is asked about its tools."""
    if not facts.mcp:
        return {}
    users = _settings(facts).get("mcp_servers")
    name = f"mcp_servers.{name_beside(users if isinstance(users, dict) else ())}"
    words = [literal(word) for word in facts.mcp]
    if None in words:
        return {}  # a path that is not UTF-8, which TOML cannot say
    command, *arguments = words
    return {
        f"{name}.command": str(command),
        f"{name}.args": f"[{', '.join(map(str, arguments))}]",
        f"{name}.startup_timeout_sec": str(START_PATIENCE),
        f"{name}.tool_timeout_sec": str(TOOL_PATIENCE),
        f"{name}.default_tools_approval_mode": '"approve"',
    }


def furnish(plan: LaunchPlan, spec: SessionSpec, facts: LaunchFacts) -> LaunchPlan:
    """The plan with a login where only the environment has one, and a directory where needed."""
    key = _key(facts)
    if spec.mode == "headless":
        if key is not None and "CODEX_API_KEY" not in facts.environ:
            plan = plan.model_copy(update={"env": {**plan.env, "CODEX_API_KEY": key}})
        key = None
    if facts.carry == "all" and key is None:
        return plan
    files = plan.files
    if key is not None:
        # the terminal interface reads no variable: it would open with its sign-in
        login = {"auth_mode": "apikey", "OPENAI_API_KEY": key}
        files = (*files, SeedFile(path=f"{OWN}/{LOGIN}", content=json.dumps(login).encode()))
    overlay = Overlay(
        path=OWN,
        source=users_home(facts),
        only={"all": None, "login": (LOGIN,), "none": ()}[facts.carry],
        keep=KEPT,
        keep_in=None if facts.carry == "all" else facts.keep,
    )
    return plan.model_copy(
        update={
            "files": files,
            "overlays": (*plan.overlays, overlay),
            "own_env": {**plan.own_env, "CODEX_HOME": f"{facts.directory}/{OWN}"},
        }
    )


def config_files(facts: LaunchFacts) -> tuple[str, ...]:
    """The user's settings and login, as far as they are carried in."""
    names = {"all": (SETTINGS, LOGIN), "login": (LOGIN,), "none": ()}[facts.carry]
    return tuple(f"{users_home(facts)}/{name}" for name in names)


def literal(text: str) -> str | None:
    """A TOML string; None for what is not UTF-8 text, which TOML cannot say."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return None
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(facts: LaunchFacts) -> str | None:
    """The API key to log in with: the environment's, unless the user is logged in already."""
    if not _uses_built_in(facts) or f"{users_home(facts)}/{LOGIN}" in facts.config:
        return None
    if _settings(facts).get("cli_auth_credentials_store", "file") != "file":
        return None  # the login may be in the keyring
    environ = facts.environ
    return environ.get("CODEX_API_KEY") or environ.get("OPENAI_API_KEY") or None


def _uses_built_in(facts: LaunchFacts) -> bool:
    return bool(_settings(facts).get("model_provider", _BUILT_IN) == _BUILT_IN)


def _settings(facts: LaunchFacts) -> dict[str, Any]:
    content = facts.config.get(f"{users_home(facts)}/{SETTINGS}", b"")
    try:
        return tomllib.loads(content.decode())
    except ValueError:  # the tool itself says what is wrong with it
        return {}
