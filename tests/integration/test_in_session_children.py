"""Sessions that begin sessions, and ask people: real worker, real sockets, shell agents."""

from __future__ import annotations

import contextlib
import json
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from coders_queue import errors, wire
from coders_queue.in_session import access
from coders_queue.in_session.access import Access
from coders_queue.store.connect import connect
from coders_queue.store.keys import Keys
from support.inside import access_of, ask, script
from support.local_stack import LocalStack, eventually, local_stack

pytestmark = [pytest.mark.tmux, pytest.mark.broker]


@pytest.fixture(scope="module")
def stack() -> Iterator[LocalStack]:
    environ = {"CODERS_COORDINATION_MAX_DEPTH": "2", "CODERS_COORDINATION_MAX_CHILDREN": "3"}
    with local_stack(environ) as one:
        one.start_broker()
        one.start_worker()
        yield one


Begin = Callable[..., tuple[str, Access]]


@pytest.fixture
def begin(stack: LocalStack, tmp_path: Path) -> Iterator[Begin]:
    """Begins sessions that do nothing, for callers of the test's own; gone afterwards."""
    begun = []

    def start(cwd: Path = tmp_path, **spec: Any) -> tuple[str, Access]:
        request = {"agent": "shell", "argv": ("sleep", "120"), **spec}
        session_id = stack.ask("spawn", spec=request, cwd=str(cwd))["id"]
        begun.append(session_id)
        return session_id, access_of(stack.paths, session_id)

    yield start
    for one in begun:
        for live in [one, *_children(stack, one)]:
            with contextlib.suppress(errors.CodersError):
                stack.ask("kill", ref=live)


def _children(stack: LocalStack, parent: str) -> list[str]:
    listed = stack.ask("ls")["sessions"]
    return [one["id"] for one in listed if one["labels"].get("coders.parent") == parent]


def sh(*argv: str, **more: Any) -> dict[str, Any]:
    return {"agent": "shell", "argv": list(argv), **more}


def activity(stack: LocalStack, session_id: str) -> dict[str, Any]:
    return stack.ask("show", ref=session_id)["activity"] or {}


def test_a_session_delegates_and_gets_the_results(stack: LocalStack, tmp_path: Path) -> None:
    """From a script alone: two children, one of which fails, and what came of both; they carry
    their parent's owner and correlation, and say whose they are."""
    lines = (
        "good=$(here spawn shell --name good --argv sh --argv=-c --argv 'coders here finish fine')",
        "here spawn shell --name bad --argv false >/dev/null",
        "here wait --json >results.json",
        'here wait "$good" --json | grep -q fine || exit 9',
        "here children",
    )
    request = {"agent": "shell", "argv": script(*lines), "owner": "ada", "correlation_id": "c-1"}
    chain = {"coders.rules": "look,ask"}  # a rule must not go round by way of a child
    request["labels"] = {**chain, "team": "core"}
    environ = {"PATH": stack.environ["PATH"]}
    parent = stack.ask("spawn", spec=request, cwd=str(tmp_path), environ=environ)["id"]
    over = wire.ask(str(stack.paths.host_socket), "wait", {"ref": parent, "timeout": 60})
    assert over["state"] == "succeeded", over["output"]
    assert "good" in over["output"]
    told = {one["name"]: one for one in _json(tmp_path / "results.json")["sessions"]}
    assert (told["good"]["state"], told["good"]["result"]) == ("succeeded", "fine")
    assert (told["bad"]["state"], told["bad"]["exit_code"]) == ("failed", 1)
    shown = stack.ask("show", ref=told["good"]["id"])
    assert (shown["owner"], shown["correlation_id"]) == ("ada", "c-1")
    assert shown["labels"] == {**chain, "coders.parent": parent, "coders.depth": "1"}
    assert shown["cwd"] == str(tmp_path)


def _json(path: Path) -> Any:
    return json.loads(path.read_text())


def test_asked_again_it_is_the_same_child(begin: Begin) -> None:
    """Also at once: the request's id is the child's."""
    _, own = begin()
    more = {"token": own.token, "request": uuid.uuid4().hex}

    def spawn() -> str:
        told = wire.ask(own.socket, "spawn", sh("sleep", "60"), more=more)
        return str(told["id"])

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(lambda _: spawn(), range(4)))) == 1
    assert len(ask(own, "children")["sessions"]) == 1


