"""``coders flow check`` and ``coders flow graph``: what they print, and what they refuse."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from coders_queue.cli.main import main

Capture = pytest.CaptureFixture[str]

FLOW = """\
flow: look
parameters:
  files: {default: [a.py, b.py]}
  word: {type: text}
defaults: {agent: shell, env: {TOKEN: hunter2}}
steps:
  look:
    each: "{{ parameters.files }}"
    argv: [wc, "{{ item }}"]
  tell:
    argv: [echo, "{{ steps.look.output | join(' ') }}", "{{ parameters.word }}"]
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A flow's file in the current directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("COLUMNS", raising=False)
    (tmp_path / "look.yaml").write_text(FLOW)
    return tmp_path / "look.yaml"


def test_a_right_flow_is_fine(file: Path, capsys: Capture) -> None:
    """Without its parameters, which are needed only to run it."""
    assert main(["flow", "check", "look.yaml"]) == 0
    assert capsys.readouterr().out == "fine: look, 2 steps, 2 parameters\n"
    assert main(["flow", "check", "look.yaml", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "flow": "look",
        "ok": True,
        "steps": ["look", "tell"],
    }


def test_a_dry_run_says_what_starts_and_what_waits(file: Path, capsys: Capture) -> None:
    """With the words that each session would get; the values of variables are nobody's business."""
    assert main(["flow", "check", "look.yaml", "--plan"]) == 2
    assert "needs the parameter word" in capsys.readouterr().err
    assert main(["flow", "check", "look.yaml", "--plan", "-p", "word=x", "-p", "files=c.py"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[1].split() == ["look", "c.py", "shell", str(file.parent), "wc", "c.py"]
    assert out[2:] == ["tell (shell) waits for look", "fine: look, 2 steps, 2 parameters"]
    assert main(["flow", "check", "look.yaml", "-p", "word=x", "--json"]) == 0
    said = capsys.readouterr().out
    assert "hunter2" not in said
    told = json.loads(said)
    assert told["starts"][1]["spec"]["argv"] == ["wc", "b.py"]
    assert told["starts"][1]["item"] == "b.py"
    assert told["states"] == {"look": "running", "tell": "waiting"}


def test_a_template_that_cannot_be_filled_in_is_told_before_anything_runs(
    file: Path, capsys: Capture
) -> None:
    """As far as it hangs on nothing but parameters."""
    file.write_text(FLOW.replace("{{ item }}", "{{ item.name }}"))
    assert main(["flow", "check", "look.yaml", "--plan", "-p", "word=x"]) == 2
    assert "step look failed: argv.1: it has no 'name': it is a text" in capsys.readouterr().err


def test_every_mistake_is_told(file: Path, capsys: Capture) -> None:
    """For people a line each, for programs a list."""
    file.write_text(FLOW.replace("{{ item }}", "{{ itm }}").replace("look.output", "lok.output"))
    assert main(["flow", "check", "look.yaml"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "coders: error: look.yaml:9: steps.look.argv.1: there is no itm",
        "  try: did you mean item?",
        "coders: error: look.yaml:11: steps.tell.argv.1: there is no step lok",
        "  try: did you mean look?",
    ]
    assert main(["flow", "graph", "look.yaml", "--json"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["kind"] == "config"
    assert len(error["problems"]) == 2


def test_a_graph_is_drawn(file: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within the terminal's width; as a chart, and as data."""
    assert main(["flow", "graph", "look.yaml"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "○  look ×n  shell  each of parameters.files",
        "○  tell     shell",
    ]
    monkeypatch.setenv("COLUMNS", "20")
    assert main(["flow", "graph", "look.yaml"]) == 0
    assert all(len(line) <= 20 for line in capsys.readouterr().out.splitlines())
    assert main(["flow", "graph", "look.yaml", "--mermaid"]) == 0
    assert "s0 --> s1" in capsys.readouterr().out
    assert main(["flow", "graph", "look.yaml", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["steps"][1]["needs"] == ["look"]


def test_a_file_that_is_not_there_is_told(file: Path, capsys: Capture) -> None:
    """As any other."""
    assert main(["flow", "check", "gone.yaml"]) == 2
    assert "gone.yaml: cannot be read: no such file" in capsys.readouterr().err
