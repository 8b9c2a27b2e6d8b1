"""Limits, turns and what is said of them, on a whole stack."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.command_line import CommandLine, command_line
from support.local_stack import eventually

pytestmark = [pytest.mark.broker, pytest.mark.tmux]

CONFIG = """\
limits:
  one-red:
    label: team=red
    concurrency: 1
  slow:
    label: team=slow
    rate: 2
shares:
  ann: 2
"""
#: Says so when somebody else is in the room, and what it did.
ALONE = (
    'mkdir "$0/room" || echo crowd >> "$0/log"; sleep 0.3; rmdir "$0/room"; echo "$1" >> "$0/log"'
)


@pytest.fixture(scope="module")
def coders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    """A stack whose configuration limits teams."""
    config = tmp_path_factory.mktemp("config")
    (config / "coders").mkdir()
    (config / "coders" / "config.yaml").write_text(CONFIG)
    with command_line({"XDG_CONFIG_HOME": str(config)}) as one:
        one.ok("up")
        eventually(lambda: one("limits", "--json").json["limits"])
        yield one
        one.ok("up")
        one.at_rest()
        assert one.agents() == {}


def spawn(coders: CommandLine, team: str, *words: str, options: tuple[str, ...] = ()) -> str:
    said = coders.ok(
        "spawn", "shell", "--no-wait", "--label", f"team={team}", *options, "--", *words
    )
    return said.text.strip()


def final(coders: CommandLine, session_id: str) -> dict[str, Any]:
    shown: dict[str, Any] = coders("wait", "--json", session_id, "--timeout", "60").json
    return shown


def test_one_at_a_time(coders: CommandLine, tmp_path: Path) -> None:
    """Three sessions under a limit of one are never two at once, and all run in the end."""
    ids = [
        spawn(coders, "red", "sh", "-c", ALONE, str(tmp_path), str(number)) for number in range(3)
    ]
    assert [final(coders, one)["state"] for one in ids] == ["succeeded"] * 3
    assert (tmp_path / "log").read_text().split() == ["0", "1", "2"]


def test_who_waits_is_told_why(coders: CommandLine) -> None:
    """With the position and the limit; others go past; a new priority counts; a kill is at once."""
    runs = spawn(coders, "red", "sleep", "1000")
    eventually(lambda: coders.show(runs)["state"] == "running")
    first, second = (spawn(coders, "red", "sleep", "1000") for _ in range(2))
    eventually(lambda: (coders.show(second)["waiting"] or {}).get("position") == 2)
    assert coders.show(first)["waiting"] == {
        "position": 1,
        "why": "limit one-red is full (1 of 1)",
        "expected_at": None,
    }
    assert coders.run_shell("true")["state"] == "succeeded"
    assert "limit one-red is full (1 of 1)" in coders.ok("ls").text
    assert "2: limit one-red is full (1 of 1)" in coders.ok("status").text
    assert "1 of 1" in coders.ok("limits").text
    assert coders.ok("prioritize", second, "1").text.strip().endswith("has priority 1")
    assert coders.show(second)["waiting"]["position"] == 1
    assert coders.ok("kill", first).text.strip().endswith("cancelled")
    coders.ok("kill", runs)
    eventually(lambda: coders.show(second)["state"] == "running")
    coders.ok("kill", second)


def test_a_rate_goes_on_by_itself(coders: CommandLine) -> None:
    """Nobody has to end for the next one to start, and the starts are as far apart as it says."""
    ids = [spawn(coders, "slow", "true") for _ in range(4)]
    ended = [final(coders, one) for one in ids]
    assert [one["state"] for one in ended] == ["succeeded"] * 4
    starts = sorted(one["started_at"] for one in ended)
    assert starts[3] - starts[0] >= 1.0  # three gaps of 0.5 s, but for how long a start takes
    assert starts[3] - starts[0] < 15


def test_limits_are_changed_while_it_runs(coders: CommandLine) -> None:
    """A limit that is set holds at once, a removed one no more; nonsense is refused."""
    coders.ok("limits", "set", "stop", "--label", "team=blue", "--concurrency", "0")
    held = spawn(coders, "blue", "true")
    eventually(lambda: coders.show(held)["waiting"]["position"] == 1)
    assert "stop" in coders.ok("limits", "ls").text
    coders.ok("limits", "rm", "stop")
    assert final(coders, held)["state"] == "succeeded"
    for words, said in (
        (("set", "bad", "--concurrency", "-1"), "greater than or equal to 0"),
        (("set", "bad"), "a limit needs a concurrency, a rate, or both"),
        (("set", "Bad", "--rate", "1"), "is no name of a limit"),
        (("rm", "nothing"), "there is no limit 'nothing'"),
        (("share", "ann", "-2"), "greater than 0"),
        (("reopen", "claude"), "is not known to be used up"),
    ):
        refused = coders("limits", *words)
        assert refused.code != 0
        assert said in refused.err
    assert "share of ann: 3" in coders.ok("limits", "share", "ann", "3").text


def test_a_quota_that_is_used_up_holds_up_its_agent(coders: CommandLine) -> None:
    """Until it is renewed, or somebody knows better."""
    with coders.client() as client:
        client.store.exhaust("shell", 4_000_000_000.0)
        held = spawn(coders, "green", "true")
        eventually(lambda: coders.show(held)["waiting"]["position"] == 1)
        assert "the quota of shell is used up until" in coders.ok("show", held).text
        coders.ok("limits", "reopen", "shell")
        assert final(coders, held)["state"] == "succeeded"
