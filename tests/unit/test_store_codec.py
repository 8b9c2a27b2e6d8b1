"""Records as text fields: exact both ways, whatever they hold."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coders_queue import errors
from coders_queue.models.lifecycle import State
from coders_queue.models.record import SessionRecord
from coders_queue.models.spec import DirectoryWorkspace, SessionSpec
from coders_queue.store import codec
from coders_queue.store.keys import Keys, ended_name

#: Text as the models take it: all of Unicode, and escapes of bytes that are not UTF-8.
TEXT = st.text(
    st.characters(exclude_categories=("Cs",), exclude_characters="\0")
    | st.integers(0xDC80, 0xDCFF).map(chr),
    max_size=20,
)


def specs() -> st.SearchStrategy[SessionSpec]:
    return st.builds(
        SessionSpec,
        agent=st.just("claude"),
        task=TEXT,
        argv=st.lists(TEXT, max_size=3).map(tuple),
        env=st.dictionaries(TEXT.filter(lambda key: key and "=" not in key), TEXT, max_size=3),
        labels=st.dictionaries(TEXT, TEXT, max_size=2),
        owner=TEXT,
        workspace=st.builds(DirectoryWorkspace, path=TEXT.map("/{}".format)),
    )


@given(spec=specs(), created=st.floats(0, 4e9), inputs=st.lists(TEXT | st.floats(), max_size=2))
def test_a_record_comes_back_exactly(spec: SessionSpec, created: float, inputs: list[Any]) -> None:
    """Text, bytes and times survive, and what is stored is ASCII alone."""
    fields = codec.encode_new(spec, created, inputs, {"k": inputs})
    assert all(text.isascii() for text in fields.values())
    wanted = {name: text for name, text in fields.items() if name in codec.FIELDS}
    record = codec.decode("s", wanted | {"state": "queued", "attempt": "0"})
    assert record.spec == spec
    assert record.created_at == created
    assert repr(record.inputs) == repr(tuple(inputs))
    assert codec.decode_leniently("s", wanted | {"state": "queued", "attempt": "0"}).spec == spec


def test_every_part_of_a_record_has_its_field() -> None:
    """A part added to the model and forgotten here would be lost in the store."""
    assert set(SessionRecord.model_fields) == {"id", *codec.FIELDS} - {"env", "priority"}


@given(
    fields=st.dictionaries(
        st.sampled_from(codec.FIELDS),
        st.text(max_size=5)
        | st.sampled_from(["null", "{}", "[]", "1", '"x"', '{"x":1}', "[{}]", "running", "NaN"]),
    )
)
def test_reading_leniently_never_fails(fields: dict[str, str]) -> None:
    """Whatever stands in a record, a list shows one; read strictly it is that or a Conflict."""
    shown = codec.decode_leniently("s", fields)
    assert shown.id == "s"
    if codec.NEWER_LABEL not in shown.spec.labels:
        assert repr(codec.decode("s", fields)) == repr(shown)
        return
    with pytest.raises(errors.Conflict) as caught:
        codec.decode("s", fields)
    assert "\n" not in str(caught.value)


def test_a_complaint_shows_no_secret() -> None:
    """The error about an unreadable record names the place, not what stands there."""
    fields = codec.encode_new(
        SessionSpec(agent="x", workspace=DirectoryWorkspace(path="/")), 1.0, (), None
    )
    fields = {name: text for name, text in fields.items() if name in codec.FIELDS}
    fields |= {"state": State.QUEUED, "env": '{"TOKEN":["hunter2"]}'}
    with pytest.raises(errors.Conflict, match=r"spec\.env\.TOKEN") as caught:
        codec.decode("s", fields)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("value", [b"x", {1, 2}, object(), {(1,): 2}])
def test_what_json_cannot_carry(value: object) -> None:
    """It is a UsageError that names the part."""
    with pytest.raises(errors.UsageError, match="the result"):
        codec.dumps({"a": value}, "the result")


def test_ended_names_sort_by_time() -> None:
    """Members of the index of ended names sort as their ends do, whatever the number of digits."""
    members = [ended_name("job", at, "x") for at in (0.0, 9.5, 10.25, 999_999_999.0, 1e9, 1.7e9)]
    assert members == sorted(members)


def test_owned_keys() -> None:
    """Only indexes, the stream and records may be without a time to live."""
    keys = Keys("p:")
    assert keys.is_owned(keys.session("s"))
    assert keys.is_owned(keys.live)
    assert keys.is_owned(keys.host_sessions("h"))
    for key in (keys.lease("l"), keys.hosts, keys.host("h"), keys.chords, keys.chord_members):
        assert not keys.is_owned(key)
    assert not keys.is_owned(Keys("q:").live)
