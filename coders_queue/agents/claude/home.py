"""Claude Code's configuration directory as a session sees it: the user's, and nothing asked.

A session gets a directory of its own in which every entry of the user's is a link, but for
``.claude.json``: that is a copy in which the questions of a first start are answered (onboarding,
theme, trust in the directory, the key in the environment). So no dialog swallows a prompt, and the
user's file, which a running Claude Code rewrites at will, is never touched. Conversations
(``projects/``) are the user's, so that any later session, and the user, can resume them.

A renewed login has to reach the user's ``.credentials.json``: Claude Code replaces that file, which
would cut a link. ``CLAUDE_SECURESTORAGE_CONFIG_DIR`` names the directory it lies in (tried with
2.1.197 and 2.1.330); 2.0 does not know it and gets the link alone.
"""

from __future__ import annotations

import json
from typing import Any

from coders_queue.agents import loose
from coders_queue.agents.adapter import LaunchFacts
from coders_queue.models.launch import LaunchPlan, Overlay, SeedFile
from coders_queue.models.spec import SessionSpec

DIRECTORY = "home/claude"
STATE_FILE = ".claude.json"

_LOGIN = (".credentials.json",)
#: Links to what only one running Claude Code owns: its list of live processes, its backups.
_OWN = (STATE_FILE, "sessions", "backups", "ide")
#: How much of a key's end it knows the key by.
_KEY_TAIL = 20


def own_directory(facts: LaunchFacts) -> str:
    """The session's configuration directory, absolute."""
    return f"{facts.directory}/{DIRECTORY}"


def users_directory(facts: LaunchFacts) -> str:
    """The user's configuration directory, absolute."""
    return facts.environ.get("CLAUDE_CONFIG_DIR") or f"{facts.home}/.claude"


def users_state(facts: LaunchFacts) -> str:
    """Where the user's ``.claude.json`` lies: beside the default directory, else in it."""
    configured = facts.environ.get("CLAUDE_CONFIG_DIR")
    return f"{configured}/{STATE_FILE}" if configured else f"{facts.home}/{STATE_FILE}"


def users_servers(facts: LaunchFacts) -> set[str]:
    """The names of the user's own MCP servers that the session sees."""
    if facts.carry != "all":
        return set()
    state = _users(facts)
    project = _dict(_dict(state.get("projects")).get(facts.cwd))
    return {*_dict(state.get("mcpServers")), *_dict(project.get("mcpServers"))}


def furnish(
    plan: LaunchPlan, spec: SessionSpec, facts: LaunchFacts, more: tuple[SeedFile, ...] = ()
) -> LaunchPlan:
    """The plan with the session's configuration directory in it, and with further files."""
    carried = facts.carry != "none"
    # empty: the default directory, whose keychain entry on macOS has a name of its own
    store = facts.environ.get("CLAUDE_CONFIG_DIR", "") if carried else own_directory(facts)
    overlay = Overlay(
        path=DIRECTORY,
        source=users_directory(facts),
        only={"all": None, "login": _LOGIN, "none": ()}[facts.carry],
        skip=_OWN,
        keep=("projects",),
        keep_in=None if facts.carry == "all" else facts.keep,
    )
    seed = SeedFile(path=f"{DIRECTORY}/{STATE_FILE}", content=_state(spec, facts))
    return plan.model_copy(
        update={
            "overlays": (*plan.overlays, overlay),
            "files": (*plan.files, *more, seed),
            "own_env": {
                **plan.own_env,
                "CLAUDE_CONFIG_DIR": own_directory(facts),
                "CLAUDE_SECURESTORAGE_CONFIG_DIR": store,
            },
        }
    )


def _state(spec: SessionSpec, facts: LaunchFacts) -> bytes:
    state = _users(facts) if facts.carry == "all" else {}
    state["hasCompletedOnboarding"] = True
    state.setdefault("theme", "dark")
    if spec.permission == "full":
        state["bypassPermissionsModeAccepted"] = True
    key = facts.environ.get("ANTHROPIC_API_KEY")
    if key:
        answers = _dict(state.get("customApiKeyResponses"))
        approved = [one for one in loose.items(answers.get("approved")) if isinstance(one, str)]
        rejected = [one for one in loose.items(answers.get("rejected")) if one != key[-_KEY_TAIL:]]
        if key[-_KEY_TAIL:] not in approved:
            approved.append(key[-_KEY_TAIL:])
        state["customApiKeyResponses"] = {**answers, "approved": approved, "rejected": rejected}
    projects = _dict(state.get("projects"))
    workspace = spec.workspace
    # a worktree is a project that nobody has seen before: it gets what its repository has
    known = projects.get(facts.cwd)
    if known is None and workspace.type == "worktree":
        known = projects.get(workspace.repository)
    project = {key: value for key, value in _dict(known).items() if not key.startswith("last")}
    state["projects"] = {**projects, facts.cwd: {**project, "hasTrustDialogAccepted": True}}
    return json.dumps(state, ensure_ascii=True).encode()


def _users(facts: LaunchFacts) -> dict[str, Any]:
    try:
        state = json.loads(facts.config.get(users_state(facts), b"{}"))
    except (ValueError, RecursionError):
        return {}  # Claude Code itself begins anew with a broken file
    return _dict(state)


def _dict(value: Any) -> dict[str, Any]:
    return dict(value) if isinstance(value, dict) else {}
