"""Choosing a host: pure, and the same for the same facts."""

from __future__ import annotations

from coders_queue.models.spec import DirectoryWorkspace, SessionSpec
from coders_queue.placement import choose_host

HERE = DirectoryWorkspace(path="/")


def spec(host: str | None = None) -> SessionSpec:
    return SessionSpec(agent="shell", argv=("true",), workspace=HERE, host=host)


def test_least_loaded() -> None:
    """The host with the fewest live sessions gets the next one."""
    hosts = {"a": {"capacity": 9}, "b": {"capacity": 9}}
    assert choose_host(spec(), hosts, {"a": 2, "b": 1}) == "b"
    assert choose_host(spec(), hosts, {"a": 1, "b": 1}) == "a"


def test_full_hosts_are_left_out() -> None:
    """A host at its capacity takes nothing, and none is none."""
    assert choose_host(spec(), {"a": {"capacity": 1}}, {"a": 1}) is None
    assert choose_host(spec(), {}, {}) is None


def test_only_the_host_asked_for() -> None:
    """A session that names a host goes there or nowhere."""
    hosts = {"a": {"capacity": 9}, "b": {"capacity": 9}}
    assert choose_host(spec("a"), hosts, {"a": 5, "b": 0}) == "a"
    assert choose_host(spec("c"), hosts, {}) is None
