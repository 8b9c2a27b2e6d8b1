"""Every place that a session can have in Celery's canvas, each as one function that plays it.

A play submits a canvas, sees to it that it comes through and holds what came of it against what
had to. ``agents`` are the sessions that run in it, each exactly once, whatever dies meanwhile.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pytest
from celery import chain, chord, group

from coders_queue.errors import AgentFailed
from coders_queue.models.record import SessionRecord
from support.scene import Scene

_NO_PART = "no session of it is a part of a chord"
#: Steps of a chord's part.
PART = dict.fromkeys(("before-part", "after-part", "claimed-chord"), _NO_PART)
_NO_HOST = "the revoked session never reaches a host"


@dataclass(frozen=True)
class Place:
    """A place of the canvas."""

    name: str
    play: Callable[[Scene], None]
    agents: tuple[str, ...]
    absent: Mapping[str, str] = field(default_factory=dict)
    """Steps of a session's life that cannot occur there, and why."""

    def check(self, scene: Scene) -> None:
        """Play it; every agent of it ran exactly once."""
        try:
            self.play(scene)
        finally:
            scene.canvas.deafen()
        assert scene.runs() == Counter(self.agents), scene.key


PLACES: dict[str, Place] = {}


def _place(
    *agents: str, absent: Mapping[str, str] | None = None
) -> Callable[[Callable[[Scene], None]], Callable[[Scene], None]]:
    def keep(play: Callable[[Scene], None]) -> Callable[[Scene], None]:
        PLACES[play.__name__] = Place(play.__name__, play, agents, absent or {})
        return play

    return keep


@_place("a", absent=PART)
def delay_get(scene: Scene) -> None:
    """A session's result is its outcome."""
    outcome = scene.value(scene.submit(scene.agent("a")))
    scene.equal(outcome["state"], "succeeded")
    scene.equal(outcome["output"], "a\n")
    scene.equal(outcome["exit_code"], 0)


@_place("a", absent=PART)
def chain_middle(scene: Scene) -> None:
    """A session takes its turn between two tasks, and its input reaches it."""
    cat = scene.agent("a", 'cat "$CODERS_INPUT"')
    first = scene.user("add", 2, 3)
    result = scene.submit(chain(first, cat, scene.user("said")))
    said = scene.value(result)
    assert said.startswith("succeeded:[")
    assert "5" in said


@_place(*"abcde", absent=PART)
def a_group(scene: Scene) -> None:
    """A group of sessions gives their outcomes in order."""
    result = scene.submit(group(scene.agent(name) for name in "abcde"))
    scene.equal([one["output"] for one in scene.value(result)], [f"{name}\n" for name in "abcde"])


@_place(*"abc")
def chord_header(scene: Scene) -> None:
    """A chord's body runs with every outcome, a failed agent's too."""
    header = [scene.agent("a"), scene.agent("b", "echo b; exit 3"), scene.agent("c")]
    result = scene.submit(chord(header, scene.user("collect", scene.key)))
    expected = ["failed:b", "succeeded:a", "succeeded:c"]
    scene.equal(scene.value(result), expected)
    scene.noted(",".join(expected))


@_place(*"abcd")
def chain_in_chord_header(scene: Scene) -> None:
    """A member of a header may be a chain, with a session at its end or before it."""
    header = [
        scene.agent("a") | scene.user("said"),
        chain(scene.user("add", 1, 1), scene.agent("b")),
        scene.agent("c"),
        # the last to end, so that it is our worker that sends the body
        scene.agent("d", f"while [ ! -e {scene.gate} ]; do sleep 0.1; done; echo d"),
    ]
    result = scene.submit(chord(header, scene.user("collect", scene.key)))
    for member in result.parent.results[:3]:
        scene.value(member)
    scene.gate.touch()
    scene.equal(scene.value(result), [f"succeeded:{name}" for name in "abcd"])
    scene.noted(",".join(f"succeeded:{name}" for name in "abcd"))


@_place(*"abcd")
def chord_of_chords(scene: Scene) -> None:
    """Chords nest: the outer body sees the inner bodies' results."""
    header = [
        chord([scene.agent("a"), scene.agent("b")], scene.user("collect", scene.key)),
        chord([scene.agent("c"), scene.agent("d")], scene.user("collect", scene.key)),
    ]
    result = scene.submit(chord(header, scene.user("collect", scene.key)))
    scene.equal(scene.value(result), [f"succeeded:{name}" for name in "abcd"])
    pairs = ["succeeded:a,succeeded:b", "succeeded:c,succeeded:d"]
    scene.noted(*pairs, ",".join(pairs))


@_place("a", "b", "body")
def chord_body(scene: Scene) -> None:
    """A session can merge what others found."""
    body = scene.agent("body", 'wc -c < "$CODERS_INPUT"')
    outcome = scene.value(scene.submit(chord([scene.agent("a"), scene.agent("b")], body)))
    scene.equal(outcome["state"], "succeeded")
    assert int(outcome["output"]) > 100


@_place("a", "b", absent=PART)
def chain_to_group(scene: Scene) -> None:
    """A session's outcome fans out, to tasks and to a session."""
    members = group(scene.user("said"), scene.agent("b"), scene.user("said"))
    found = scene.value(scene.submit(chain(scene.agent("a"), members)))
    scene.equal([found[0], found[1]["output"], found[2]], ["succeeded:a", "b\n", "succeeded:a"])


@_place("a", absent=PART)
def link(scene: Scene) -> None:
    """A link is called with the outcome."""
    result = scene.submit(scene.agent("a"), link=scene.user("linked", scene.key))
    assert scene.value(result)["output"] == "a\n"
    scene.noted("succeeded:a")


