"""``coders rules``: what is asked, what is printed, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from coders_queue.cli.main import main
from support.fake_host import FakeHost

pytest_plugins = ("support.host_fixtures",)

Capture = pytest.CaptureFixture[str]

RULE: dict[str, Any] = {
    "name": "tell",
    "about": "",
    "on": ["session.failed", "session.cancelled"],
    "when": None,
    "do": ["webhook", "notify"],
    "position": "5-0",
    "event": "4-0",
    "fired": 7,
    "fired_at": 1_700_000_000.0,
    "passed": 2,
    "stopped": 1,
    "missed": 1,
    "faults": 3,
    "fault": "name: it is nothing",
    "pending": 0,
    "done": 6,
    "failed": 1,
    "failure": {
        "kind": "webhook",
        "event": "4-0",
        "session": "s",
        "cause": "https://x/***: answered 410",
        "at": 1_700_000_000.0,
    },
}
NEW = {
    "name": "new", "about": "", "on": ["session.*"], "when": "x", "do": ["stop"],
    "position": None, "failure": None,
}  # fmt: skip


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration with a rule, and none but it."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    monkeypatch.chdir(tmp_path)
    found = tmp_path / "rules.yaml"
    found.write_text(
        "rules:\n"
        "  look:\n"
        "    on: session.failed\n"
        "    when: agent == 'codex' and name\n"
        "    do:\n"
        "      - spawn: {agent: claude, cwd: /w, task: 'see {{ event.session }}', env: {A: hush}}\n"
        "      - webhook: {url: 'https://x.invalid/hush', headers: {X: hush}}\n"
    )
    return found


def test_rules_are_listed(fake_host: FakeHost, capsys: Capture) -> None:
    """With what became of them; one that nobody has begun with says so."""
    fake_host.answers["rules"] = {"rules": [RULE, NEW], "holder": "h", "last_event": "5-0"}
    assert main(["rules"]) == 0
    printed = capsys.readouterr().out
    assert "tell" in printed
    assert "events were gone before it had seen them, 1 times" in printed
    assert "its condition gave no value 3 times: name: it is nothing" in printed
    assert "webhook was given up on event 4-0" in printed
    assert "new: nobody has begun with it" in printed
    assert main(["rules", "ls", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rules"] == [RULE, NEW]


def test_no_rules_and_nobody_who_carries_them_out(fake_host: FakeHost, capsys: Capture) -> None:
    """Each is said."""
    fake_host.answers["rules"] = {"rules": [], "holder": None, "last_event": None}
    assert main(["rules"]) == 0
    assert "no rules" in capsys.readouterr().err
    fake_host.answers["rules"] = {"rules": [RULE], "holder": None, "last_event": "5-0"}
    assert main(["rules"]) == 0
    assert "no worker of the control role" in capsys.readouterr().err


def test_a_file_is_checked(file: Path, capsys: Capture) -> None:
    """A mistake is told with its line."""
    assert main(["rules", "check", str(file)]) == 0
    assert capsys.readouterr().out == "fine: 1 rule\n"
    assert main(["rules", "check", str(file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rules"] == {"look": ["spawn", "webhook"]}
    file.write_text(file.read_text().replace("agent == 'codex'", "agnt == 'codex'"))
    assert main(["rules", "check", str(file)]) == 2
    assert f"{file}:4: rules.look.when: there is no agnt" in capsys.readouterr().err
    file.write_text("rules:\n  look:\n    on: session.failed\n    do: [{stop: {resn: x}}]\n")
    assert main(["rules", "check", str(file)]) == 2
    assert f"{file}:4: there is no key 'rules.look.do.0.stop.resn'" in capsys.readouterr().err
    assert main(["rules", "check", "nowhere.yaml"]) == 2
    assert main(["rules", "check"]) == 0


def test_a_rule_is_tried(file: Path, capsys: Capture) -> None:
    """What it would do is told, without what is secret; so is why it would do nothing."""
    event = {"kind": "session.failed", "session": {"id": "abc", "agent": "codex", "name": "n"}}
    words = ["rules", "test", "look", "--file", str(file), "--event"]
    assert main([*words, json.dumps(event)]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("look fires\n  spawn: ")
    assert '"see abc"' in printed
    assert "hush" not in printed
    assert main([*words, json.dumps(event), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["fires"], found["why"]) == (True, None)
    assert [one["kind"] for one in found["do"]] == ["spawn", "webhook"]
    for changed, told in (
        ({"kind": "session.running"}, "does not look at such events"),
        ({"kind": "session.failed"}, "its condition does not hold"),
        ({**event, "session": {"agent": "codex", "name": "n", "labels": {"coders.rules": "look"}}},
         "it had triggered itself: look > look"),
    ):  # fmt: skip
        assert main([*words, json.dumps(changed)]) == 0
        assert told in capsys.readouterr().out


@pytest.mark.parametrize(
    ("event", "told"),
    [
        ("{", "--event is not JSON"),
        ("[]", "--event is not a JSON object"),
        ('{"knd": "x"}', "there is no key 'knd'"),
    ],
)
def test_a_wrong_event_is_refused(file: Path, capsys: Capture, event: str, told: str) -> None:
    """In one line."""
    assert main(["rules", "test", "look", "--file", str(file), "--event", event]) == 2
    assert told in capsys.readouterr().err


def test_an_unknown_rule_is_refused(file: Path, capsys: Capture) -> None:
    """The nearest is named."""
    assert main(["rules", "test", "loook", "--file", str(file), "--event", "{}"]) == 3
    assert "did you mean look?" in capsys.readouterr().err
