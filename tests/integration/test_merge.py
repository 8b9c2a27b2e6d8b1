"""Merges as sessions on a real stack: in chords and chains, from the command line, of branches."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import chain, chord, group

from coders_queue import errors
from coders_queue.client.client import Coders
from support.local_stack import LocalStack, eventually, local_stack
from support.scratch_git import CONFIG, git, make_repository

pytestmark = [pytest.mark.broker, pytest.mark.tmux, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    config = tmp_path_factory.mktemp("git") / "config"
    config.write_text(CONFIG)
    given = {"GIT_CONFIG_GLOBAL": str(config), "GIT_CONFIG_NOSYSTEM": "1"}
    with local_stack({**given, "CODERS_SESSION_PASS_ENV": "GIT_CONFIG_*"}) as one:
        yield one.start()


@pytest.fixture
def coders(stack: LocalStack) -> Iterator[Coders]:
    with stack.client() as client:
        yield client
        client.app.backend.result_consumer.subscribed_to.clear()


@pytest.fixture
def repository(tmp_path: Path, stack: LocalStack, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM"):
        monkeypatch.setenv(name, stack.environ[name])
    return make_repository(tmp_path / "repository")


def says(coders: Coders, text: str, **fields: Any) -> Any:
    return coders.session("shell", argv=("sh", "-c", text), cwd="/", **fields)


def writes(coders: Coders, repository: Path, script: str) -> Any:
    """A session that commits something in a worktree of its own."""
    return coders.session(
        "shell",
        argv=("sh", "-ec", f"{script}; git add -A; git commit -qm work"),
        workspace={"type": "worktree", "repository": str(repository)},
    )


def value(result: Any) -> dict[str, Any]:
    outcome: dict[str, Any] = result.get(timeout=90)
    return outcome


def test_a_chord_ends_in_one_typed_result(coders: Coders) -> None:
    """Failed parts are told and counted, and the vote goes on without them."""
    header = [says(coders, text) for text in ("echo yes", "echo no", "echo Yes", "exit 3")]
    outcome = value(chord(header, coders.merge("vote", cwd="/")).delay())
    assert outcome["state"] == "succeeded"
    result = outcome["result"]
    assert (result["strategy"], result["parts"]) == ("vote", 4)
    assert (result["merged"]["value"], result["merged"]["votes"]) == ("yes", 2)
    assert [(one["part"], one["cause"]) for one in result["left_out"]] == [
        (4, "failed: the command failed: exit status 3")
    ]


def test_the_last_of_a_chain_over_a_group(coders: Coders) -> None:
    """A group that is followed by a merge is a chord; a single session can be, too."""
    several = chain(
        group(says(coders, f"echo {word}") for word in "ab"), coders.merge("report", cwd="/")
    )
    assert value(several.delay())["result"]["merged"].count("## ") == 2
    one = chain(says(coders, "echo '{\"n\": 1}'"), coders.merge("json", cwd="/", json_schema={}))
    assert value(one.delay())["result"]["merged"]["data"] == {"n": 1}


def test_too_few_fail_the_merge_with_its_cause(coders: Coders) -> None:
    """The session that merges has failed, and says why."""
    header = [says(coders, "echo a"), says(coders, "exit 1")]
    outcome = value(chord(header, coders.merge("report", cwd="/", at_least=2)).delay())
    assert outcome["state"] == "failed"
    assert "1 of 2 parts can be merged, 2 are needed" in outcome["cause"]["message"]
    assert outcome["result"]["merged"] is None


def test_branches_of_a_chord_are_merged(coders: Coders, repository: Path) -> None:
    """By git, in a worktree that is the merge's own; the user's checkout stays as it is."""
    (repository / "kept").write_text("changed by somebody just now\n")
    before = git(repository, "status", "--porcelain")
    header = [
        writes(coders, repository, "echo north > north"),
        writes(coders, repository, "echo south > south"),
    ]
    outcome = value(chord(header, coders.merge("git", cwd=str(repository))).delay())
    assert outcome["state"] == "succeeded", outcome["cause"]
    made = outcome["result"]["merged"]
    files = git(repository, "ls-tree", "--name-only", made["branch"]).split()
    assert {"north", "south", "kept"} <= set(files)
    assert git(repository, "status", "--porcelain") == before
    assert git(repository, "branch", "--show-current") == "main"
    assert outcome["workspace"]["branch"] == made["branch"]
    assert outcome["workspace"]["head"] == made["head"]


def test_a_conflict_is_handed_to_an_agent(coders: Coders, repository: Path) -> None:
    """The worktree is kept with the conflict in it, and a session that runs there ends it."""
    header = [writes(coders, repository, f"echo {word} > kept") for word in ("one", "two")]
    merge = coders.merge("git", cwd=str(repository), conflicts="keep")
    outcome = value(chord(header, merge).delay())
    made = outcome["result"]["merged"]
    assert (outcome["state"], made["open"]) == ("succeeded", True)
    assert made["conflicts"][0]["files"] == [{"path": "kept", "kind": "both modified"}]
    assert outcome["workspace"]["kept"]
    solved = coders.session(
        "shell",
        argv=("sh", "-ec", "echo both > kept; git add kept; git commit -qm both"),
        cwd=made["path"],
    )
    assert value(solved.delay())["state"] == "succeeded"
    assert git(repository, "show", f"{made['branch']}:kept") == "both"


def test_the_best_of_several_branches(coders: Coders, repository: Path) -> None:
    """By the number that a command prints in each one's work, their worktrees being gone."""
    header = [writes(coders, repository, f"echo {number} > score") for number in (3, 12, 7)]
    merge = coders.merge("best", cwd=str(repository), check=["cat", "score"])
    outcome = value(chord(header, merge).delay())
    assert outcome["state"] == "succeeded", outcome["cause"]
    best = outcome["result"]["merged"]
    assert best["score"] == 12
    assert git(repository, "show", f"{best['branch']}:score") == "12"


