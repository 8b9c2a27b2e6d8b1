"""What becomes of an agent that does nothing any more, on a whole stack."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support import steady_agent
from support.command_line import CommandLine, command_line
from support.local_stack import eventually

pytestmark = [pytest.mark.broker, pytest.mark.tmux]


@pytest.fixture
def coders(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[CommandLine]:
    """A stack that does about stuck agents what the test's parameter says."""
    config = tmp_path_factory.mktemp("config")
    steady_agent.describe(config / "coders" / "agents", tmp_path_factory.mktemp("work"))
    environ = {
        "XDG_CONFIG_HOME": str(config),
        "CODERS_RESTART_BACKOFF": "0.2",
        "CODERS_SUPERVISION_ON_STUCK": request.param,
    }
    with command_line(environ) as one:
        one.ok("up")
        yield one
        one.at_rest()


def hang(coders: CommandLine) -> str:
    """A session whose agent hangs after its first step, the first time."""
    return coders.ok(
        "spawn", "steady", "work 3 0.05 hang 1", "--stuck-after", "1", "--headless"
    ).text.strip()


@pytest.mark.parametrize("coders", ["restart"], indirect=True)
def test_a_stuck_agent_goes_on_in_its_conversation(coders: CommandLine) -> None:
    """Where it is to be restarted: what it had done is not done again."""
    shown = coders("wait", "--json", hang(coders), "--timeout", "60").json
    assert (shown["state"], shown["attempts"], shown["result"]) == ("succeeded", 2, "3 steps")
    assert [one["cause"]["kind"] for one in shown["history"]] == ["stuck"]
    assert "nothing has come of it" in shown["history"][0]["cause"]["message"]


@pytest.mark.parametrize("coders", ["stop"], indirect=True)
def test_a_stuck_agent_is_ended_for_good(coders: CommandLine) -> None:
    """Where it is to be stopped, whatever the restart policy."""
    shown = coders("wait", "--json", hang(coders), "--timeout", "60").json
    assert (shown["state"], shown["attempts"]) == ("failed", 1)
    assert shown["cause"]["kind"] == "stuck"


@pytest.mark.parametrize("coders", ["report"], indirect=True)
def test_a_stuck_agent_is_told_and_left_alone(coders: CommandLine) -> None:
    """By default a person decides."""
    session = hang(coders)

    def doing() -> object:
        activity = coders("show", "--json", session).json.get("activity")
        return activity and activity["doing"]

    eventually(lambda: doing() == "stuck")
    assert coders("show", "--json", session).json["state"] == "running"
    assert coders.ok("ls", "-q", "--doing", "waiting", "--doing", "stuck").text.strip() == session
    assert coders.ok("ls", "-q", "--doing", "idle").text == ""
    coders.ok("kill", session)
