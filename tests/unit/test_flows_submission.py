"""Parameters and files: what a flow is given when it is submitted, and how that is kept."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jsonschema
import pytest
import yaml
from pydantic import ValidationError

from coders_queue import errors
from coders_queue.flows import parameters, read, start
from coders_queue.flows.decide import Plan, decide
from coders_queue.flows.facts import Facts
from coders_queue.flows.model import Flow, Step
from coders_queue.flows.publish import json_schema, published
from coders_queue.flows.submission import Submission, submit
from coders_queue.queue import flow_sessions

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "config/examples/flows").glob("*"))


def _flow(kinds: dict[str, Any], steps: dict[str, Any] | None = None) -> Flow:
    return read.of_data(
        {
            "flow": "f",
            "parameters": kinds,
            "defaults": {"agent": "claude", "task": "x"},
            "steps": steps or {"a": {}},
        }
    )


KINDS = {
    "t": {"type": "text"},
    "i": {"type": "integer"},
    "n": {"type": "number"},
    "b": {"type": "boolean"},
    "l": {"type": "list"},
    "o": {"type": "object"},
    "p": {"type": "path"},
    "c": {"choices": ["x", "y"]},
}


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("t=", ""),
        ("t=a=b", "a=b"),
        ("t=5", "5"),
        ("i=-5", -5),
        ("n=1.5", 1.5),
        ("n=2", 2.0),
        ("b=yes", True),
        ("b=false", False),
        ("l=a, b", ["a", "b"]),
        ("l=", []),
        ('l=["a,b", 1]', ["a,b", 1]),
        ('o={"a": 1}', {"a": 1}),
        ("p=x/y", "x/y"),
        ("c=y", "y"),
    ],
)
def test_a_word_becomes_a_value_of_its_type(word: str, value: Any) -> None:
    """As a command line gives it."""
    assert parameters.of_words(_flow(KINDS), [word]) == {word[0]: value}


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("i=five", "parameter i: should be an integer, not 'five'"),
        ("i=1.0", "parameter i: should be an integer"),
        ("n=nan", "parameter n: should be a number"),
        ("b=maybe", "parameter b: should be true or false, not 'maybe'"),
        ("l=[1", "parameter l: not JSON"),
        ("o=a", "parameter o: not JSON"),
        ("o=[1]", "parameter o: should be an object"),
        ("p=", "parameter p: should be a path"),
        ("p=~/x", "parameter p: should be a path, not empty, and written out"),
        ("c=z", "parameter c: should be one of 'x', 'y', not 'z'"),
        ("tt=1", "the flow f has no parameter 'tt' (did you mean t?)"),
        ("t", "'t' is not NAME=VALUE"),
        ("=t", "'=t' is not NAME=VALUE"),
    ],
)
def test_a_wrong_word_is_refused(word: str, said: str) -> None:
    """With the parameter's name, what it should be, and the nearest right name."""
    with pytest.raises(errors.UsageError) as caught:
        parameters.of_words(_flow(KINDS), [word])
    assert said in str(caught.value)


def test_what_is_not_given_is_the_default_or_missed() -> None:
    """A missing one is told with what it is for; a path is seen from where one submits."""
    flow = _flow(
        {"need": {"type": "integer", "about": "how many"}, "p": {"type": "path", "default": "x"}}
    )
    assert parameters.bind(flow, {"need": 3}, "/srv") == {"need": 3, "p": "/srv/x"}
    with pytest.raises(errors.UsageError, match="needs the parameter need: how many"):
        parameters.bind(flow, {}, "/srv")
    with pytest.raises(errors.UsageError, match="should be an integer, not True"):
        parameters.bind(flow, {"need": True}, "/srv")


def test_the_type_is_that_of_the_default() -> None:
    """Unless it is said."""
    flow = _flow({"l": {"default": ["a"]}, "n": {"default": 1}, "b": {"default": False}})
    assert [one.type for one in flow.parameters.values()] == ["list", "integer", "boolean"]


def test_files_are_read_where_the_flow_is_submitted(tmp_path: Path) -> None:
    """Sorted, directories alone with a slash at the end; a file that comes later is not in it."""
    for name in ("b/x.py", "a/x.py", "a/y.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    flow = _flow(
        {"end": {"default": "py"}},
        {
            "files": {"each": {"glob": "**/*.{{ parameters.end }}"}, "task": "{{ item }}"},
            "places": {"each": {"glob": "*/"}},
        },
    )
    found = submit(flow, {}, str(tmp_path))
    assert found.items == {"files": ("a/x.py", "b/x.py"), "places": ("a/", "b/")}
    (tmp_path / "c").mkdir()
    again = Submission.load(found.dump())
    assert again == found
    starts = decide(Plan(again), Facts()).starts
    assert [start.spec["task"] for start in starts] == ["a/x.py", "b/x.py", "x", "x"]
    assert starts[0].item == "a/x.py"


def test_a_submission_comes_back_as_it_was() -> None:
    """Written down and read, down to which keys were set: names that no codec likes, too."""
    odd = "\udcff\u2028{"
    flow = _flow({"x": {"default": odd}}, {"a": {"each": [odd, 1.5, None], "timeout": "1m"}})
    bound = submit(flow, {}, "/srv")
    again = Submission.load(bound.dump())
    assert again == bound
    assert again.flow.whole == flow.whole
    assert again.flow.steps["a"].model_fields_set == {"each", "timeout"}


@pytest.mark.parametrize("name", published())
def test_what_is_published_is_current(name: str) -> None:
    """Run ``python -m coders_queue.flows.publish`` after a change to the model."""
    assert (ROOT / name).read_text(encoding="utf-8") == published()[name]


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.name)
def test_the_examples_are_right(file: Path) -> None:
    """By the check, by the schema that editors go by, and when they are planned."""
    flow = read.load(file)
    jsonschema.validate(yaml.safe_load(file.read_text()), json_schema())
    decision = decide(Plan(submit(flow, {}, str(ROOT / "docs"))), Facts())
    assert decision.starts
    assert decision.state == "running"


def test_a_session_of_a_flow_has_the_flow_s_own_space_and_those_of_its_step() -> None:
    """The flow's goes first; what names no space is a mistake of the file."""
    step = Step.model_validate({"agent": "shell", "argv": ["true"], "context": "team:web"})
    spec = start.session(step, "/srv", {})
    assert spec["context"] == ("team:web",)
    flow: Any = SimpleNamespace(id="f-1", owner="ann")
    begun: Any = SimpleNamespace(spec=spec, key="s/none/1/1")
    assert flow_sessions._spec(flow, begun).context == ("flow:f-1", "team:web")
    with pytest.raises(ValidationError, match="names no space"):
        Step.model_validate({"agent": "shell", "context": ["web"]})
