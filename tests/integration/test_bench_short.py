"""The benchmarks' small runs: what they count must be right. Times are nobody's business here."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

from coders_queue import errors
from coders_queue.models.event import Event
from support.scratch_git import git, isolate, make_repository

pytestmark = [pytest.mark.tmux, pytest.mark.broker, pytest.mark.timeout(300)]

_ROOT = Path(__file__).resolve().parents[2]


def _tell(text: str) -> None:
    print(text)


@pytest.fixture
def benches(monkeypatch: pytest.MonkeyPatch) -> dict[str, ModuleType]:
    # a package of the checkout, which is not installed
    monkeypatch.setattr(sys, "path", [str(_ROOT), *sys.path])
    from bench import (
        admission,
        admission_check,
        admission_plan,
        burst,
        chaos,
        chord,
        exact,
        faults,
        heartbeat,
        mailbox,
        merge,
        restore,
        rules,
        soak,
    )

    return {
        "admission": admission,
        "admission_check": admission_check,
        "admission_plan": admission_plan,
        "burst": burst,
        "chaos": chaos,
        "chord": chord,
        "exact": exact,
        "faults": faults,
        "heartbeat": heartbeat,
        "mailbox": mailbox,
        "merge": merge,
        "restore": restore,
        "rules": rules,
        "soak": soak,
    }


def test_hostile_sessions_arrive_byte_for_byte(benches: dict[str, ModuleType]) -> None:
    """Nothing differs, and what cannot be carried is refused."""
    exact = benches["exact"]
    result = exact.run(exact.SHORT, _tell)
    assert result.measured["first_differences"] == []
    assert result.measured["refusals_off"] == []
    assert result.measured["arguments_over_16_KiB"] > 0
    assert result.measured["not_utf8"] > 0


def test_a_killed_worker_doubles_and_hides_nothing(benches: dict[str, ModuleType]) -> None:
    """No session runs twice; each runs to its end or says why not."""
    chaos = benches["chaos"]
    measured = chaos.run(chaos.SHORT, _tell).measured
    assert sum(measured["kills"].values()) == chaos.SHORT
    assert measured["commands"] == chaos.SHORT * chaos.SPAWNS
    assert measured["ran_twice"] == []
    assert measured["ended_without_cause"] == []
    assert measured["neither_written_nor_refused"] == 0
    assert measured["ran_to_the_end"] >= 0.95 * measured["submitted"]


def test_every_heartbeat_is_counted(benches: dict[str, ModuleType]) -> None:
    """Those that came and those that did not are all that were due; no death is shown for long."""
    heartbeat = benches["heartbeat"]
    measured = heartbeat.run(heartbeat.SHORT, _tell).measured
    assert measured["hosts_heard"] == heartbeat.SHORT // 10 + 1
    assert measured["heartbeats"] + measured["missed"] >= heartbeat.SHORT
    assert measured["dead_shown_alive"]["count"] > 0
    assert measured["dead_shown_alive"]["p50"] < 2100


def test_racing_control_processes_pass_no_limit(benches: dict[str, ModuleType]) -> None:
    """At no event is anything over a limit; all end, and owners have their shares."""
    admission = benches["admission"]
    measured = admission.run(admission.SHORT, _tell).measured
    assert measured["over_a_limit"] == []
    assert measured["over_a_rate"] == []
    assert measured["left_over"] == []
    assert measured["ended"] == admission.SHORT
    assert sum(measured["starts_while_all_waited"].values()) > 40
    # of so few starts one more or less is much
    assert measured["unfairness"] <= 0.15


def test_the_checker_of_limits_finds_what_is_wrong(benches: dict[str, ModuleType]) -> None:
    """A limit, a host or a rate that was passed does not escape it."""
    planned = {one.id: one for one in benches["admission_plan"].plan(400, 1)}

    def events(count: int, host: str, at: float) -> list[Event]:
        return [
            Event(
                id=f"{int(1000 * at)}-{number}",
                session=session_id,
                attempt=1,
                kind="session.assigned",
                at=at,
                host=host,
                data={},
            )
            for number, session_id in enumerate(list(planned)[:count])
        ]

    check = benches["admission_check"].check
    assert check(events(3, "north", 1.7e9), planned).over == []
    found = check(events(60, "north", 1.7e9), planned)
    assert {"of fleet", "of host north", "of north"} <= {
        line[line.index(" of ") + 1 :] for line in found.over
    }
    assert any("all-gently" in line for line in found.too_fast)


def test_messages_arrive_once_and_in_order_whatever_dies(benches: dict[str, ModuleType]) -> None:
    """Under a kill of the worker and one of the broker, read and typed into a terminal."""
    mailbox = benches["mailbox"]
    result = mailbox.run(mailbox.SHORT, _tell)
    assert result.measured["faults"] == {"worker": 1, "broker": 1}
    assert result.measured["arrived"] == mailbox.SHORT
    assert [bar for bar in result.bars if not bar.met] == []


def test_sessions_that_come_at_once_run_once_each(benches: dict[str, ModuleType]) -> None:
    """Every one of a small burst runs exactly once and succeeds."""
    burst = benches["burst"]
    measured = burst.run(burst.SHORT, _tell).measured
    assert measured["ran_exactly_once"] == measured["succeeded"] == burst.SHORT
    assert measured["ran_but_not_submitted"] == 0


def test_after_a_reboot_all_go_on_where_they_were(benches: dict[str, ModuleType]) -> None:
    """Each in its conversation, with every step done once; and so after a crash."""
    restore = benches["restore"]
    measured = restore.run(restore.SHORT, _tell).measured
    assert measured["restored"] == restore.SHORT_SESSIONS, measured["not_restored"]
    assert measured["crashed_and_never_ran_again"] == 0


def test_random_faults_leave_nothing_undone(benches: dict[str, ModuleType]) -> None:
    """Nothing is lost, doubled or left behind, and the canvas around the sessions completes."""
    faults = benches["faults"]
    result = faults.run(faults.SHORT, _tell)
    assert len(result.measured["faults"]) == faults.SHORT
    assert [bar for bar in result.bars if not bar.met] == []


def test_a_soak_ends_well(benches: dict[str, ModuleType]) -> None:
    """All of its sessions end as they should, under one worker."""
    soak = benches["soak"]
    measured = soak.run(soak.SHORT, _tell).measured
    assert measured["states_at_the_end"] == ["succeeded"]
    assert measured["sessions_begun"] > soak.SHORT_SESSIONS
    assert measured["same_worker"]


def test_a_chord_ends_in_one_merge(benches: dict[str, ModuleType]) -> None:
    """Its body has every part; of a quorum's header the rest is cancelled, and nothing else."""
    chord = benches["chord"]
    measured = chord.run(chord.SHORT, _tell).measured
    assert measured["parts_merged"] == [chord.SHORT]
    assert (measured["succeeded"], measured["cancelled"]) == ([1], [chord.SHORT - 1])


