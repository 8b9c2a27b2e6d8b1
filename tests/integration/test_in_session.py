"""What sessions ask of their host for themselves: real worker, real sockets, shell agents."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from coders_queue import errors, wire
from coders_queue.in_session.access import Access
from support.inside import access_of, ask, raw, script
from support.local_stack import LocalStack, eventually, local_stack

pytestmark = [pytest.mark.tmux, pytest.mark.broker]


@pytest.fixture(scope="module")
def stack() -> Iterator[LocalStack]:
    with local_stack() as one:
        one.start_broker()
        one.start_worker()
        yield one


def spawn(stack: LocalStack, *lines: str, **spec: Any) -> str:
    """A shell session of these lines; its id."""
    request = {"agent": "shell", "argv": script(*lines), **spec}
    answer = stack.ask("spawn", spec=request, cwd="/tmp", environ={"PATH": stack.environ["PATH"]})
    found: str = answer["id"]
    return found


def ended(stack: LocalStack, session_id: str) -> dict[str, Any]:
    """The session object once it has ended."""
    return wire.ask(str(stack.paths.host_socket), "wait", {"ref": session_id, "timeout": 60})


def activity(stack: LocalStack, session_id: str) -> dict[str, Any]:
    return stack.ask("show", ref=session_id)["activity"] or {}


@contextlib.contextmanager
def resting(stack: LocalStack, **spec: Any) -> Iterator[tuple[str, Access]]:
    """A session that does nothing, for callers of the test's own."""
    request = {"agent": "shell", "argv": ("sleep", "120"), **spec}
    session_id = stack.ask("spawn", spec=request, cwd="/tmp")["id"]
    try:
        yield session_id, access_of(stack.paths, session_id)
    finally:
        with contextlib.suppress(errors.Conflict):
            stack.ask("kill", ref=session_id, reason="the test is over")


def test_an_agent_tells_who_it_is_how_far_and_what_came_of_it(stack: LocalStack) -> None:
    """Its report shows while it runs, and what it declares is the session's result, as data."""
    go = stack.paths.state / "go"
    session_id = spawn(
        stack,
        "here whoami",
        'here progress "tests written, now the parser" --percent 40',
        f"until test -e {go}; do sleep 0.05; done",
        """here finish --data '{"verdict": "pass", "score": 9}'""",
        name="teller",
    )
    said = eventually(lambda: activity(stack, session_id).get("said"), 20)
    assert (said["text"], said["percent"]) == ("tests written, now the parser", 40)
    go.touch()
    over = ended(stack, session_id)
    assert over["state"] == "succeeded"
    assert over["result"] == {"verdict": "pass", "score": 9}
    assert session_id in over["output"]
    assert "teller" in over["output"]


def test_coders_is_there_for_an_agent_whose_path_has_none(stack: LocalStack) -> None:
    """Whatever its PATH is; a program of the user's own of that name goes first."""
    spec = {"agent": "shell", "argv": ("sh", "-c", "coders here finish found")}
    answer = stack.ask("spawn", spec=spec, cwd="/tmp", environ={"PATH": "/usr/bin:/bin"})
    assert ended(stack, answer["id"])["result"] == "found"


def test_a_declared_failure_is_the_sessions(stack: LocalStack) -> None:
    """Whatever the exit status: the agent says that it has failed, and why."""
    over = ended(stack, spawn(stack, 'here finish partly --failed "no server here"'))
    assert (over["state"], over["exit_code"], over["result"]) == ("failed", 0, "partly")
    assert over["cause"] == {"kind": "agent-error", "message": "no server here"}


def test_a_commands_exit_status_is_its_later_word(stack: LocalStack) -> None:
    """A command that declares success and then fails has failed; its result is kept."""
    over = ended(stack, spawn(stack, "here finish nearly", "exit 3"))
    assert (over["state"], over["exit_code"], over["result"]) == ("failed", 3, "nearly")


def test_the_token_is_nowhere_but_with_the_agent(stack: LocalStack) -> None:
    """Not in logs, argv, events, shown sessions or archives, and it dies with the attempt."""
    with resting(stack) as (session_id, own):
        assert ask(own, "whoami")["id"] == session_id
        shown = json.dumps(stack.ask("show", ref=session_id))
        assert own.token not in shown
        assert own.token not in repr(own)
        argv = [p.read_bytes() for p in _cmdlines()]
        assert not any(own.token.encode() in words for words in argv)
    assert ended(stack, session_id)["state"] == "cancelled"
    eventually(lambda: stack.ask("show", ref=session_id)["archived"] == [1], 20)
    assert own.token not in stack.log()
    held = [p for p in stack.paths.state.rglob("*") if p.is_file() and not p.is_symlink()]
    assert not [p for p in held if own.token.encode() in p.read_bytes()]
    with pytest.raises(errors.Conflict, match="this attempt of the session is over"):
        ask(own, "progress", text="still here?")


def _cmdlines() -> list[Path]:
    return [p for p in Path("/proc").glob("[0-9]*/cmdline") if p.exists()]


def test_another_sessions_token_is_refused_and_noted(stack: LocalStack) -> None:
    """One clear line for the caller, one line in the event log, nothing done."""
    with resting(stack) as (session_id, own), resting(stack) as (_, other):
        for token in (other.token, "", "x" * 100_000, own.token[:-1], "ü"):
            with pytest.raises(errors.Denied, match="the token is not that of session"):
                ask(own._replace(token=token), "progress", text="me too")
        events = [one["kind"] for one in stack.ask("show", ref=session_id)["events"]]
        assert events.count("session.token_refused") == 1
        assert not activity(stack, session_id).get("said")
        assert ask(own, "whoami")["id"] == session_id


