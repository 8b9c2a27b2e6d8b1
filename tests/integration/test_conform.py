"""``coders agents conform`` against programs that only pretend: it must not be taken in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.local_stack import eventually

pytestmark = [pytest.mark.tmux, pytest.mark.timeout(180)]

#: Says that all went well, whatever it is asked, and asks no model.
_LIAR = """
import json, sys
if "--version" in sys.argv:
    print("2.1.197 (Claude Code)")
else:
    sys.stdin.read()
    usage = {"input_tokens": 1, "output_tokens": 1}
    print(json.dumps({"type": "result", "subtype": "success", "is_error": False, "num_turns": 1,
                      "result": "Stub says hi.", "session_id": "s", "usage": usage}))
"""
#: Prints what no tool prints, and is content with it.
_BABBLER = """
import sys
print("2.1.197 (Claude Code)" if "--version" in sys.argv else "\\x1b]0;pwned\\x07{not json")
"""

Conform = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def conform(tmp_path: Path) -> Iterator[Conform]:
    """Run the command with a program of ours as Claude Code."""
    with tempfile.TemporaryDirectory(prefix="coders-") as state:

        def run(program: str, *words: str) -> subprocess.CompletedProcess[str]:
            claude = tmp_path / "claude"
            claude.write_text(f"#!{sys.executable}\n{program}")
            claude.chmod(0o755)
            environ = {
                "HOME": str(tmp_path),
                "PATH": f"{tmp_path}:{os.environ['PATH']}",
                "CODERS_STATE_DIR": f"{state}/s",
                "TMPDIR": state,
            }
            argv = [sys.executable, "-P", "-m", "coders_workers", "conform", *words]
            return subprocess.run(argv, env=environ, capture_output=True, text=True, timeout=150)

        yield run
        assert not list(Path(state).glob("coders-conform-*"))


def verdicts(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    report = json.loads(done.stdout)
    assert report["conforms"] is False
    assert done.returncode == 7
    return {row["claim"]: row["verdict"] for row in report["rows"]}


def test_a_program_that_says_success_without_asking_a_model_is_found_out(conform: Conform) -> None:
    """What the stub did not receive does not hold, failures of the service least of all."""
    found = verdicts(conform(_LIAR, "claude", "--json", "--only", "headless", "--only", "failures"))
    assert len(found) == 15
    assert {claim for claim, verdict in found.items() if verdict == "holds"} <= {
        "headless: the answer is the result",
        "headless: the conversation's id is told",
    }


def test_a_program_that_prints_garbage_is_found_out(conform: Conform) -> None:
    """Nothing holds."""
    done = conform(_BABBLER, "claude", "--json", "--only", "headless")
    found = verdicts(done)
    assert set(found.values()) == {"does not"}
    assert "\x1b" not in done.stdout


def test_for_people_it_prints_a_line_for_each_claim(conform: Conform) -> None:
    """And a last one with the sums; what is going on goes to standard error."""
    done = conform(_BABBLER, "claude", "--only", "headless")
    lines = done.stdout.splitlines()
    assert all(line.startswith("does not  ") for line in lines[:-1])
    assert lines[-1].startswith("claude 2.1.197: 8 does not (")
    assert "network:" in done.stderr


def test_told_to_end_it_leaves_nothing_behind(tmp_path: Path) -> None:
    """Its agents, its tmux and its directory go with it, in the middle of a check."""
    claude = tmp_path / "claude"
    slow = _LIAR.replace("sys.stdin.read()", "import time; time.sleep(600)")
    claude.write_text(f"#!{sys.executable}\n{slow}")
    claude.chmod(0o755)
    with tempfile.TemporaryDirectory(prefix="coders-") as state:
        environ = {
            "HOME": str(tmp_path),
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "CODERS_STATE_DIR": f"{state}/s",
            "TMPDIR": state,
        }
        argv = [sys.executable, "-P", "-m", "coders_workers", "conform", "claude"]
        process = subprocess.Popen(
            [*argv, "--only", "failures"],
            env=environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            eventually(lambda: list(Path(state).glob("coders-conform-*/state/sessions/*/1/*")), 60)
            process.terminate()
            assert process.wait(60) == 128 + 15
        finally:
            process.kill()
            process.wait(10)
        assert list(Path(state).glob("coders-*/**/*")) == []
        assert list(Path(state).glob("coders-*")) == []
        argv = ["pgrep", "-f", state]
        eventually(
            lambda: subprocess.run(argv, capture_output=True, timeout=10).returncode == 1, 20
        )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nosuch",), "there is no agent 'nosuch'"),
        (("shell",), "cannot point shell at its model stub"),
        (("claude@latest",), "'latest' is not one exact version"),
    ],
)
def test_what_cannot_be_driven_is_refused_in_one_line(
    conform: Conform, words: tuple[str, ...], said: str
) -> None:
    """Before anything is installed or started."""
    done = conform(_LIAR, *words)
    assert done.returncode != 0
    assert said in done.stderr.splitlines()[0]