def test_rules_act_once_through_a_restart(benches: dict[str, ModuleType]) -> None:
    """Each event's session runs once, and its webhook comes with its id."""
    rules = benches["rules"]
    result = rules.run(rules.SHORT, _tell)
    assert result.measured["events"] >= rules.SHORT
    assert [bar for bar in result.bars if not bar.met] == []


def _with_merges(top: Path) -> Path:
    """A repository with merges that are clean, conflict, rename, and delete what was changed."""
    make_repository(top)
    lines = [f"line {number}\n" for number in range(30)]

    def write(name: str, at: int, text: str) -> None:
        lines_of = (top / name).read_text().splitlines(keepends=True)
        (top / name).write_text("".join([*lines_of[:at], f"{text}\n", *lines_of[at + 1 :]]))

    (top / "text").write_text("".join(lines))
    git(top, "add", "-A")
    git(top, "commit", "-q", "-m", "text")
    base = git(top, "rev-parse", "HEAD")
    sides = {
        "clean": (lambda: write("text", 2, "ours"), lambda: write("text", 20, "theirs")),
        "conflict": (lambda: write("text", 5, "ours"), lambda: write("text", 5, "theirs")),
        "rename": (lambda: git(top, "mv", "text", "sub/moved"), lambda: write("text", 9, "theirs")),
        "delete": (lambda: (top / "text").unlink(), lambda: write("text", 9, "theirs")),
        "add": (
            lambda: (top / "added").write_text("ours\n"),
            lambda: (top / "added").write_text("theirs\n"),
        ),
    }
    for name, changes in sides.items():
        tips = []
        for change in changes:
            git(top, "checkout", "-q", "--detach", base)
            change()
            git(top, "add", "-A")
            git(top, "commit", "-q", "-m", name)
            tips.append(git(top, "rev-parse", "HEAD"))
        # what came of the merge is nobody's business: it is made again from its parents
        words = [word for tip in tips for word in ("-p", tip)]
        made = git(top, "commit-tree", f"{tips[0]}^{{tree}}", *words, "-m", f"merge {name}")
        git(top, "branch", name, made)
    git(top, "checkout", "-q", "main")
    return top


def test_merges_made_again_are_gits_own(
    benches: dict[str, ModuleType], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trees and conflicts are the same; that it would tell of a difference is tried, too."""
    isolate(tmp_path, monkeypatch)
    merge = benches["merge"]
    top = _with_merges(tmp_path / "repository")
    measured = merge.run(merge.SHORT, _tell, top).measured
    assert measured["merges"] == 5
    assert measured["with_conflicts"] == 3
    assert measured["differences"] == []
    options = merge.GitOptions
    monkeypatch.setattr(merge, "GitOptions", lambda **_: options(conflicts="ours"))
    assert len(merge.run(merge.SHORT, _tell, top).measured["differences"]) == 3
    with pytest.raises(errors.UsageError, match="no merge"):
        merge.run(merge.SHORT, _tell, make_repository(tmp_path / "young"))