@_place("a", absent=PART)
def link_error(scene: Scene) -> None:
    """An errback is called when a failure was asked to be an exception."""
    failing = scene.agent("a", "exit 1", raise_on_failure=True)
    result = scene.submit(failing, link_error=scene.user("failed", scene.key))
    assert isinstance(scene.failure(result), AgentFailed)
    scene.noted(result.id)


@_place("a", absent=PART)
def failure_is_a_value(scene: Scene) -> None:
    """An agent that fails gives an outcome that says so; a chain goes on with it."""
    result = scene.submit(scene.agent("a", "exit 7") | scene.user("said"))
    scene.equal(scene.value(result), "failed:")
    assert scene.value(result.parent)["exit_code"] == 7


@_place("a", absent=PART)
def propagate(scene: Scene) -> None:
    """With ``raise_on_failure`` the rest of a chain does not run, and ``get`` raises."""
    failing = scene.agent("a", "exit 1", raise_on_failure=True)
    result = scene.submit(failing | scene.user("linked", scene.key))
    with pytest.raises(AgentFailed, match="status 1"):
        scene.value(result)
    assert "status 1" in str(scene.failure(result.parent))
    scene.record(result.parent.id, "settled", lambda record: record.settled)
    assert scene.until(lambda: [scene.notes()], "no notes") == [[]]


@_place(
    "a", "b", absent={"claimed-chord": "the join raises before the body's publication is prepared"}
)
def chord_member_raises(scene: Scene) -> None:
    """A header member that raises fails the body, and its errback hears of it."""
    failing = scene.agent("b", "exit 1", raise_on_failure=True)
    body = scene.agent("body").on_error(scene.user("failed", scene.key))
    result = scene.submit(chord([scene.agent("a"), failing], body))
    with pytest.raises(Exception, match="status 1"):
        scene.value(result)
    scene.noted(result.id)


@_place("a", absent=PART)
def ignore_result(scene: Scene) -> None:
    """A session whose result nobody wants ends, and settles, all the same."""
    result = scene.submit(scene.agent("a"), ignore_result=True)
    record = scene.record(result.id, "settled", lambda record: record.settled)
    assert record.state == "succeeded"
    state = scene.until(lambda: result.state, "its state")
    assert state in {"PENDING", "STARTED"}, "a result was stored"


@_place("a", absent=PART)
def revoke_running(scene: Scene) -> None:
    """Revoking a running session ends its agent, and the canvas goes on with the outcome."""
    result = scene.submit(scene.agent("a", "exec sleep 100") | scene.user("said"))
    running = result.parent.id
    scene.record(running, "runs", lambda record: record.state == "running" and scene.runs())
    scene.revoke(running)
    scene.equal(scene.value(result), "cancelled:")
    outcome = scene.record(running, "its outcome", lambda record: record.outcome).outcome
    assert outcome.state == "cancelled"
    assert outcome.signal == 15


@_place(
    "a",
    absent=dict.fromkeys(
        ("before-spawn", "before-start", "after-start", "before-finish", "after-finish"), _NO_HOST
    ),
)
def revoke_queued(scene: Scene) -> None:
    """Revoking a session that no host has taken ends it, and its chord's body runs."""
    waiting = scene.agent("never", host="elsewhere")
    header = [scene.agent("a", subject=False), waiting]
    result = scene.submit(chord(header, scene.user("collect", scene.key)))
    other, queued = result.parent.results
    scene.value(other)  # the last part is the revoked one's
    scene.record(queued.id, "its message arrived", lambda record: record.request)

    # by the command that any Celery client sends: heard by the worker that is there just then
    def heard(record: SessionRecord) -> bool:
        if record.cancel_reason is None:
            scene.broadcast_revoke(queued.id)
        return record.cancel_reason is not None

    scene.record(queued.id, "revoked", heard)
    scene.equal(scene.value(result), ["cancelled:", "succeeded:a"])
    scene.noted("cancelled:,succeeded:a")


@_place("first", "h1", "h2", "h3", "last")
def everything(scene: Scene) -> None:
    """A canvas with a session in many places."""
    header = [
        scene.agent("h1"),
        scene.agent("h2") | scene.user("said"),
        scene.agent("h3", pause=2),
    ]
    result = scene.submit(
        chain(
            scene.user("add", 1, 2),
            scene.agent("first"),
            chord(header, scene.user("collect", scene.key)),
            scene.agent("last"),
            scene.user("said"),
        )
    )
    scene.equal(scene.value(result), "succeeded:last")
    scene.noted("succeeded:h1,succeeded:h2,succeeded:h3")


@_place(*"abcd")
def quorum_in_chord_header(scene: Scene) -> None:
    """Two of four are enough: the rest is cancelled, and the body sees all four."""
    waits = f"while [ ! -e {scene.gate} ]; do sleep 0.1; done; echo"
    agents = [
        *(scene.agent("a", f"{waits} a"), scene.agent("b", "sleep 600")),
        *(scene.agent("c", f"{waits} c"), scene.agent("d", "sleep 600")),
    ]
    header = scene.canvas.coders.quorum(agents, need=2)
    result = scene.submit(chord(header, scene.user("collect", scene.key)))
    scene.until(lambda: {"b", "d"} <= scene.runs().keys(), "those that go on for long")
    scene.gate.touch()
    expected = ["cancelled:", "cancelled:", "succeeded:a", "succeeded:c"]
    scene.equal(scene.value(result), expected)
    scene.noted(",".join(expected))
