"""The short run of the delivery benchmark: each real CLI gets what was sent, whole and once."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

from coders_queue.agents import registry
from coders_queue.agents.tool import Tool
from support import agent_install, netns

pytestmark = [
    pytest.mark.agents,
    pytest.mark.broker,
    pytest.mark.tmux,
    pytest.mark.timeout(300),
]

_ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def delivery(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    # a package of the checkout, which is not installed
    monkeypatch.setattr(sys, "path", [str(_ROOT), *sys.path])
    from bench import delivery

    return delivery


#: The tools that can be installed here and whose screens are read.
TOOLS = sorted(
    tool
    for tool in set(agent_install.DEFAULTS) & set(registry.names())
    if type(registry.get(tool)).observe_screen is not Tool.observe_screen  # type: ignore[attr-defined]
)


@pytest.mark.parametrize("tool", TOOLS)
def test_prompts_arrive_whole_and_once(delivery: ModuleType, tool: str) -> None:
    """At random moments after the start, past questions and drafts, as the stub's bodies show."""
    reason = netns.why_not()
    if reason is not None:
        pytest.skip(reason)
    try:
        agent_install.install(tool)
    except agent_install.NotInstallable as error:
        pytest.skip(str(error))
    result = delivery.run_tool(tool, delivery.SHORT, print)
    assert result.measured["problems"] == []
    assert result.measured["whole_and_once"] == result.measured["submissions"] == delivery.SHORT
    assert result.measured["drafts_refused"] == result.measured["drafts"]