def test_depth_and_number_are_limited(stack: LocalStack, begin: Begin) -> None:
    """One too deep, and one too many, is refused; what was refused for something else is not
    counted."""
    _, own = begin()
    child = ask(own, "spawn", **sh("sleep", "60"))["id"]
    eventually(lambda: stack.ask("show", ref=child)["state"] == "running", 20)
    deep = access_of(stack.paths, child)
    assert ask(deep, "whoami")["depth"] == 1
    grandchild = ask(deep, "spawn", **sh("sleep", "60"))["id"]
    eventually(lambda: stack.ask("show", ref=grandchild)["state"] == "running", 20)
    with pytest.raises(errors.Denied, match="at depth 2 may begin no other"):
        ask(access_of(stack.paths, grandchild), "spawn", **sh("true"))
    with pytest.raises(errors.UnknownAgent):
        ask(own, "spawn", agent="nonesuch", task="x")
    with pytest.raises(errors.WorkspaceError):
        ask(own, "spawn", **sh("true", worktree="--upload-pack=x"))
    for _ in range(2):
        ask(own, "spawn", **sh("true"))
    with pytest.raises(errors.Denied, match="you have begun 3 sessions"):
        ask(own, "spawn", **sh("true"))
    stack.ask("kill", ref=grandchild)


def test_a_child_may_do_no_more_than_its_parent(
    stack: LocalStack, begin: Begin, tmp_path: Path
) -> None:
    """No permission, command, directory, time or environment that the parent has not, by links
    and by dots neither."""
    home = tmp_path / "home"
    (home / "below").mkdir(parents=True)
    (home / "link").symlink_to(tmp_path)
    secret = {"OTHER_SECRET": "s3cret"}
    # a command in an agent's place: its rights are those of the request that is written there
    parent, own = begin(home, env=secret, timeout=100.0)
    _rights(stack, parent, "claude", "edit", "headless")
    try:
        for params, message in (
            (sh("true"), "runs any command"),
            ({"agent": "claude", "task": "x", "permission": "full"}, "permission full is more"),
            ({"agent": "claude", "task": "x", "argv": ["--dangerously"]}, "arguments for"),
            ({"agent": "claude", "task": "x", "cwd": ".."}, "not in your own directory"),
            ({"agent": "claude", "task": "x", "cwd": "/"}, "not in your own directory"),
            ({"agent": "claude", "task": "x", "cwd": "link"}, "not in your own directory"),
            ({"agent": "claude", "task": "x", "cwd": "below/../../.."}, "not in your own"),
        ):
            with pytest.raises(errors.Denied, match=message):
                ask(own, "spawn", **params)
        for params in ({"cwd": "none"}, {"cwd": "link/home/none"}):
            with pytest.raises(errors.WorkspaceError):
                ask(own, "spawn", agent="claude", task="x", **params)
        with pytest.raises(errors.UsageError, match="takes no 'env'"):
            ask(own, "spawn", agent="claude", task="x", env={"A": "b"})
    finally:
        _rights(stack, parent, "shell", "default", "headless")
    assert ask(own, "children")["sessions"] == []
    child = ask(own, "spawn", **sh("sh", "-c", "env; pwd", cwd="below", timeout=1e6))["id"]
    (told,) = ask(own, "wait", sessions=[child[:8]])["sessions"]
    assert told["cwd"] == str(home / "below")
    shown = stack.ask("show", ref=child)
    assert "s3cret" not in shown["output"]
    assert shown["spec"]["timeout"] <= 100


def _rights(stack: LocalStack, session_id: str, agent: str, permission: str, mode: str) -> None:
    """Write another request into a live session's record."""
    with contextlib.closing(connect(stack.paths.broker_url)) as client:
        key = Keys().session(session_id)
        spec = json.loads(client.hget(key, "spec") or "{}")
        spec |= {"agent": agent, "permission": permission, "mode": mode}
        client.hset(key, "spec", json.dumps(spec))


def test_others_sessions_are_none_of_its_business(begin: Begin) -> None:
    """Neither waited for nor told of, by whatever name."""
    other, _ = begin(name="other")
    _, own = begin()
    for name in (other, other[:8], "other", ""):
        with pytest.raises(errors.NotFound, match="no session of yours"):
            ask(own, "wait", sessions=[name])
    assert ask(own, "wait") == {"sessions": []}
    child = ask(own, "spawn", **sh("sleep", "60"))["id"]
    with pytest.raises(errors.TimedOut, match="still runs"):
        ask(own, "wait", timeout=0.3)
    quick = ask(own, "spawn", **sh("true"))["id"]
    (first,) = ask(own, "wait", first=True, timeout=20)["sessions"]
    assert first["id"] == quick != child


