"""Whether, when and with what another attempt follows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coders_queue import restarting
from coders_queue.models.lifecycle import State
from coders_queue.models.outcome import Cause, CauseKind
from coders_queue.models.record import SessionRecord
from coders_queue.models.restart import AttemptEnd, Policy, Restart
from coders_queue.models.spec import DirectoryWorkspace, SessionSpec
from coders_queue.restarting import Again, Over

NOW = 10_000.0


def end(number: int = 1, kind: CauseKind = "signal", **changes: object) -> AttemptEnd:
    """An attempt that ran for a minute and fell just now."""
    return AttemptEnd.model_validate(
        {
            "attempt": number,
            "started_at": NOW - 60,
            "ended_at": NOW,
            "signal": 9 if kind == "signal" else None,
            "cause": Cause(kind=kind, message="why"),
            **changes,
        }
    )


def decide(
    kind: restarting.Kind | None,
    last: AttemptEnd,
    history: list[AttemptEnd] | None = None,
    chance: float = 1.0,
    resets_at: float | None = None,
    **policy: object,
) -> Again | Over:
    return restarting.decide(
        kind,
        last,
        history or [],
        Restart.model_validate(policy),
        NOW,
        resets_at=resets_at,
        chance=lambda: chance,
    )


@pytest.mark.parametrize(
    ("policy", "followed"),
    [
        ("never", set()),
        ("on-crash", {"crash", "stuck", "limited", "lost"}),
        ("on-failure", {"crash", "stuck", "limited", "lost", "failure"}),
        ("always", {"crash", "stuck", "limited", "lost", "failure", "success"}),
    ],
)
def test_which_ends_are_followed(policy: Policy, followed: set[str]) -> None:
    """Each policy by its name, and what was asked for by none."""
    kinds: list[restarting.Kind] = ["success", "failure", "crash", "stuck", "limited", "lost"]
    assert {k for k in kinds if isinstance(decide(k, end(), policy=policy), Again)} == followed
    assert decide(None, end(), policy=policy) == Over(None)


@pytest.mark.parametrize(
    ("cause", "code", "signal", "kind"),
    [
        (None, 0, None, "success"),
        ("signal", 137, 9, "crash"),
        ("signal", 129, 1, "lost"),
        ("lost", None, None, "lost"),
        ("exit", 1, None, "failure"),
        ("exit", 139, None, "crash"),
        ("agent-error", 0, None, "failure"),
        ("check", 0, None, "failure"),
        ("stuck", None, 15, "stuck"),
        ("rate-limited", 1, None, "limited"),
        ("cancelled", None, 15, None),
        ("timeout", None, 15, None),
        ("spawn", None, None, None),
        ("workspace", None, None, None),
        ("internal", 1, None, None),
    ],
)
def test_what_an_end_was(
    cause: CauseKind | None, code: int | None, signal: int | None, kind: str | None
) -> None:
    """A wrapper's status of a fallen program is a fall; a terminal that went is a loss."""
    why = None if cause is None else Cause(kind=cause, message="why")
    assert restarting.kind_of(why, code, signal) == kind


def test_the_wait_doubles_up_to_the_most_and_is_spread() -> None:
    """Half of it is certain, half of it chance."""
    for times, wait in enumerate([2.0, 4.0, 8.0, 10.0, 10.0]):
        before = [end(number + 1) for number in range(times)]
        policy = {"backoff": 2.0, "backoff_most": 10.0, "most": 9}
        assert decide("crash", end(times + 1), before, **policy) == Again(NOW + wait)
        assert decide("crash", end(times + 1), before, chance=0.0, **policy) == Again(
            NOW + wait / 2
        )


def test_no_more_than_the_most_within_the_window() -> None:
    """Then the last cause is the session's, and says how often it was tried."""
    before = [end(1), end(2, ended_at=NOW - 50)]
    ended = decide("crash", end(3), before, most=2)
    assert ended == Over(Cause(kind="signal", message="why (restarted 2 times in 3600 s before)"))
    assert isinstance(decide("crash", end(3), before, most=2, window=40), Again)
    assert decide("crash", end(1), most=0) == Over(None)


def test_the_loss_of_a_machine_counts_for_nothing() -> None:
    """It is no fault of the agent's: at once, and as often as it happens."""
    before = [end(number, "lost") for number in range(1, 40)]
    assert decide("lost", end(40, "lost"), before, most=0) == Again(NOW)
    assert decide("crash", end(40), before, most=1, backoff=1.0) == Again(NOW + 1.0)


