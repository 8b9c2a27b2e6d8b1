"""The verbs of a session's socket, described: parameters, schemas, and one file for each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest

from coders_queue import errors
from coders_queue.in_session import access, table
from coders_queue.in_session.parameter import Parameter
from coders_queue.in_session.verb import Verb
from coders_workers.in_session.carriers import carriers

ROOT = Path(__file__).parents[2]


def test_every_verb_is_described_and_carried_out() -> None:
    """The table, the descriptions and the carriers name the same verbs."""
    files = {path.stem for path in (ROOT / "coders_queue/in_session/verbs").glob("[!_]*.py")}
    assert files == set(table.SUMMARIES) == set(carriers())
    for verb in table.all_verbs():
        jsonschema.Draft202012Validator.check_schema(verb.schema())
        assert verb.examples
        assert all("coders here " in line for line in verb.examples)


VERB = Verb(
    "try",
    "Tries.",
    Parameter("text", "text", "a text", required=True, largest=5),
    Parameter("many", "texts", "texts", largest=5),
    Parameter("how", "text", "a choice", choices=("a", "b")),
    Parameter("count", "count", "a count", least=1, most=9),
    Parameter("flag", "flag", "a flag"),
    Parameter("data", "value", "data", largest=20),
    answer="nothing",
    examples=(),
)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, "needs 'text'"),
        ({"text": None}, "needs 'text'"),
        ({"text": 5}, "'text' must be text"),
        ({"text": "123456"}, "at most 5"),
        ({"text": "\ud800"}, "not UTF-8 at character 0"),
        ({"text": "a", "other": 1}, "takes no 'other'"),
        ({"text": "a", "many": "b"}, "a list of texts"),
        ({"text": "a", "many": ["abc", "def"]}, "at most 5"),
        ({"text": "a", "how": "c"}, "one of: a, b"),
        ({"text": "a", "count": 2.5}, "a whole number"),
        ({"text": "a", "count": True}, "a whole number"),
        ({"text": "a", "count": 10**400}, "from 1 to 9"),
        ({"text": "a", "flag": 1}, "true or false"),
        ({"text": "a", "data": ["x" * 30]}, "bytes of JSON"),
        ({"text": "a", "data": float("nan")}, "cannot be written as JSON"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(params: dict[str, Any], message: str) -> None:
    """In one line, which says what is wrong with which parameter."""
    with pytest.raises(errors.UsageError, match=message):
        VERB.checked(params)


def test_null_is_as_good_as_left_out() -> None:
    """Models like to send it."""
    assert VERB.checked({"text": "a", "how": None, "data": None}) == {"text": "a"}
    assert VERB.checked({"text": "a", "data": [1]})["data"] == [1]


def test_outside_of_a_session_it_says_so(tmp_path: Path) -> None:
    """Without the variables, or with a file that is none; never with half of them."""
    for environ in ({}, {access.SOCKET: "/x"}, {access.TOKEN: "t"}):
        with pytest.raises(errors.UsageError, match="not inside of a session"):
            access.from_environment(environ)
    broken = tmp_path / "access.json"
    broken.write_text("[]")
    with pytest.raises(errors.UsageError, match="does not say"):
        access.from_file(str(broken))
    with pytest.raises(errors.Conflict, match="is over"):
        access.from_file(str(tmp_path / "none"))


def test_a_session_that_is_over_is_told_at_once(tmp_path: Path) -> None:
    """Where its socket is gone nobody is waited for."""
    own = access.Access(str(tmp_path / "s"), "secret")
    with pytest.raises(errors.Conflict, match="is over") as caught:
        access.call(own, "whoami", {}, timeout=5)
    assert "secret" not in str(caught.value)
    assert "secret" not in repr(own)