def test_a_person_answers_from_anywhere(stack: LocalStack, begin: Begin) -> None:
    """The session shows as waiting with the question, which is in the one queue; of the choices
    the number will do; it is answered once, and a no is an answer."""
    session_id, own = begin(name="asker")
    with pytest.raises(errors.NotFound, match="waits for nothing"):
        stack.ask("approve", ref="asker", choice="yes")
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(ask, own, "ask", question="Drop\nit?", choices=["keep", "drop it"])
        seen = eventually(lambda: (now := activity(stack, session_id)).get("question") and now, 20)
        assert (seen["doing"], seen["question"]) == ("waiting", "Drop it?")
        assert seen["choices"] == ["keep", "drop it"]
        listed = stack.ask("ls", doing=["waiting"])["sessions"]
        assert [one["id"] for one in listed] == [session_id]
        (waiting,) = stack.ask("approvals")["approvals"]
        assert (waiting["session"], waiting["kind"]) == (session_id, "ask")
        with pytest.raises(errors.UsageError):
            stack.ask("approve", ref="asker", choice=" ")
        with pytest.raises(errors.Conflict, match="cannot answer what it asks itself"):
            stack.ask("approve", ref="asker", choice="1", session=session_id)
        given = stack.ask("approve", ref="asker", choice="2")
        assert given["answer"]["text"] == "drop it"
        answer = asked.result(10)
        assert (answer["answer"], answer["denied"]) == ("drop it", False)
        with pytest.raises(errors.Conflict, match="waits no more"):
            stack.ask("approve", ref=waiting["id"], choice="1")
        asked = pool.submit(ask, own, "ask", question="And that?")
        eventually(lambda: stack.ask("approvals")["approvals"], 20)
        stack.ask("approve", ref="asker", deny=True, because="not today")
        answer = asked.result(10)
        assert (answer["answer"], answer["denied"]) == ("not today", True)
    eventually(lambda: activity(stack, session_id)["doing"] != "waiting", 10)
    events = [one["kind"] for one in stack.ask("show", ref=session_id)["events"]]
    assert [events.count(f"approval.{one}") for one in ("opened", "answered")] == [2, 2]


def test_no_answer_is_no_yes(stack: LocalStack, begin: Begin) -> None:
    """In time: an error. The question of who hung up, and of an attempt that is over, is
    withdrawn."""
    session_id, own = begin()
    with pytest.raises(errors.TimedOut, match="nobody has answered"):
        ask(own, "ask", question="Now?", timeout=1)
    with pytest.raises(errors.NotFound, match="waits for nothing"):
        stack.ask("approve", ref=session_id, choice="yes")
    with contextlib.suppress(errors.TimedOut):
        access.call(own, "ask", {"question": "Still there?"}, timeout=1, patience=0)
    eventually(lambda: activity(stack, session_id).get("doing") != "waiting", 20)
    thread = threading.Thread(target=_asks_in_vain, args=(own,))
    thread.start()
    eventually(lambda: activity(stack, session_id).get("doing") == "waiting", 20)
    stack.ask("kill", ref=session_id)
    thread.join(20)
    assert not thread.is_alive()
    with pytest.raises(errors.NotFound, match="waits for nothing"):
        stack.ask("approve", ref=session_id, choice="yes")


def _asks_in_vain(own: Access) -> None:
    with contextlib.suppress(errors.CodersError):
        access.call(own, "ask", {"question": "And now?"}, timeout=60, patience=5)


def test_a_question_outlives_the_worker(stack: LocalStack, begin: Begin) -> None:
    """Who asked asks the next one again, under the same id: one question, one answer."""
    session_id, own = begin(name="patient")
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(access.call, own, "ask", {"question": "Wait?"}, timeout=60, patience=40)
        eventually(lambda: activity(stack, session_id).get("doing") == "waiting", 20)
        stack.kill("worker")
        stack.start_worker()
        eventually(lambda: activity(stack, session_id).get("question") == "Wait?", 20)
        stack.ask("approve", ref="patient", choice="it was worth it")
        assert asked.result(30)["answer"] == "it was worth it"
    events = [one["kind"] for one in stack.ask("show", ref=session_id)["events"]]
    assert events.count("approval.opened") == 1
