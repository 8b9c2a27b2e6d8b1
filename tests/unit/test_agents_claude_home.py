"""The configuration directory of a Claude Code session."""

from __future__ import annotations

import json
from typing import Any

import pytest

from coders_queue.agents.adapter import LaunchFacts
from coders_queue.agents.claude.adapter import ClaudeAdapter
from coders_queue.models.launch import LaunchPlan
from coders_queue.models.spec import SessionSpec

CLAUDE = ClaudeAdapter()
KEY = "sk-ant-0123456789-the-last-twenty-chars"


def plan(
    *, environ: dict[str, str] | None = None, state: Any = None, **more: Any
) -> tuple[LaunchPlan, dict[str, Any]]:
    """The plan, and the state file in it."""
    facts_fields = {key: more.pop(key) for key in ("carry", "keep", "cwd") if key in more}
    spec = SessionSpec.model_validate(
        {
            "agent": "claude",
            "task": "hi",
            "workspace": {"type": "directory", "path": "/w"},
            **more,
        }
    )
    facts = LaunchFacts.model_validate(
        {
            "session_id": "3f0c",
            "attempt": 1,
            "task": spec.task,
            "directory": "/state/3f0c_1",
            "cwd": "/w",
            "home": "/h",
            "keep": "/state/agents/claude/conversations",
            "environ": environ or {},
            **facts_fields,
        }
    )
    if state is not None:
        (path,) = CLAUDE.config_files(spec, facts)
        content = state if isinstance(state, bytes) else json.dumps(state).encode()
        facts = facts.model_copy(update={"config": {path: content}})
    made = CLAUDE.plan(spec, facts)
    (seed,) = [file for file in made.files if file.path == "home/claude/.claude.json"]
    return made, json.loads(seed.content)


def test_nothing_is_asked_at_the_first_start() -> None:
    """Onboarding, theme, trust in the directory and the key are settled."""
    _, state = plan(environ={"ANTHROPIC_API_KEY": KEY})
    assert state["hasCompletedOnboarding"] is True
    assert state["theme"] == "dark"
    assert state["projects"] == {"/w": {"hasTrustDialogAccepted": True}}
    assert state["customApiKeyResponses"] == {"approved": [KEY[-20:]], "rejected": []}
    assert KEY not in json.dumps(state)


def test_the_users_state_is_carried_in() -> None:
    """Their servers, their theme, their other projects; a key they once refused is the one set."""
    users = {
        "theme": "light",
        "mcpServers": {"db": {"command": "db-mcp"}},
        "projects": {
            "/w": {"mcpServers": {"local": {}}, "lastCost": 3, "hasTrustDialogAccepted": False},
            "/other": {"x": 1},
        },
        "customApiKeyResponses": {"approved": ["a"], "rejected": [KEY[-20:], "b"]},
    }
    _, state = plan(environ={"ANTHROPIC_API_KEY": KEY}, state=users)
    assert state["theme"] == "light"
    assert state["mcpServers"] == users["mcpServers"]
    assert state["projects"]["/w"] == {"mcpServers": {"local": {}}, "hasTrustDialogAccepted": True}
    assert state["projects"]["/other"] == {"x": 1}
    assert state["customApiKeyResponses"] == {"approved": ["a", KEY[-20:]], "rejected": ["b"]}


def test_a_worktree_has_what_its_repository_has() -> None:
    """It is a directory that nobody has seen before."""
    users = {"projects": {"/repo": {"mcpServers": {"local": {}}}}}
    _, state = plan(
        state=users, cwd="/trees/1", workspace={"type": "worktree", "repository": "/repo"}
    )
    assert state["projects"]["/trees/1"]["mcpServers"] == {"local": {}}


@pytest.mark.parametrize("broken", [b"", b"{", b"[]", b"\xff", b"[" * 100_000, b'{"projects": 3}'])
def test_a_broken_state_is_begun_anew(broken: bytes) -> None:
    """As Claude Code itself does."""
    _, state = plan(state=broken)
    assert state["projects"]["/w"] == {"hasTrustDialogAccepted": True}


def test_conversations_and_a_renewed_login_are_the_users() -> None:
    """They outlive the session; links show the rest."""
    made, _ = plan()
    (overlay,) = made.overlays
    assert (overlay.source, overlay.keep, overlay.keep_in) == ("/h/.claude", ("projects",), None)
    assert overlay.only is None
    assert ".claude.json" in overlay.skip
    assert made.own_env["CLAUDE_CONFIG_DIR"] == "/state/3f0c_1/home/claude"
    # empty is Claude Code's word for the default directory
    assert made.own_env["CLAUDE_SECURESTORAGE_CONFIG_DIR"] == ""


def test_a_directory_of_the_users_choice_is_the_source() -> None:
    """CLAUDE_CONFIG_DIR holds the state file, too."""
    made, state = plan(environ={"CLAUDE_CONFIG_DIR": "/mine"}, state={"theme": "light"})
    assert made.overlays[0].source == "/mine"
    assert made.own_env["CLAUDE_SECURESTORAGE_CONFIG_DIR"] == "/mine"
    assert state["theme"] == "light"


@pytest.mark.parametrize(("carry", "only"), [("login", (".credentials.json",)), ("none", ())])
def test_less_is_carried_in_when_told(carry: str, only: tuple[str, ...]) -> None:
    """Conversations are then kept by the host."""
    made, state = plan(carry=carry)
    (overlay,) = made.overlays
    assert overlay.only == only
    assert overlay.keep_in == "/state/agents/claude/conversations"
    assert set(state) == {"hasCompletedOnboarding", "theme", "projects"}
    if carry == "none":
        assert made.own_env["CLAUDE_SECURESTORAGE_CONFIG_DIR"] == "/state/3f0c_1/home/claude"


def test_full_permission_is_not_asked_about() -> None:
    """The warning of that mode is settled, too."""
    _, state = plan(permission="full")
    assert state["bypassPermissionsModeAccepted"] is True
