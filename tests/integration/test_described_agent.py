"""An agent that a file describes, on a whole stack: from the file to the session's result."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.command_line import CommandLine, command_line

pytestmark = [pytest.mark.broker, pytest.mark.tmux]

#: It answers with the prompt that it got.
FILE = """\
name = "echo"
program = "/bin/sh"
package = { registry = "pypi", name = "echo-cli" }
version = []

[headless]
prompt = "file"
argv = ["-c", 'printf "SAYS\\n%s\\nEND 12 tokens\\n" "$(cat "$1")"', "sh", "{task_file}"]

[headless.output]
format = "text"
result = { after = "^SAYS$", before = "^END " }
usage = ['^END (?P<output>\\d+) tokens$']
"""


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Somebody's directory of configuration."""
    return tmp_path_factory.mktemp("config")


@pytest.fixture(scope="module")
def coders(config: Path) -> Iterator[CommandLine]:
    """A stack that runs before there is any file."""
    with command_line({"XDG_CONFIG_HOME": str(config)}) as one:
        one.run_shell("true")
        yield one


def test_a_running_worker_takes_a_new_and_a_changed_file(coders: CommandLine, config: Path) -> None:
    """Nothing is started anew; without the file, its place is named."""
    place = config / "coders" / "agents"
    done = coders("run", "echo", "hi")
    assert done.code == 5
    assert f"no file for it in {place} and /etc/coders/agents" in done.err
    place.mkdir(parents=True)
    (place / "echo.toml").write_text(FILE)
    shown = coders.ok("run", "echo", "--json", "it's\n $HOME").json
    assert (shown["result"], shown["usage"]["output_tokens"]) == ("it's\n $HOME", 12)
    (place / "echo.toml").write_text(FILE.replace("SAYS", "ANSWERS"))
    assert coders.ok("run", "echo", "--json", "again").json["result"] == "again"
    listed = {one["name"]: one for one in coders.ok("agents", "ls", "--json").json}
    assert listed["echo"]["path"] == "/bin/sh"


def test_a_version_from_pypi_is_not_installed(coders: CommandLine, config: Path) -> None:
    """How to have it is said."""
    place = config / "coders" / "agents"
    place.mkdir(parents=True, exist_ok=True)
    (place / "echo.toml").write_text(FILE)
    done = coders("agents", "install", "echo@1.0")
    assert done.code == 5
    assert "echo-cli is on PyPI, and coders installs from npm alone" in done.err
    assert "uv tool install echo-cli==1.0" in done.err


def test_a_file_is_checked_as_far_as_it_can_be(coders: CommandLine, tmp_path: Path) -> None:
    """Without a [check] nothing is run; a name that would not be found speaks against it."""
    file = tmp_path / "echo.toml"
    file.write_text(FILE)
    rows = coders.ok("agents", "check", "--json", str(file)).json["rows"]
    assert [row["verdict"] for row in rows] == ["holds", "holds", "not offered", "not offered"]
    done = coders("agents", "check", str(file.rename(tmp_path / "other.toml")))
    assert done.code == 7
    assert "other.toml is found only as echo.toml" in done.text


def test_a_broken_file_is_told_with_its_line_and_harms_nobody(
    coders: CommandLine, config: Path
) -> None:
    """Neither the list nor another agent."""
    place = config / "coders" / "agents"
    place.mkdir(parents=True, exist_ok=True)
    file = place / "broken.toml"
    file.write_text('name = "broken"\nprogam = "/bin/sh"\n')
    done = coders("run", "broken", "hi")
    assert done.code == 2
    assert f"{file}:2: there is no key 'progam'" in done.err
    listed = coders.ok("agents", "ls", "--json")
    assert f"{file}:2: " in listed.err
    assert "broken" not in {one["name"] for one in listed.json}
    assert coders("agents", "check", str(file)).code == 2
    assert coders.run_shell("echo", "fine")["state"] == "succeeded"


#: It asks at a terminal, and a model answers.
ASKS = """\
#!/usr/bin/env python3
import json, os, sys, urllib.request
if "--version" in sys.argv:
    sys.exit(print("asks 1.0.0"))
while True:
    said = input("> ")
    print("working ...", flush=True)
    body = {"model": "any", "messages": [{"role": "user", "content": said}]}
    url = os.environ["OPENAI_API_BASE"] + "/chat/completions"
    headers = {"Content-Type": "application/json", "Authorization": "Bearer stub"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    answer = json.load(urllib.request.urlopen(request, timeout=60))
    print(answer["choices"][0]["message"]["content"])
"""
ASKS_FILE = """\
name = "asks"
program = "{program}"
tested = ["1.0.0"]

[[interactive.screen]]
state = "working"
where = "footer"
match = '^working'
[[interactive.screen]]
state = "idle"
where = "footer"
match = '^>(?P<draft>.*)$'

[check]
env = {{ OPENAI_API_BASE = "{{stub}}/v1" }}
"""


def test_a_terminal_is_checked_with_the_real_program(coders: CommandLine, tmp_path: Path) -> None:
    """Its screens are read and a prompt is typed, as in a session."""
    program, file = tmp_path / "asks", tmp_path / "asks.toml"
    program.write_text(ASKS)
    program.chmod(0o755)
    file.write_text(ASKS_FILE.format(program=program))
    report = coders("agents", "check", "--json", str(file), timeout=150).json
    verdicts = {row["claim"]: row["verdict"] for row in report["rows"]}
    assert verdicts["terminal: it comes up idle"] == "holds", report
    assert verdicts["terminal: a prompt arrives"] == "holds", report
    assert report["version"] == "1.0.0"
    assert report["conforms"]
