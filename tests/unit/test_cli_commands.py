"""What each command asks the host, prints, and exits with."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from typing import Any, get_args

import pytest

from coders_queue import errors
from coders_queue.cli import session as shown
from coders_queue.cli.main import main
from coders_queue.models.activity import Doing
from support.fake_host import RUNNING, SESSION_ID, FakeHost, session

pytest_plugins = ("support.host_fixtures",)

Capture = pytest.CaptureFixture[str]

FAILED = {
    "state": "failed",
    "exit_code": 3,
    "cause": {"kind": "exit", "message": "it exited with 3"},
}
CANCELLED = {"state": "cancelled", "exit_code": 143, "signal": 15}


def printing(*pieces: bytes, state: str = "succeeded") -> Any:
    def answer(params: dict[str, Any]) -> Iterator[dict[str, Any]]:
        for piece in pieces:
            yield {"data": base64.b64encode(piece).decode()}
        return {"state": state}

    return answer


@pytest.mark.parametrize(
    ("changes", "code"), [({}, 0), (FAILED, 1), (CANCELLED, 9)], ids=["fine", "failed", "cancelled"]
)
@pytest.mark.parametrize("verb", ["run", "wait", "result"])
def test_the_exit_code_tells_how_it_ended(
    verb: str, changes: dict[str, Any], code: int, fake_host: FakeHost, capsys: Capture
) -> None:
    """run, wait and result exit by the session's state, and print the very object with --json."""
    final = session(**changes)
    fake_host.answers |= {"wait": final, "result": final}
    words = ["run", "shell", "--json", "--", "true"] if verb == "run" else [verb, "fix", "--json"]
    assert main(words) == code
    said = {**final, "warnings": []} if verb == "run" else final
    assert json.loads(capsys.readouterr().out) == said
    assert main([word for word in words if word != "--json"]) == code


def test_run_streams_then_reports(fake_host: FakeHost, capfdbinary: Any) -> None:
    """Standard output is the agent's bytes alone; coders speaks on standard error."""
    fake_host.answers["logs"] = printing(b"one\n", b"t\xff\x1b[1mwo")
    fake_host.answers["wait"] = session(
        result="two",
        usage={"input_tokens": 1234, "output_tokens": 5, "cost_usd": 0.0123},
        workspace={
            "path": "/w",
            "kept": False,
            "branch": "coders/fix",
            "commits": ["a" * 40],
            "diff": {"files": 2, "insertions": 3, "deletions": 1},
            "uncommitted": True,
        },
    )
    assert main(["run", "shell", "--", "x"]) == 0
    out, err = capfdbinary.readouterr()
    assert out == b"one\nt\xff\x1b[1mwo" + b"two\n"
    said = err.decode()
    assert said.startswith("attach: coders attach fix\n")
    for part in (
        "succeeded",
        "exit code     0",
        "12 s",
        "1,234 in, 5 out tokens, $0.0123",
        "/w (removed)",
        "coders/fix",
        "1: aaaaaaaaaa",
        "2 files, +3 -1, not all committed",
    ):
        assert part in said


def test_run_does_not_repeat_the_answer(fake_host: FakeHost, capfd: Capture) -> None:
    """An answer that was streamed already is not printed again."""
    fake_host.answers["logs"] = printing(b"thinking\nthe answer\n")
    fake_host.answers["wait"] = session(result="the answer\n")
    assert main(["run", "claude", "hi"]) == 0
    assert capfd.readouterr().out == "thinking\nthe answer\n"


def test_run_json_is_one_object(fake_host: FakeHost, capfd: Capture) -> None:
    """With --json nothing but the object is on standard output, and no stream is asked for."""
    assert main(["run", "shell", "--json", "--", "x"]) == 0
    printed = capfd.readouterr()
    told = json.loads(printed.out)
    assert {
        "id",
        "state",
        "exit_code",
        "output",
        "output_truncated",
        "host",
        "attempts",
        "started_at",
        "ended_at",
    } <= told.keys()
    assert printed.err == ""
    assert "logs" not in [request["verb"] for request in fake_host.requests]