@pytest.mark.parametrize(
    ("verb", "params", "message"),
    [
        ("progress", {}, "'progress' needs 'text'"),
        ("progress", {"text": "x" * 501}, "'text' has 501 characters; at most 500"),
        ("progress", {"text": "a", "percent": 1e400}, "'percent' must be a number from 0 to 100"),
        ("progress", {"text": "a", "percent": True}, "'percent' must be a number"),
        ("progress", {"text": "a\0b"}, "NUL byte"),
        ("progress", {"text": " \n "}, "the report is empty"),
        ("progress", {"text": "a", "session": "other"}, "takes no 'session'"),
        ("finish", {"result": "x" * 300_000}, "bytes of JSON; at most"),
        ("finish", {"failed": ""}, "no reason was given"),
        ("../../whoami", {}, "there is no verb '../../whoami'"),
        ("__init__", {}, "there is no verb"),
    ],
)
def test_what_is_off_gets_one_clear_line(
    stack: LocalStack, one: tuple[str, Access], verb: str, params: Any, message: str
) -> None:
    """Unknown, missing, oversized and wrong values are refused by name, and nothing is done."""
    with pytest.raises(errors.UsageError, match="(?s)" + message) as caught:
        ask(one[1], verb, **params)
    assert "\n" not in caught.value.message


@pytest.fixture(scope="module")
def one(stack: LocalStack) -> Iterator[tuple[str, Access]]:
    with resting(stack) as found:
        yield found


def test_hostile_bytes_and_callers_harm_nobody(stack: LocalStack, one: tuple[str, Access]) -> None:
    """Garbage, endless requests, floods and callers that say nothing cost their own session
    alone: another session and the command line are answered at once."""
    session_id, own = one
    answer = raw(own, b"\xff\xfe not json\n")
    assert answer is not None
    assert "not JSON" in answer["error"]["message"]
    answer = raw(own, b"[" * 100_000 + b"\n")
    assert answer is not None
    assert answer["error"]["kind"] == "usage"
    raw(own, b"x" * 3_000_000 + b"\n")
    assert raw(own, b"half a request") is None
    stop = threading.Event()

    def flood() -> None:
        while not stop.is_set():
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as caller:
                caller.settimeout(0.5)
                caller.connect(own.socket)
                caller.sendall(b"{}\n")

    silent = []
    for _ in range(8):
        caller = socket.socket(socket.AF_UNIX)
        caller.settimeout(5)
        caller.connect(own.socket)
        silent.append(caller)
    flooding = [threading.Thread(target=flood, daemon=True) for _ in range(3)]
    for thread in flooding:
        thread.start()
    try:
        with resting(stack) as (other_id, other):
            began = time.monotonic()
            assert ask(other, "whoami")["id"] == other_id
            assert stack.ask("show", ref=session_id)["state"] == "running"
            assert time.monotonic() - began < 3
    finally:
        stop.set()
        for thread in flooding:
            thread.join()
        for caller in silent:
            caller.close()
    eventually(lambda: _answers(own, session_id), 30)


def _answers(own: Access, session_id: str) -> bool:
    with contextlib.suppress(errors.Unavailable):
        return bool(ask(own, "whoami")["id"] == session_id)
    return False


def test_a_session_outlives_its_worker_with_its_token(stack: LocalStack) -> None:
    """A killed worker's successor serves adopted sessions under the same token, with what they
    reported, and an agent that asks meanwhile waits."""
    go = stack.paths.state / "on"
    session_id = spawn(
        stack,
        "here progress before --percent 10",
        f"until test -e {go}; do sleep 0.05; done",
        "here finish after",
    )
    own = access_of(stack.paths, session_id)
    eventually(lambda: activity(stack, session_id).get("said"), 20)
    stack.kill("worker")
    go.touch()  # it asks while nobody is there
    stack.start_worker()
    over = ended(stack, session_id)
    assert (over["state"], over["result"]) == ("succeeded", "after")
    with resting(stack) as (other, kept):
        ask(kept, "progress", text="kept")
        stack.kill("worker")
        stack.start_worker()
        assert eventually(lambda: activity(stack, other).get("said"), 20)["text"] == "kept"
        assert access_of(stack.paths, other) == kept
        assert ask(kept, "whoami")["id"] == other
    eventually(lambda: not Path(own.socket).exists(), 10)


def test_sessions_share_and_write_to_each_other(stack: LocalStack) -> None:
    """Each as itself, in the spaces that it was given, over its own socket; each message once."""
    with resting(stack, name="asker", context=("flow:f",)) as (_, own):
        over = ended(
            stack,
            spawn(
                stack,
                "here share verdict 'ship it' --kind decision --if-version 0",
                "here read verdict",
                "here share verdict nonsense --space team:web || here message asker 'it is done'",
                "here inbox --wait 0.1",
                context=("flow:f",),
            ),
        )
        assert over["state"] == "succeeded", over
        assert "ship it" in over["output"]
        assert "'team:web' is no space of this session" in over["output"]
        assert ask(own, "read", key="verdict")["author"] == f"session:{over['id']}"
        (message,) = ask(own, "inbox", wait=20)["messages"]
        assert (message["sender"], message["text"]) == (f"session:{over['id']}", "it is done")
        assert ask(own, "inbox") == {"messages": []}
        with pytest.raises(errors.Conflict, match="has ended: it is succeeded"):
            ask(own, "message", to=over["id"], text="thanks")