def test_a_quota_is_waited_for() -> None:
    """Until its reset, where somebody tells; else ever longer; and it counts for no fall."""
    limited = end(1, "rate-limited")
    assert decide("limited", limited, resets_at=NOW + 500, chance=0.5, most=0) == Again(NOW + 500.5)
    assert decide("limited", limited, resets_at=NOW - 5, most=0) == Again(NOW + restarting.PARKED)
    before = [end(1, "rate-limited"), end(2, "rate-limited")]
    assert decide("limited", end(3, "rate-limited"), before, most=0) == Again(NOW + 240)
    assert decide("crash", end(3), before, most=1, backoff=1) == Again(NOW + 1)


def test_what_is_futile_is_given_up() -> None:
    """Quick ends that are all alike; one that differs, or took its time, breaks the row."""
    quick = {"started_at": NOW - 1}
    alike = [end(number, **quick) for number in range(1, restarting.FUTILE + 1)]
    over = decide("crash", alike[-1], alike[:-1], most=100)
    assert isinstance(over, Over)
    assert over.cause is not None
    assert over.cause.kind == "futile"
    assert "why" in over.cause.message
    other = [*alike[:-2], end(4, started_at=NOW - 60)]
    assert isinstance(decide("crash", alike[-1], other, most=100), Again)
    other = [*alike[:-2], end(4, signal=11, **quick)]
    assert isinstance(decide("crash", alike[-1], other, most=100), Again)


@given(
    kind=st.sampled_from(["failure", "crash", "stuck", "limited", "lost", "success"]),
    times=st.integers(0, 60),
    most=st.integers(0, 1000),
    backoff=st.floats(0, 3600),
    cap=st.floats(0, 86400),
    chance=st.floats(0, 1),
)
def test_a_due_time_is_never_in_the_past_nor_beyond_the_most(
    kind: restarting.Kind, times: int, most: int, backoff: float, cap: float, chance: float
) -> None:
    """Whatever the policy's numbers are."""
    before = [end(number + 1) for number in range(times)]
    found = decide(
        kind, end(times + 1), before, chance,
        policy="always", most=most, backoff=backoff, backoff_most=cap,
    )  # fmt: skip
    if isinstance(found, Again):
        assert NOW <= found.due_at <= NOW + max(cap, restarting.PARKED)


def spec(**changes: object) -> SessionSpec:
    return SessionSpec.model_validate(
        {
            "agent": "claude",
            "task": "the task",
            "workspace": DirectoryWorkspace(path="/"),
            **changes,
        }
    )


def test_whose_policy_counts() -> None:
    """The request's, its agent's, the host's; a command that takes no prompt is done once."""
    configured = Restart(policy="on-failure", most=7)
    own = Restart(policy="always")
    asked = spec(restart=own)
    assert restarting.policy_for(asked, configured, "never", takes_prompt=False) == own
    found = restarting.policy_for(spec(), configured, "always", takes_prompt=False)
    assert (found.policy, found.most) == ("always", 7)
    assert restarting.policy_for(spec(), configured, None, takes_prompt=True) == configured
    assert restarting.policy_for(spec(), configured, None, takes_prompt=False).policy == "never"


class TestAsAttempted:
    def record(self, *history: AttemptEnd, **changes: object) -> SessionRecord:
        return SessionRecord(
            id="s", state=State.RUNNING, attempt=len(history) + 1, spec=spec(**changes),
            created_at=1.0, history=history, inputs=("from before",),
        )  # fmt: skip

    def test_the_conversation_goes_on(self) -> None:
        """With a word to go on, not with the task again."""
        record = self.record(end(1, conversation_id="c1"), end(2))
        now = restarting.as_attempted(record, resumes=True)
        assert (now.spec.resume, now.spec.task, now.inputs) == ("c1", restarting.GO_ON, ())

    def test_an_agent_that_had_answered_is_told_nothing(self) -> None:
        """At its terminal it waits for a prompt, as before; headless it must be told something."""
        idle = end(1, conversation_id="c1", idle=True)
        now = restarting.as_attempted(self.record(idle, mode="interactive"), resumes=True)
        assert (now.spec.resume, now.spec.task) == ("c1", None)
        now = restarting.as_attempted(self.record(idle), resumes=True)
        assert now.spec.task == restarting.GO_ON

    def test_a_failed_check_is_told(self) -> None:
        """The agent hears what the check said."""
        failed = end(1, "check", conversation_id="c1", idle=True)
        now = restarting.as_attempted(self.record(failed, mode="interactive"), resumes=True)
        assert now.spec.task is not None
        assert now.spec.task.endswith("A check of the result failed: why")

    def test_without_a_conversation_the_task_begins_again(self) -> None:
        """Also where the agent cannot resume one."""
        for record in (self.record(end(1)), self.record()):
            assert restarting.as_attempted(record, resumes=True) == record
        record = self.record(end(1, conversation_id="c1"))
        assert restarting.as_attempted(record, resumes=False) == record