def test_json_output_survives_stray_bytes(fake_host: FakeHost, capsys: Capture) -> None:
    """Output that is not UTF-8 is still valid JSON, with its bytes kept as escapes."""
    fake_host.answers["wait"] = session(output="a\udcff")
    assert main(["run", "shell", "--json", "--", "x"]) == 0
    assert json.loads(capsys.readouterr().out)["output"] == "a\udcff"


def test_spawn_prints_the_id(fake_host: FakeHost, capsys: Capture) -> None:
    """So that a script can keep it; what a person wants to know is on standard error."""
    assert main(["spawn", "shell", "--", "x"]) == 0
    printed = capsys.readouterr()
    assert printed.out == f"{SESSION_ID}\n"
    assert "attach: coders attach fix" in printed.err


def test_ls_is_a_table(
    fake_host: FakeHost, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table fits, and titles cannot steer the terminal."""
    monkeypatch.setenv("COLUMNS", "60")
    evil = session(name="\x1b]0;evil\x07", created_at=time.time() - 70, cwd="/a" * 100)
    fake_host.answers["ls"] = {"sessions": [evil, session(name=None)]}
    assert main(["ls"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:2] == ["ID", "NAME"]
    assert all(len(line) <= 60 and line.isprintable() for line in lines)
    assert fake_host.asked("ls") == {"all": False, "owner": None, "limit": None}


def test_ls_tells_what_is_doubtful(fake_host: FakeHost, capsys: Capture) -> None:
    """The state of a silent host's session is the last one known; a dead process is no run."""
    silent = session(**RUNNING, alive=None, host_silent=12.4)
    dead = session(**RUNNING, alive=False, host_silent=None)
    fine = session(**RUNNING, alive=True, host_silent=None)
    fake_host.answers["ls"] = {"sessions": [silent, dead, fine]}
    assert main(["ls"]) == 0
    _, first, second, third = capsys.readouterr().out.splitlines()
    assert "running, host silent for 12 s" in first
    assert "running, its process has ended" in second
    assert "running " in third
    fake_host.answers["show"] = {**silent, "spec": {}, "events": []}
    assert main(["show", "fix"]) == 0
    assert "running, host silent for 12 s" in capsys.readouterr().out


def activity(doing: str, **changes: Any) -> dict[str, Any]:
    now = time.time()
    return {"doing": doing, "since": now - 185, "progress_at": now - 300, **changes}


def test_what_agents_do_is_told(fake_host: FakeHost, capsys: Capture) -> None:
    """Who waits for a person, with the question; who is held up, until when; and how long."""
    asks = activity("waiting", question="May I\x1b[2J run it?", choices=["Yes", "No"])
    limited = activity("rate_limited", resets_at=time.time() + 600, why="5 hours")
    stuck = activity("stuck", why="nothing has come of it")
    ended = session(activity=asks)
    sessions = [session(**RUNNING, activity=one) for one in (asks, limited, stuck)]
    fake_host.answers["ls"] = {"sessions": [*sessions, ended]}
    assert main(["ls", "--doing", "waiting", "--doing", "stuck"]) == 0
    assert fake_host.asked("ls")["doing"] == ["waiting", "stuck"]
    head, *lines = capsys.readouterr().out.splitlines()
    assert "DOING" in head
    assert "waiting 3m05s: May I" in lines[0]
    assert "rate limited 3m05s, until 20" in lines[1]
    assert "stuck 3m05s" in lines[2]
    assert "waiting" not in lines[3]  # of one that has ended
    for one, parts in zip(
        sessions,
        (("run it?", "1. Yes", "2. No"), ("limit until", "5 hours"), ("nothing has", "5m00s ago")),
        strict=True,
    ):
        fake_host.answers["show"] = {**one, "spec": {}, "events": []}
        assert main(["show", "fix"]) == 0
        out = capsys.readouterr().out
        assert "\x1b" not in out
        assert all(part in out for part in parts)


def test_the_words_for_what_agents_do_are_the_models() -> None:
    """The command line spells them out, as it loads no models."""
    assert get_args(Doing) == shown.DOINGS


def test_ls_json_is_a_list(fake_host: FakeHost, capsys: Capture) -> None:
    """The objects as the host gives them."""
    assert main(["ls", "--json", "--all", "--owner", "me", "--limit", "3"]) == 0
    assert json.loads(capsys.readouterr().out) == [session()]
    assert fake_host.asked("ls") == {"all": True, "owner": "me", "limit": 3}


def test_a_cause_names_its_kind_once(fake_host: FakeHost, capsys: Capture) -> None:
    """Also when the message begins with the kind, as that of a timeout does."""
    cause = {"kind": "timeout", "message": "timeout: it ran for longer than 5 s"}
    fake_host.answers["wait"] = session(**CANCELLED, cause=cause)
    assert main(["wait", "fix"]) == 9
    printed = capsys.readouterr()
    assert (printed.out + printed.err).count("timeout: ") == 1


def test_ls_quiet(fake_host: FakeHost, capsys: Capture) -> None:
    """Ids alone, for scripts."""
    assert main(["ls", "-q"]) == 0
    assert capsys.readouterr().out == f"{SESSION_ID}\n"


def test_ls_of_nothing(fake_host: FakeHost, capsys: Capture) -> None:
    """No table is printed; a person is told, a program gets an empty list."""
    fake_host.answers["ls"] = {"sessions": []}
    assert main(["ls"]) == 0
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "no live sessions" in printed.err
    assert main(["ls", "--json"]) == 0
    assert capsys.readouterr().out == "[]\n"


def test_show(fake_host: FakeHost, capsys: Capture) -> None:
    """Request, state, result and events, none of it able to steer the terminal."""
    fake_host.answers["show"] = {
        **session(**RUNNING, result="done\x1b[2J", labels={"team": "a"}),
        "spec": {"task": "do\nit", "argv": ["a b"], "env": {"KEY": "(hidden)"}, "model": "opus"},
        "events": [{"at": 1.7e9, "kind": "session.running", "attempt": 1}],
    }
    assert main(["show", "fix"]) == 0
    out = capsys.readouterr().out
    for part in (
        SESSION_ID,
        "running",
        "'a b'",
        "KEY",
        "opus",
        "team=a",
        "do\nit",
        "session.running",
    ):
        assert part in out
    assert "done\\x1b[2J" in out
    assert fake_host.asked("show") == {"ref": "fix"}


def test_logs_are_the_bytes(fake_host: FakeHost, capfdbinary: Any) -> None:
    """What the host sends goes out as it is."""
    fake_host.answers["logs"] = printing(b"\x00\xff", b"end")
    assert main(["logs", "-f", "fix", "--raw", "--attempt", "2"]) == 0
    assert capfdbinary.readouterr().out == b"\x00\xffend"
    assert fake_host.asked("logs") == {"ref": "fix", "follow": True, "raw": True, "attempt": 2}


def test_logs_json_is_lines(fake_host: FakeHost, capsys: Capture) -> None:
    """One JSON object a line, the state last."""
    fake_host.answers["logs"] = printing(b"\xff")
    assert main(["logs", "fix", "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines == [{"data": "/w=="}, {"state": "succeeded"}]


def test_attach_needs_a_terminal(fake_host: FakeHost, capsys: Capture) -> None:
    """Without one it says what to use instead, and does not ask the host."""
    assert main(["attach", "fix"]) == 2
    assert "coders logs -f fix" in capsys.readouterr().err
    assert fake_host.requests == []


def test_attach_json(fake_host: FakeHost, capsys: Capture) -> None:
    """An editor gets the command instead of having it run."""
    fake_host.answers["attach"] = {"argv": ["tmux", "attach"]}
    assert main(["attach", "fix", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"argv": ["tmux", "attach"]}


def test_attach_becomes_the_hosts_command(
    fake_host: FakeHost, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process is replaced; in tmux already, its variables are taken away so that it nests."""
    ran: list[Any] = []

    def execvpe(file: str, argv: list[str], environ: dict[str, str]) -> None:
        ran.append((file, argv, environ))
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr("os.execvpe", execvpe)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("TMUX", "/tmp/tmux-0/default,1,0")
    fake_host.answers["attach"] = {"argv": ["tmux", "-S", "/s", "attach"]}
    assert main(["attach", "fix"]) == 7
    file, argv, environ = ran[0]
    assert (file, argv) == ("tmux", ["tmux", "-S", "/s", "attach"])
    assert "TMUX" not in environ
    printed = capsys.readouterr().err
    assert "Ctrl-b Ctrl-b d" in printed
    assert "cannot run tmux" in printed


def test_send(fake_host: FakeHost, capsys: Capture) -> None:
    """The text goes as it is, a leading dash too, to be delivered or, told so, just typed."""
    fake_host.answers["send"] = {"id": SESSION_ID, "name": "fix", "how": "delivered",
                                 "seconds": 0.42, "queued": False}  # fmt: skip
    assert main(["send", "fix", "--", "-n x"]) == 0
    prompt = {"ref": "fix", "text": "-n x", "enter": True, "raw": False, "timeout": 15.0}
    assert fake_host.asked("send") == prompt
    assert capsys.readouterr().err.endswith("sent to fix in 0.4 s\n")
    assert main(["send", "--raw", "--timeout", "60", "fix", "yes"]) == 0
    assert fake_host.asked("send") == {**prompt, "text": "yes", "raw": True, "timeout": 60.0}
    assert main(["send", "--no-enter", "fix", "yes"]) == 0
    assert fake_host.asked("send") == {**prompt, "text": "yes", "raw": True, "enter": False}
    assert main(["send", "fix"]) == 2
    assert main(["send", "fix", "yes", "--timeout", "0"]) == 2


def test_send_says_that_a_text_waits(fake_host: FakeHost, capsys: Capture) -> None:
    """An agent at work takes it later; a program gets the object."""
    fake_host.answers["send"] = {"id": SESSION_ID, "name": None, "how": "delivered",
                                 "seconds": 1.0, "queued": True}  # fmt: skip
    assert main(["send", "fix", "more"]) == 0
    assert "waits for its turn" in capsys.readouterr().err
    assert main(["send", "fix", "more", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["queued"] is True


def test_send_presses_keys(fake_host: FakeHost) -> None:
    """Keys go alone and in order."""
    assert main(["send", "fix", "--key", "Down", "--key", "Enter"]) == 0
    assert fake_host.asked("send") == {"ref": "fix", "keys": ["Down", "Enter"]}
    assert main(["send", "fix", "text", "--key", "Enter"]) == 2


def test_send_tells_why_it_was_not_delivered(fake_host: FakeHost, capsys: Capture) -> None:
    """Not sent for certain is a conflict; perhaps sent is a time-out."""
    fake_host.answers["send"] = errors.Undelivered("fix: a dialog", "answer it")
    assert main(["send", "fix", "text", "--json"]) == 4
    shown = capsys.readouterr()
    assert json.loads(shown.out)["error"]["kind"] == "undelivered"
    assert "try: answer it" in shown.err
    fake_host.answers["send"] = errors.DeliveryInDoubt("fix: who knows")
    assert main(["send", "fix", "text"]) == 8


def test_kill(fake_host: FakeHost, capsys: Capture) -> None:
    """One object for one session, a list for several."""
    fake_host.answers["kill"] = session(**CANCELLED)
    assert main(["kill", "fix", "--reason", "why", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["state"] == "cancelled"
    assert fake_host.asked("kill") == {"ref": "fix", "reason": "why"}
    assert main(["kill", "fix", "b", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 2


def test_kill_goes_on_after_an_error(fake_host: FakeHost, capsys: Capture) -> None:
    """One session that cannot be ended does not spare the others."""

    def kill(params: dict[str, Any]) -> Any:
        return errors.Conflict("it has ended") if params["ref"] == "a" else session(**CANCELLED)

    fake_host.answers["kill"] = kill
    assert main(["kill", "a", "b", "--json"]) == 4
    printed = capsys.readouterr()
    first, second = json.loads(printed.out)
    assert (first["ref"], first["error"]["kind"]) == ("a", "conflict")
    assert second["state"] == "cancelled"
    assert printed.err == "coders: error: it has ended\n"
    assert main(["kill", "a", "--json"]) == 4
    assert json.loads(capsys.readouterr().out)["error"]["kind"] == "conflict"


def test_wait_with_a_limit(fake_host: FakeHost, capsys: Capture) -> None:
    """The host is told the limit, and its timeout is exit code 8."""
    fake_host.answers["wait"] = errors.TimedOut("session fix is still running", "it goes on")
    assert main(["wait", "fix", "--timeout", "2m"]) == 8
    assert 119 < fake_host.asked("wait")["timeout"] <= 120
    assert "still running" in capsys.readouterr().err


def test_result_text(fake_host: FakeHost, capfd: Capture) -> None:
    """The answer alone, structured ones as JSON."""
    fake_host.answers["result"] = session(result="an answer")
    assert main(["result", "fix", "--text"]) == 0
    assert capfd.readouterr().out == "an answer\n"
    fake_host.answers["result"] = session(result={"a": [1]})
    assert main(["result", "fix", "--text"]) == 0
    assert json.loads(capfd.readouterr().out) == {"a": [1]}


def test_result_of_a_live_session(fake_host: FakeHost) -> None:
    """A result that is not there yet is a conflict."""
    fake_host.answers["result"] = errors.Conflict("it is running", "coders wait fix")
    assert main(["result", "fix"]) == 4


STATUS = {
    "worker": {"pid": 42, "started_at": 1.7e9, "version": "0.1.0"},
    "host": "here",
    "roles": ["host", "control"],
    "broker": "redis+socket:///s",
    "embedded": True,
    "degraded": False,
    "sessions": {"running": 2},
    "hosts": {
        "here": {
            "silent_for": None,
            "alive": 2,
            "period": 2.0,
            "beats": 1234,
            "late": 1,
            "missed": 0,
            "longest_gap": 3.25,
        },
        "there": {"silent_for": 12.0},
    },
    "state_dir": "/state",
}


def test_status(fake_host: FakeHost, capsys: Capture) -> None:
    """What the worker says of itself."""
    fake_host.answers["status"] = STATUS
    assert main(["status", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == STATUS
    assert main(["status"]) == 0
    out = capsys.readouterr().out
    for part in (
        *("pid 42", "here (host, control)", "redis+socket:///s (embedded)", "2 running"),
        "here, 2 alive: 1,234 heartbeats every 2.0 s, 1 late, 0 missed, longest gap 3.2 s",
        "there silent for 12 s",
    ):
        assert part in out


def test_status_without_a_worker(cli_state: Any, capsys: Capture) -> None:
    """That no worker runs is an answer, not an error; and nothing is started for it."""
    assert main(["status", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["worker"] is None
    assert told["broker"] is None
    assert "degraded" in told
    assert not cli_state.exists()


def test_version(capsys: Capture) -> None:
    """By either spelling, without a state directory or a worker."""
    assert main(["--version"]) == 0
    assert main(["version", "--json"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == f"coders {json.loads(second)['version']}"


def test_every_command_has_help_with_examples(capsys: Capture) -> None:
    """Help shows a usage line that begins like every example does."""
    assert main([]) == 0
    names = [line.split()[0] for line in capsys.readouterr().out.splitlines() if line[:2] == "  "]
    assert {"run", "spawn", "completion"} <= set(names)
    for name in names:
        words = ["help", name] if name in ("worker", "flower") else [name, "--help"]
        if name in ("worker", "flower"):
            continue  # all their words go to the host side's program
        assert main(words) == 0
        out = capsys.readouterr().out
        assert out.startswith(f"usage: coders {name}")
        assert f"coders {name}" in out.partition("examples:")[2]


def test_label_of_a_nameless_session() -> None:
    """Without a name a session is called by the start of its id."""
    assert shown.label(session(name=None)) == SESSION_ID[:8]
