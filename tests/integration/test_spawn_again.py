"""A spawn whose answer got lost: asked again with the same id, it starts nothing twice."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from coders_queue.errors import UsageError
from support.local_stack import LocalStack, eventually, local_stack

pytestmark = [pytest.mark.broker, pytest.mark.tmux]


@pytest.fixture(scope="module")
def stack() -> Iterator[LocalStack]:
    """A stack for this file."""
    with local_stack() as one:
        yield one.start()


def test_asked_twice(stack: LocalStack, tmp_path: Path) -> None:
    """The second request with an id says how the first one's session is; one agent ran."""
    chosen, ran = str(uuid.uuid4()), tmp_path / "ran"
    spec = {"agent": "shell", "argv": ["sh", "-c", f'echo x >> "{ran}"; sleep 1']}
    answers = [stack.ask("spawn", id=chosen, spec=spec, cwd="/", wait=True) for _ in range(2)]
    assert [one["id"] for one in answers] == [chosen, chosen]
    assert stack.ask("wait", ref=chosen)["state"] == "succeeded"
    assert stack.ask("spawn", id=chosen, spec=spec, cwd="/", wait=True)["state"] == "succeeded"
    assert ran.read_text() == "x\n"


def test_an_id_that_is_none(stack: LocalStack) -> None:
    """An id is a directory's name later on: only a UUID will do."""
    spec = {"agent": "shell", "argv": ["true"]}
    for wrong in ("../../x", "abc", "", str(uuid.uuid4()).upper()):
        with pytest.raises(UsageError, match="id"):
            stack.ask("spawn", id=wrong, spec=spec, cwd="/", wait=True)


def test_what_was_got_ready_for_a_refused_session_is_gone(stack: LocalStack) -> None:
    """A name in use is found out after the launcher was started ahead: nothing of it stays."""
    spec = {"agent": "shell", "argv": ["sleep", "100"], "name": "mine"}
    first = stack.ask("spawn", spec=spec, cwd="/", wait=True)
    with pytest.raises(Exception, match="mine"):
        stack.ask("spawn", spec=spec, cwd="/", wait=True)
    eventually(lambda: [path.name for path in stack.paths.sessions.iterdir()] == [first["id"]], 5)
    stack.ask("kill", ref="mine")
