"""Flower, started with our one command, shows sessions as they truly are."""

from __future__ import annotations

import json
import os
import socket
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from coders_queue.client.client import Coders
from support.command_line import CommandLine, command_line
from support.local_stack import eventually

pytestmark = [pytest.mark.broker, pytest.mark.tmux]

#: In prompts, values and output: none of it may be seen in Flower.
SECRET = f"s3cret-{uuid.uuid4().hex}"


@dataclass(frozen=True)
class Flower:
    """Flower's HTTP API, and the stack that it watches."""

    url: str
    coders: CommandLine
    client: Coders

    def get(self, path: str) -> Any:
        """An answer of the API; None while there is none."""
        return None if (text := self.page(path)) is None else json.loads(text)

    def page(self, path: str) -> str | None:
        """What it serves under a path."""
        try:
            with urllib.request.urlopen(f"{self.url}{path}", timeout=10) as answer:
                text: str = answer.read().decode()
                return text
        except urllib.error.HTTPError as error:
            error.close()
            return None
        except OSError:
            return None

    def task(self, session_id: str) -> dict[str, Any]:
        """What it knows of a session."""
        return self.get(f"/api/task/info/{session_id}") or {}

    def state(self, session_id: str) -> str | None:
        """The state that it shows."""
        return self.task(session_id).get("state")

    def session(self, *argv: str, **fields: Any) -> Any:
        """A session through Celery."""
        return self.client.session("shell", argv=argv, cwd="/", **fields)


@pytest.fixture(scope="module")
def flower() -> Iterator[Flower]:
    """A stack with `coders flower` beside it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with command_line({"FLOWER_UNAUTHENTICATED_API": "true"}) as coders:
        coders.ok("up")
        process = coders.start("flower", f"--port={port}")
        client = coders.client()
        shown = Flower(f"http://127.0.0.1:{port}", coders, client)
        try:
            eventually(lambda: shown.get("/api/workers"), 30)
            yield shown
        finally:
            client.app.backend.result_consumer.subscribed_to.clear()
            client.close()
            process.terminate()
            process.communicate(timeout=20)


def test_it_shows_the_worker(flower: Flower) -> None:
    """The host's worker is there under its name, with its queues."""
    host = flower.coders.ok("status", "--json").json["host"]
    workers = eventually(lambda: flower.get("/api/workers?refresh=1"), 20)
    queues = {one["name"] for one in workers[f"coders@{host}"]["active_queues"]}
    assert queues == {"coders", f"host.{host}"}


def test_a_session_of_the_command_line(flower: Flower) -> None:
    """Running it is STARTED, ended SUCCESS with the time that its agent ran."""
    words = ("sh", "-c", f"echo {SECRET}; sleep 2")
    session_id = flower.coders.spawn_shell(*words, options=("--env", f"A={SECRET}"))
    eventually(lambda: flower.state(session_id) == "STARTED", 10)
    assert flower.coders("wait", session_id).code == 0
    eventually(lambda: flower.state(session_id) == "SUCCESS", 10)
    task = flower.task(session_id)
    assert task["name"] == "coders.session"
    assert 1.9 < task["runtime"] < 4
    # its message and the one to the host are under way at once: received may be told last
    assert task["received"] < task["succeeded"]
    assert 1.9 < task["succeeded"] - task["started"] < 5


def test_a_session_through_celery(flower: Flower) -> None:
    """The same for ``apply_async``; and the list of tasks has it too."""
    result = flower.session("sleep", "2", env={"A": SECRET}).apply_async()
    eventually(lambda: flower.state(result.id) == "STARTED", 10)
    assert result.get(timeout=20)["state"] == "succeeded"
    eventually(lambda: flower.state(result.id) == "SUCCESS", 10)
    assert 1.9 < flower.task(result.id)["runtime"] < 4
    listed = flower.get("/api/tasks?taskname=coders.session")
    assert listed[result.id]["state"] == "SUCCESS"


def test_a_queued_session_is_not_shown_as_started(flower: Flower) -> None:
    """Waiting for a host it is received or pending; cancelled, it is over."""
    result = flower.session("echo", SECRET, host="elsewhere", task=SECRET).apply_async()
    eventually(lambda: flower.state(result.id) in ("RECEIVED", "PENDING"), 10)
    eventually(lambda: flower.client.get(result.id).record.request, 10)
    assert flower.state(result.id) in ("RECEIVED", "PENDING")
    flower.coders.ok("kill", result.id)
    assert result.get(timeout=20)["state"] == "cancelled"
    eventually(lambda: flower.state(result.id) == "SUCCESS", 10)
    assert flower.task(result.id)["runtime"] == 0


def test_a_failure_asked_to_be_one(flower: Flower) -> None:
    """``raise_on_failure`` is FAILURE; else a failed agent is a task that did its work."""
    raising = flower.session("sh", "-c", f"echo {SECRET}; exit 3", raise_on_failure=True)
    failed = raising.apply_async()
    eventually(lambda: flower.state(failed.id) == "FAILURE", 20)
    value = flower.session("sh", "-c", "exit 3").apply_async()
    eventually(lambda: flower.state(value.id) == "SUCCESS", 20)
    assert "failed" in flower.task(value.id)["result"]


def test_a_session_that_outlives_its_worker_keeps_its_runtime(flower: Flower) -> None:
    """Stopped and started between, the runtime is the agent's all the same."""
    result = flower.session("sleep", "4").apply_async()
    eventually(lambda: flower.state(result.id) == "STARTED", 10)
    os.kill(flower.coders.worker_pid(), 9)
    flower.coders.ok("up")
    eventually(lambda: flower.state(result.id) == "SUCCESS", 30)
    assert 3.9 < flower.task(result.id)["runtime"] < 8


def test_nothing_private_is_shown(flower: Flower) -> None:
    """No prompt, value or output is on any page or in any answer of the API."""
    task = f"echo {SECRET}-prompt"
    shown = flower.coders.ok("run", "shell", task, "--json", "--env", f"A={SECRET}").json
    assert SECRET in shown["output"]
    eventually(lambda: flower.state(shown["id"]) == "SUCCESS", 10)
    ids = flower.get("/api/tasks")
    assert len(ids) > 5
    pages = ["/", "/tasks", "/workers", "/api/tasks", "/api/workers?refresh=1"]
    pages += [f"/api/task/info/{one}" for one in ids] + [f"/task/{one}" for one in ids]
    texts = {page: flower.page(page) for page in pages}
    assert not [page for page, text in texts.items() if text is None]
    assert not [page for page, text in texts.items() if text and SECRET in text]
