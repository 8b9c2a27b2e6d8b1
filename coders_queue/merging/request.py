"""A merge as a request for a session: its fields, and the host that it has to run on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from coders_queue import errors, ids
from coders_queue.merging import catalog, words
from coders_queue.merging.part import Part, parts_of
from coders_queue.models.spec import SessionSpec

#: The agent that merges.
AGENT = "merge"


def fields(
    strategy: str, options: Mapping[str, Any], directory: str, ref: str = "HEAD"
) -> dict[str, Any]:
    """The fields of SessionSpec that ask for a merge; checked. Raises UsageError.

    It runs in ``directory`` (absolute), or where the strategy needs a git worktree in one of that
    repository's, from ``ref``.
    """
    known = catalog.find(strategy)
    told = words.checked(strategy, known.options, dict(options))
    if known.needs == "worktree":
        workspace = {"type": "worktree", "repository": directory, "ref": ref}
    else:
        workspace = {"type": "directory", "path": directory}
    return {"agent": AGENT, "argv": (strategy, *words.write(told)), "workspace": workspace}


def placed(spec: SessionSpec, inputs: Sequence[Any]) -> SessionSpec:
    """The request of a merge that needs its parts' host, bound to that host.

    Nothing changes where the request names a host, where none is known, or where there are several:
    then the merge itself says so (:func:`check_hosts`).
    """
    if spec.agent != AGENT or spec.host is not None or not spec.argv or not inputs:
        return spec
    known = catalog.BUILT_IN.get(spec.argv[0])
    if known is not None and known.needs == "nothing":
        return spec  # (what a plug-in needs is known where it is installed alone)
    hosts = _hosts(parts_of(inputs))
    return spec.model_copy(update={"host": hosts[0]}) if len(hosts) == 1 else spec


def check_hosts(strategy: str, parts: Sequence[Part]) -> None:
    """Raises UsageError when parts that succeeded are on several hosts."""
    hosts = _hosts(parts)
    if len(hosts) > 1:
        raise errors.UsageError(
            f"merge {strategy} works on one host, and the parts are on {' and '.join(hosts)}",
            "run them on one host: host=NAME in each session",
        )


def _hosts(parts: Sequence[Part]) -> list[str]:
    hosts = {part.host for part in parts if part.ok and part.host is not None}
    return sorted(host for host in hosts if ids.is_name(host))  # a result may say anything
