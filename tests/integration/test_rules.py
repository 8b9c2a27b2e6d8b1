"""Rules on a real stack: sessions begin, are told of, are ended, whoever dies."""

from __future__ import annotations

import json
import os
import signal
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from coders_queue.rules.decide import job_id
from coders_workers import broker
from support.command_line import CommandLine, command_line
from support.local_stack import eventually
from support.webhook_site import WebhookSite

pytestmark = [pytest.mark.broker, pytest.mark.tmux, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def site() -> Iterator[WebhookSite]:
    with WebhookSite().open() as one:
        yield one


@pytest.fixture(scope="module")
def coders(tmp_path_factory: pytest.TempPathFactory, site: WebhookSite) -> Iterator[CommandLine]:
    """A stack with these rules."""
    config = tmp_path_factory.mktemp("config")
    rules = {
        "follow": {
            "on": "session.succeeded",
            "when": "labels.job == 'first'",
            "do": [
                {
                    "spawn": {
                        "agent": "shell",
                        "argv": ["echo", "after {{ event.session }} by {{ owner }}"],
                        "labels": {"job": "second"},
                    }
                }
            ],
        },
        # each is the cause of the other: only the chain tells
        "ping": {
            "on": "session.succeeded",
            "when": "labels.game == 'ping'",
            "do": [{"spawn": {"agent": "shell", "argv": ["true"], "labels": {"game": "pong"}}}],
        },
        "pong": {
            "on": "session.succeeded",
            "when": "labels.game == 'pong'",
            "do": [{"spawn": {"agent": "shell", "argv": ["true"], "labels": {"game": "ping"}}}],
        },
        "tell": {
            "on": ["session.failed", "session.cancelled"],
            "when": "labels.job == 'told'",
            "backoff": 0.2,
            "do": [
                {"webhook": {"url": f"{site.url}?token=hidden", "headers": {"X-Key": "hidden"}}}
            ],
        },
        "end": {
            "on": "session.running",
            "when": "labels.job == 'long'",
            "do": [{"stop": {"reason": "by {{ rule }}"}}],
        },
        "type": {
            "on": "session.running",
            "when": "labels.job == 'typed'",
            "do": [{"send": {"text": "hello {{ name }}"}}],
        },
        "hand-on": {
            "on": "session.succeeded",
            "when": "labels.job == 'task'",
            "do": [{"task": {"name": "mine", "args": ["{{ event.session }}"], "queue": "mine"}}],
        },
    }
    (config / "coders").mkdir()
    file = config / "coders" / "config.json"
    file.write_text(json.dumps({"rules": rules}))
    file.chmod(0o600)
    with command_line({"XDG_CONFIG_HOME": str(config), "CODERS_HOST_CAPACITY": "20"}) as one:
        one.ok("up")
        yield one


def rule(coders: CommandLine, name: str) -> dict[str, Any]:
    """What is known of a rule."""
    found = coders.ok("rules", "ls", "--json").json["rules"]
    return next(one for one in found if one["name"] == name)


def spawn(coders: CommandLine, job: str, *argv: str, more: tuple[str, ...] = ()) -> str:
    """A session with a label."""
    return coders.spawn_shell(*argv, options=("--label", f"job={job}", *more))


def labelled(coders: CommandLine, key: str, value: str) -> list[dict[str, Any]]:
    """Sessions with a label that have ended."""
    found = coders.ok("ls", "--all", "--json").json
    return [one for one in found if one["labels"].get(key) == value and one["ended_at"]]


def test_a_session_follows_another_once(coders: CommandLine) -> None:
    """Its id follows from event, rule and action; templates are filled in; it has the chain."""
    first = spawn(coders, "first", "true")
    (second,) = eventually(lambda: labelled(coders, "job", "second"))
    found = rule(coders, "follow")
    assert second["id"] == job_id(found["event"], "follow", 0)
    assert second["output"] == f"after {first} by {second['owner']}\n"
    assert second["labels"]["coders.rules"] == "follow"
    eventually(lambda: rule(coders, "follow")["pending"] == 0)
    assert rule(coders, "follow")["done"] == 1


def test_rules_that_trigger_each_other_are_stopped(coders: CommandLine) -> None:
    """One goes round once; then it is stopped, and an event of its last session says so."""
    coders.spawn_shell("true", options=("--label", "game=ping"))
    eventually(lambda: rule(coders, "ping")["stopped"])
    eventually(lambda: rule(coders, "ping")["pending"] == 0)
    assert [rule(coders, name)["fired"] for name in ("ping", "pong")] == [1, 1]
    (last,) = [one for one in labelled(coders, "game", "ping") if "coders.rules" in one["labels"]]
    assert last["labels"]["coders.rules"] == "ping,pong"
    events = coders.show(last["id"])["events"]
    stopped = next(one for one in events if one["kind"] == "rule.stopped")
    assert stopped["data"]["why"] == "loop"


def test_a_webhook_comes_until_it_is_taken(coders: CommandLine, site: WebhookSite) -> None:
    """Each time with its id; what is secret is in no log and no answer."""
    site.answers = [500, 503]
    session = spawn(coders, "told", "false")
    eventually(lambda: rule(coders, "tell")["done"])
    posts = [one for one in site.posts if one[1]["event"]["session"] == session]
    assert len(posts) == 3
    assert len({headers["x-coders-id"] for headers, _ in posts}) == 1
    headers, body = posts[0]
    assert headers["x-key"] == "hidden"
    assert headers["x-coders-rule"] == "tell"
    assert (body["id"], body["session"]["state"]) == (headers["x-coders-id"], "failed")
    assert coders.holding(b"token=hidden") == []
    shown = coders.ok("config", "show").text
    assert "hidden" not in shown


def test_a_webhook_that_is_refused_is_given_up(coders: CommandLine, site: WebhookSite) -> None:
    """At once, since the request is what is wrong: an event, the list and the log say so."""
    site.answers = [410]
    session = spawn(coders, "told", "false")
    eventually(lambda: rule(coders, "tell")["failed"])
    found = rule(coders, "tell")
    assert found["failure"]["cause"].endswith("/***: answered 410")
    events = coders.show(session)["events"]
    told = next(one for one in events if one["kind"] == "rule.failed")
    assert told["data"]["why"] == "status-410"
    assert "webhook was given up" in coders.ok("rules").text


def test_a_session_is_ended(coders: CommandLine) -> None:
    """With the reason that the rule gives."""
    session = spawn(coders, "long", "sleep", "600")
    done = coders("wait", session, "--json")
    assert done.json["state"] == "cancelled"
    assert done.json["cancel_reason"] == "by end"


def test_a_message_is_sent(coders: CommandLine) -> None:
    """It waits in the session's mailbox under the action's id."""
    session = spawn(coders, "typed", "sleep", "600", more=("--name", "reader"))
    eventually(lambda: rule(coders, "type")["done"])
    with coders.client() as client:
        (message,) = client.store.mailboxes.waiting(f"session:{session}")
    assert (message.text, message.sender) == ("hello reader", "person:rule.type")
    assert message.key == job_id(rule(coders, "type")["event"], "type", 0)
    coders("kill", session)


def test_a_task_is_handed_on(coders: CommandLine) -> None:
    """It lies in its queue under the action's id."""
    session = spawn(coders, "task", "true")
    eventually(lambda: rule(coders, "hand-on")["done"])
    with broker.client(coders.paths) as client:
        (message,) = [json.loads(one) for one in client.lrange("cq:mine", 0, -1)]
    assert message["headers"]["id"] == job_id(rule(coders, "hand-on")["event"], "hand-on", 0)
    assert json.loads(b64decode(message["body"]))[0] == [session]


def test_a_dead_worker_loses_and_doubles_nothing(coders: CommandLine) -> None:
    """What ended while nobody looked fires when somebody does, once."""
    before = rule(coders, "follow")["fired"]
    sessions = [spawn(coders, "first", "sleep", "0.3") for _ in range(5)]
    os.kill(coders.worker_pid(), signal.SIGKILL)
    coders.ok("up")
    eventually(lambda: len(labelled(coders, "job", "second")) >= before + 5)
    eventually(lambda: rule(coders, "follow")["pending"] == 0, 90)
    outputs = [one["output"].split()[1] for one in labelled(coders, "job", "second")]
    assert [outputs.count(one) for one in sessions] == [1] * 5


def test_a_wrong_rule_starts_nothing(tmp_path: Path) -> None:
    """One line with file and line, and no stack."""
    (tmp_path / "coders").mkdir()
    rules = {"r": {"on": "session.failed", "do": [{"spawn": {"agent": "shell"}}]}}
    (tmp_path / "coders" / "config.json").write_text(json.dumps({"rules": rules}, indent=1))
    with command_line({"XDG_CONFIG_HOME": str(tmp_path)}) as one:
        for words in (("up",), ("config", "check")):
            done = one(*words)
            assert done.code == 2
            assert "triggers itself" in done.err
            assert "config.json:" in done.err
        assert one.processes() == {}
