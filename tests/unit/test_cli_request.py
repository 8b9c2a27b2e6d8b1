"""What ``run`` and ``spawn`` make of their words."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coders_queue.cli import request
from coders_queue.cli.main import main
from coders_queue.models.spec import MAX_SCHEMA_BYTES, MAX_TASK_BYTES, SessionSpec
from support.fake_host import FakeHost

pytest_plugins = ("support.host_fixtures",)

_words = st.one_of(
    st.sampled_from(
        [b"--", b"-h", b"--json", b"", b";", b"a;", b"$HOME", b"`x`", b"'", b"\n", b"\xff\xfe"]
    ),
    st.binary(max_size=40).filter(lambda data: b"\0" not in data),
)


def spawn(fake_host: FakeHost, *words: str) -> None:
    assert main(["spawn", *words]) == 0


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None
)
@given(st.lists(_words, max_size=6))
def test_argv_after_the_border_is_exact(fake_host: FakeHost, words: list[bytes]) -> None:
    """Everything after -- arrives byte for byte, options of ours and other -- included."""
    spawn(fake_host, "shell", "--json", "--", *(os.fsdecode(word) for word in words))
    assert [word.encode("utf-8", "surrogateescape") for word in fake_host.spec["argv"]] == words


def test_bytes_of_a_real_process_are_exact(fake_host: FakeHost) -> None:
    """The same through a real command line, in a locale that is not UTF-8."""
    words = [b"\xe4\xf6", "ä€😀".encode(), b"--", b"-n", b"", b"a b;"]
    for locale in ("C", "C.UTF-8", "POSIX"):
        environ = {**os.environ, "LC_ALL": locale}
        subprocess.run(
            [sys.executable, "-m", "coders_queue.cli.main", "spawn", "shell", "--", *words],
            env=environ,
            check=True,
            timeout=60,
            capture_output=True,
        )
        assert [w.encode("utf-8", "surrogateescape") for w in fake_host.spec["argv"]] == words


def test_the_whole_grammar(
    fake_host: FakeHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every option ends in its field of the specification."""
    monkeypatch.setenv("SECRET", "s3cret=x")
    file = tmp_path / "vars"
    file.write_bytes(b"# a comment\n\nONE=from file\r\nTWO= 'kept' \nSECRET\n")
    spawn(
        fake_host,
        *(
            "claude@2.1.240",
            "--name",
            "fix",
            "fix the test",
            "--cwd",
            "/repo",
            "--worktree",
            "HEAD",
        ),
        *("--env", "ONE=1=1", "--env", "SECRET", "--env-file", str(file), "--interactive"),
        *("--model", "opus", "--permission", "edit", "--resume", "abc", "--host", "big"),
        *("--label", "team=a=b", "--label", "k=", "--timeout", "10m", "--", "--verbose"),
    )
    asked = fake_host.asked("spawn")
    assert asked["cwd"] == "/repo"
    assert asked["worktree"] == "HEAD"
    assert asked["wait"] is True
    assert asked["environ"]["SECRET"] == "s3cret=x"
    assert fake_host.spec == {
        "agent": "claude",
        "version": "2.1.240",
        "argv": ["--verbose"],
        "task": "fix the test",
        "name": "fix",
        "mode": "interactive",
        "model": "opus",
        "permission": "edit",
        "resume": "abc",
        "host": "big",
        "env": {"ONE": "1=1", "TWO": " 'kept' ", "SECRET": "s3cret=x"},
        "labels": {"team": "a=b", "k": ""},
        "timeout": 600.0,
    }
    workspace = {"type": "directory", "path": "/repo"}
    assert (
        SessionSpec.model_validate({**fake_host.spec, "workspace": workspace}).task
        == "fix the test"
    )


def test_what_was_not_said_is_left_to_the_host(fake_host: FakeHost) -> None:
    """Defaults are the configuration's, so nothing is sent for them."""
    spawn(fake_host, "claude", "hi")
    assert fake_host.spec == {"agent": "claude", "argv": [], "task": "hi"}
    assert fake_host.asked("spawn")["cwd"] == str(Path.cwd())
    assert fake_host.asked("spawn")["worktree"] is None


def test_a_relative_directory_is_not_tidied(fake_host: FakeHost) -> None:
    """a/.. may be elsewhere when a is a link; the host's system decides."""
    spawn(fake_host, "shell", "--cwd", "a/../b", "x")
    assert fake_host.asked("spawn")["cwd"] == f"{Path.cwd()}/a/../b"


def test_a_task_file_is_exact(fake_host: FakeHost, tmp_path: Path) -> None:
    """A task from a file keeps its line ends and its stray bytes."""
    data = b" line\r\n\xff\n\n"
    (tmp_path / "task").write_bytes(data)
    spawn(fake_host, "claude", "--task-file", str(tmp_path / "task"))
    assert fake_host.spec["task"].encode("utf-8", "surrogateescape") == data