def run(stack: LocalStack, *words: str, cwd: Path = Path("/")) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Path(sys.executable).with_name("coders")), *words],
        cwd=cwd, env=stack.environ, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=90, check=False,
    )  # fmt: skip


def test_from_the_command_line(stack: LocalStack, repository: Path) -> None:
    """Ended sessions are handed on with --from; a wrong request is refused before anything runs."""
    for name in ("ann", "bob"):
        run(stack, "run", "shell", "--name", name, "--", "echo", name)
    both = ("--from", "ann", "--from", "bob")
    done = run(stack, "run", "merge", "--json", *both, "--", "vote", "--tie", "first")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["result"]["merged"]["value"] == "ann"
    shown = run(stack, "run", "merge", *both, "--", "report", "--title=Both")
    assert shown.stdout.startswith("# Both\n\n## 1. ")
    tied = run(stack, "run", "merge", *both, "--", "vote")
    assert tied.returncode == 1
    assert "a tie" in tied.stderr
    for words, says in (
        (("--", "vot"), "did you mean vote"),
        (("--", "vote", "--kye=a"), "did you mean --key"),
        (("--", "git"), "add --worktree HEAD"),
        ((), "needs a strategy"),
    ):
        refused = run(stack, "run", "merge", *both, *words, cwd=repository)
        assert refused.returncode != 0
        assert says in refused.stderr
    missing = run(stack, "run", "merge", "--from", "nobody", "--", "report")
    assert (missing.returncode, "nobody" in missing.stderr) == (errors.NotFound.exit_code, True)


def test_a_session_that_lives_has_nothing_to_hand_on(stack: LocalStack, coders: Coders) -> None:
    """It is said so, and nothing is started."""
    handle = coders.spawn("shell", argv=("sleep", "600"), cwd="/", name="sleeper")
    refused = run(stack, "run", "shell", "--from", "sleeper", "--", "true")
    assert refused.returncode == errors.Conflict.exit_code
    assert "coders wait sleeper" in refused.stderr
    handle.cancel()


def test_parts_on_several_hosts_are_one_clear_error(coders: Coders) -> None:
    """The merge fails with it, whichever host it runs on."""
    parts = [value(says(coders, "echo a").delay()) for _ in range(2)]
    parts[1]["host"] = "elsewhere"
    outcome = value(coders.merge("best", cwd="/", check=["true"]).delay(parts))
    assert outcome["state"] == "failed"
    assert "works on one host, and the parts are on " in outcome["cause"]["message"]


def test_what_is_wrong_is_said_where_it_is_asked_for(coders: Coders) -> None:
    """Before anything is submitted."""
    with pytest.raises(errors.UsageError, match="no option '--kye'"):
        coders.merge("vote", kye="a")
    with pytest.raises(errors.UsageError, match="cannot be a quorum"):
        coders.quorum([says(coders, "true")], need=2)
    with pytest.raises(errors.UsageError, match="a quorum is of sessions"):
        coders.quorum([group([says(coders, "true"), says(coders, "true")])], need=1)


def test_a_merge_that_is_cancelled_leaves_nothing_running(coders: Coders, tmp_path: Path) -> None:
    """Its check goes with it."""
    part = value(says(coders, "echo a").delay())
    note = tmp_path / "pid"
    script = f"echo $$ > {note}; exec sleep 600"
    result = coders.merge("best", cwd="/", check=["sh", "-c", script]).delay([part])
    eventually(lambda: note.exists() and note.read_text().strip())
    coders.get(result.id).cancel()
    assert value(result)["state"] == "cancelled"
    eventually(lambda: not Path("/proc", note.read_text().strip()).exists())
