"""Which variables of the person who spawns reach a tool."""

from __future__ import annotations

from pathlib import Path

import pytest

from coders_queue.agents import registry
from coders_queue.agents.tool import env_patterns
from coders_workers.supervisor import environment

SESSIONS = Path("/state/sessions")
ENVIRON = {
    "AWS_PROFILE": "work",
    "AWS_SECRET_ACCESS_KEY": "k",
    "GOOGLE_APPLICATION_CREDENTIALS": "/key.json",
    "CLOUD_ML_REGION": "us-east5",
    "ANTHROPIC_MODEL": "m",
    "OTHER": "x",
}


@pytest.mark.parametrize(
    ("switch", "passed"),
    [
        ({}, set()),
        ({"CLAUDE_CODE_USE_BEDROCK": ""}, set()),
        ({"CLAUDE_CODE_USE_BEDROCK": "0"}, set()),
        ({"CLAUDE_CODE_USE_BEDROCK": "1"}, {"AWS_PROFILE", "AWS_SECRET_ACCESS_KEY"}),
        (
            {"CLAUDE_CODE_USE_VERTEX": "true"},
            {"GOOGLE_APPLICATION_CREDENTIALS", "CLOUD_ML_REGION"},
        ),
    ],
)
def test_cloud_credentials_pass_only_where_they_are_used(
    switch: dict[str, str], passed: set[str]
) -> None:
    """Claude Code on Bedrock or Vertex gets those of its cloud; any other gets none."""
    environ = {**ENVIRON, **switch}
    patterns = env_patterns(registry.get("claude"), environ)
    taken = environment.caller_part(environ, patterns, SESSIONS)
    assert taken.keys() == {"ANTHROPIC_MODEL", *switch} | passed


def test_a_tool_without_such_variables_gets_none() -> None:
    """Only the adapter that asks."""
    environ = {**ENVIRON, "CLAUDE_CODE_USE_BEDROCK": "1"}
    patterns = env_patterns(registry.get("shell"), environ)
    assert environment.caller_part(environ, patterns, SESSIONS) == {}


def test_an_agents_own_directories_are_not_handed_on() -> None:
    """One that spawns another: the directories are gone with the session that they are of."""
    inside = f"{SESSIONS}/3f0c/1/home/claude"
    environ = {"CLAUDE_CONFIG_DIR": inside, "ANTHROPIC_MODEL": "m", "XDG_CONFIG_HOME": inside}
    patterns = env_patterns(registry.get("claude"), environ)
    assert environment.caller_part(environ, patterns, SESSIONS) == {"ANTHROPIC_MODEL": "m"}
    assert environment.host_part(environ, patterns, SESSIONS) == {"ANTHROPIC_MODEL": "m"}
