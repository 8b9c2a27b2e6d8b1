"""What the policies say: the first that holds, and a person wherever anything is in doubt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from coders_queue import errors
from coders_queue.approving import Question, Verdict, decide
from coders_queue.models.approval import ToolCall
from coders_queue.models.approval_policy import Policy
from coders_queue.settings.load import load


def run(command: str, *, whole: bool = True, **fields: Any) -> Question:
    call = ToolCall(tool="Bash", command=command, whole=whole)
    given = {"kind": "permission", "agent": "claude", "owner": "ann", "cwd": "/srv/web", **fields}
    return Question(call=call, **given)


def write(path: str, **fields: Any) -> Question:
    call = ToolCall(tool="Write", path=path, whole=fields.pop("whole", True))
    given = {"kind": "permission", "agent": "claude", "owner": "ann", "cwd": "/srv/web", **fields}
    return Question(call=call, **given)


def does(policy: dict[str, Any], question: Question) -> str:
    return decide([Policy.model_validate(policy)], question, None).do


def test_the_first_that_holds_counts() -> None:
    """It is named in the verdict; where none holds a person is asked, with the general timeout."""
    policies = [
        Policy(do="deny", command="git push*", because="not from here"),
        Policy(do="allow", command="git *"),
        Policy(do="ask", tool="Bash", timeout=60),
    ]
    assert decide(policies, run("git push -f"), 9) == Verdict("deny", 1, None, "not from here")
    assert decide(policies, run("git log"), 9) == Verdict("allow", 2)
    assert decide(policies, run("make"), 9) == Verdict("ask", 3, 60)
    assert decide(policies, write("a"), 9) == Verdict("ask", None, 9)
    assert decide([], run("make"), None) == Verdict("ask")


@pytest.mark.parametrize(
    "command",
    [
        *("git log; rm -rf /", "git log && rm x", "git log || x", "git log | sh", "git log & x"),
        *("git log `x`", "git log $(x)", "git log ${x}", "git log > /etc/x", "git log\nrm x"),
        *("git log <(x)", "git log \\\nx", "X=1 git log", "git log\x00x", "sh -c 'git log'", ""),
    ],
)
def test_a_command_is_allowed_only_as_far_as_it_is_plain(command: str) -> None:
    """Whatever starts another one, or writes a file, is a person's to judge."""
    assert does({"do": "allow", "command": "git log*"}, run(command)) == "ask"


def test_each_part_of_a_command_has_to_fit_to_be_allowed_and_one_to_be_denied() -> None:
    """Also where it was not read whole."""
    assert does({"do": "allow", "command": "git *"}, run("git add -A && git status")) == "allow"
    assert does({"do": "allow", "command": "git *"}, run("git log", whole=False)) == "ask"
    deny = {"do": "deny", "command": "rm *"}
    assert does(deny, run("cd /tmp && rm  -rf x")) == "deny"
    assert does(deny, run("true\nrm x\nwhat it is for", whole=False)) == "deny"
    assert does(deny, run("format x")) == "ask"


@pytest.mark.parametrize(
    ("pattern", "path", "verdict"),
    [
        ("docs/*", "docs/a/b.md", "allow"),
        ("docs/*", "/srv/web/docs/a.md", "allow"),
        ("docs/*", "docs/../src/a.py", "ask"),
        ("docs/*", "src/a.py", "ask"),
        ("/tmp/*", "/tmp/x", "allow"),
        ("*", "../secret", "ask"),
        ("*", "~/.ssh/config", "ask"),
    ],
)
def test_paths_are_of_the_agents_directory(pattern: str, path: str, verdict: str) -> None:
    """Whichever way they are spelled, and no way around."""
    assert does({"do": "allow", "path": pattern}, write(path)) == verdict


def test_a_path_that_was_not_read_whole_is_not_allowed() -> None:
    """It may be denied."""
    assert does({"do": "allow", "path": "*"}, write("a", whole=False)) == "ask"
    assert does({"do": "deny", "path": "*"}, write("a", whole=False)) == "deny"
    odd = write("a", cwd="/srv/[x]*")
    assert does({"do": "allow", "path": "*"}, odd) == "allow"


@pytest.mark.parametrize(
    ("policy", "fits"),
    [
        ({"agent": "claude"}, True),
        ({"agent": "codex"}, False),
        ({"tool": "Ba*"}, True),
        ({"tool": "Write"}, False),
        ({"owner": "ann"}, True),
        ({"owner": "bob"}, False),
        ({"label": "team=web"}, True),
        ({"label": "team=api"}, False),
        ({"label": "team="}, False),
        ({}, True),
    ],
)
def test_what_a_policy_is_for(policy: dict[str, str], fits: bool) -> None:
    """All that it names has to fit."""
    question = run("make", labels={"team": "web"})
    assert does({"do": "allow", **policy}, question) == ("allow" if fits else "ask")


@pytest.mark.parametrize("kind", ["question", "ask"])
def test_only_leave_can_be_given(kind: Any) -> None:
    """A question is for a person to answer; a policy can only deny it."""
    assert does({"do": "allow"}, run("x", kind=kind)) == "ask"
    assert does({"do": "deny"}, run("x", kind=kind)) == "deny"


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("- {agent: claude}", 3, "do"),
        ("- {do: maybe}", 3, "should be 'allow', 'deny' or 'ask'"),
        ("- {do: allow}\n  - do: ask\n    comand: x", 5, "comand"),
        ("- {do: deny, timeout: 5}", 3, "a timeout goes with ask"),
        ("- {do: allow, because: x}", 3, "a because goes with deny"),
        ("- {do: allow, label: x}", 3, "KEY=VALUE"),
        ("- {do: ask, timeout: yes}", 3, "should be a number"),
        ("- {do: allow, command: a, path: b}", 3, "never both"),
        ("- allow", 3, "policies"),
    ],
)
def test_a_wrong_policy_is_told_with_its_line(
    tmp_path: Path, text: str, line: int, why: str
) -> None:
    """In one line, with the file."""
    file = tmp_path / "coders" / "config.yaml"
    file.parent.mkdir()
    file.write_text(f"approvals:\n  policies:\n  {text}\n")
    environ = {"XDG_CONFIG_HOME": str(tmp_path), "HOME": str(tmp_path)}
    with pytest.raises(errors.ConfigError) as raised:
        load(environ, tmp_path, system=tmp_path / "none")
    assert f"{file}:{line}: " in raised.value.message, raised.value.message
    assert why in raised.value.message
    assert "\n" not in raised.value.message


def test_a_projects_file_sets_no_policies(tmp_path: Path) -> None:
    """It comes with a cloned repository."""
    (tmp_path / ".coders.yaml").write_text("approvals:\n  policies: [{do: allow}]\n")
    environ = {"XDG_CONFIG_HOME": str(tmp_path / "x"), "HOME": str(tmp_path)}
    with pytest.raises(errors.ConfigError, match="may not set approvals"):
        load(environ, tmp_path, system=tmp_path / "none")
