"""The built-in agent: commands and scripts."""

from __future__ import annotations

import pytest

from coders_queue import errors
from coders_queue.agents import ending
from coders_queue.agents.adapter import LaunchFacts
from coders_queue.agents.shell import ShellAdapter
from coders_queue.models.launch import ExitStatus, LaunchPlan
from coders_queue.models.spec import DirectoryWorkspace, SessionSpec

SHELL = ShellAdapter()
HOSTILE = ("a;", ";", "", "-n", "$HOME `x` 'y' \"z\"", "line\nline", "x" * 100_000, "ž\udcff")


def plan(**fields: object) -> LaunchPlan:
    spec = SessionSpec.model_validate(
        {"agent": "shell", "workspace": DirectoryWorkspace(path="/w"), **fields}
    )
    facts = LaunchFacts(
        session_id="s", attempt=1, task=spec.task, directory="/state/s_1", cwd="/w", home="/h"
    )
    return SHELL.plan(spec, facts)


@pytest.mark.parametrize("mode", ["headless", "interactive"])
def test_a_command_is_run_as_it_is(mode: str) -> None:
    """Its words are handed on untouched, and errors come with the output."""
    made = plan(argv=("printf", *HOSTILE), mode=mode)
    assert made.argv == ("printf", *HOSTILE)
    assert made.terminal is (mode == "interactive")
    assert made.merge_stderr
    assert made.stdin is None
    assert made.files == ()


def test_a_task_beside_a_command_is_its_standard_input() -> None:
    """Bytes that are no UTF-8 come through."""
    assert plan(argv=("cat",), task="a\udcffb\n").stdin == b"a\xffb\n"


def test_a_task_beside_a_command_in_a_terminal_is_refused() -> None:
    """There is no channel for it, and it is not dropped silently."""
    with pytest.raises(errors.UsageError, match="takes no task"):
        plan(argv=("cat",), task="a", mode="interactive")


@pytest.mark.parametrize("mode", ["headless", "interactive"])
def test_a_task_alone_is_a_script_in_a_file(mode: str) -> None:
    """Its text is on no command line, and its commands do not eat it from standard input."""
    script = "secret=1\ncat\necho 'ž'\n" + "#" * 200_000
    made = plan(task=script, mode=mode)
    assert made.argv == ("/bin/sh", "/state/s_1/task.sh")
    (file,) = made.files
    assert (file.path, file.content) == ("task.sh", script.encode())
    assert made.stdin is None


@pytest.mark.parametrize(
    ("status", "ok", "words"),
    [
        (ExitStatus(code=0), True, None),
        (ExitStatus(code=3), False, "exit status 3"),
        (ExitStatus(signal=9), False, "killed by SIGKILL"),
        (ExitStatus(signal=63), False, "killed by signal 63"),
        (ExitStatus(lost=True), False, "vanished without an exit status"),
    ],
)
def test_success_is_exit_status_0_and_nothing_else(
    status: ExitStatus, ok: bool, words: str | None
) -> None:
    """A failure says how the command ended; there is no result in either case."""
    spec = SessionSpec(agent="shell", argv=("x",), workspace=DirectoryWorkspace(path="/w"))
    facts = LaunchFacts(session_id="s", attempt=1, task=None, directory="/d", cwd="/w", home="/h")
    reading = SHELL.read(spec, facts, b"printed", status)
    assert reading.ok is ok
    assert reading.result is None
    assert (reading.message or "").endswith(words or "")
    assert ending.succeeded(status) is ok


def test_output_is_shown_as_it_was_printed() -> None:
    """Not a byte is changed."""
    assert SHELL.render(b"\x1b[31mred\xff\r\n") == b"\x1b[31mred\xff\r\n"