def test_a_task_from_standard_input(fake_host: FakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    """--task-file - reads standard input."""
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"-n from a pipe\n")))
    spawn(fake_host, "claude", "--task-file", "-")
    assert fake_host.spec["task"] == "-n from a pipe\n"


def test_no_wait(fake_host: FakeHost) -> None:
    """--no-wait asks the host not to wait for the process."""
    spawn(fake_host, "shell", "--no-wait", "--", "true")
    assert fake_host.asked("spawn")["wait"] is False


def test_the_limit_is_the_models() -> None:
    """The limit that the command line checks without loading the model is the model's."""
    assert request.MAX_TASK_BYTES == MAX_TASK_BYTES
    assert request.MAX_SCHEMA_BYTES == MAX_SCHEMA_BYTES


def test_a_schema_is_read_from_its_file(fake_host: FakeHost, tmp_path: Path) -> None:
    """--schema sends the schema itself: the host has no such file."""
    (tmp_path / "answer.json").write_text('{"type": "integer"}')
    spawn(fake_host, "claude", "count", "--schema", str(tmp_path / "answer.json"))
    assert fake_host.spec["output_schema"] == {"type": "integer"}


@pytest.mark.parametrize(
    ("text", "message"), [("{", "is not JSON"), ("[]", "holds no JSON object")]
)
def test_what_is_no_schema_is_refused(
    fake_host: FakeHost, tmp_path: Path, text: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything is asked of the host."""
    (tmp_path / "answer.json").write_text(text)
    code = main(["spawn", "claude", "count", "--schema", str(tmp_path / "answer.json")])
    assert code == 2
    said = capsys.readouterr().err
    assert message in said
    assert "try: " in said


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["spawn"], "required: AGENT"),
        (["spawn", "@1"], "AGENT@VERSION"),
        (["spawn", "claude@"], "AGENT@VERSION"),
        (["spawn", "claude", "a", "b"], "one word too many"),
        (["spawn", "claude", "--naem", "x"], "did you mean --name?"),
        (["spawn", "claude", "--nam=x"], "did you mean --name?"),
        (["spawn", "claude", "--permission", "ful"], "did you mean full?"),
        (["spawn", "claude", "--headless", "--interactive"], "not allowed with"),
        (["spawn", "claude", "t", "--task-file", "f"], "given twice"),
        (["spawn", "claude", "--task-file", "/no/such"], "no such file"),
        (["spawn", "claude", "--task-file", "/"], "is a directory"),
        (["spawn", "claude", "--env", "=x"], "has no name"),
        (["spawn", "claude", "--env", "NO_SUCH_VARIABLE_HERE"], "is not set here"),
        (["spawn", "claude", "--label", "x"], "not KEY=VALUE"),
        (["spawn", "claude", "--timeout", "soon"], "not a span"),
        (["spawn", "claude", "--name"], "expected one argument"),
        (["sapwn"], "did you mean spawn?"),
        (["--all", "ls"], "options follow the command"),
        (["completion", "bsh"], "did you mean bash?"),
        (["ls", "--limit", "x"], "invalid int"),
        (["logs"], "required: SESSION"),
    ],
)
def test_usage_errors(
    words: list[str], message: str, fake_host: FakeHost, capsys: pytest.CaptureFixture[str]
) -> None:
    """A call that is off is refused in one line and a hint, before the host is asked."""
    assert main(words) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert message in printed.err
    assert len(printed.err.splitlines()) <= 2
    assert printed.err.startswith("coders: error: ")
    assert fake_host.requests == []


def test_a_task_file_that_is_too_large(
    fake_host: FakeHost, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """More than any host takes is not even sent."""
    with (tmp_path / "task").open("wb") as file:
        file.truncate(MAX_TASK_BYTES + 1)
    assert main(["run", "claude", "--json", "--task-file", str(tmp_path / "task")]) == 2
    told = json.loads(capsys.readouterr().out)
    assert told["error"]["kind"] == "too-large"
    assert fake_host.requests == []


def test_a_nul_in_a_task(
    fake_host: FakeHost, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What no channel can carry is refused, with its place."""
    (tmp_path / "task").write_bytes(b"ab\0c")
    assert main(["spawn", "claude", "--task-file", str(tmp_path / "task")]) == 2
    assert "NUL byte at character 2" in capsys.readouterr().err
    assert fake_host.requests == []


def test_a_secret_is_not_in_an_error(
    fake_host: FakeHost, capsys: pytest.CaptureFixture[str]
) -> None:
    """A variable that cannot be read is refused without its value."""
    assert main(["spawn", "claude", "--env", "=hunter2"]) == 2
    assert "hunter2" not in capsys.readouterr().err


def test_the_directory_is_gone(
    fake_host: FakeHost,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Standing in a removed directory is a workspace error."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert main(["spawn", "shell", "--", "true"]) == 5
    assert "does not exist any more" in capsys.readouterr().err
