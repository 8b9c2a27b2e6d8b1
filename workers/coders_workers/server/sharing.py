"""The verbs about shared context."""

from __future__ import annotations

from typing import Any

from coders_queue import errors, ids
from coders_queue.models import context as model
from coders_queue.models.context import KINDS, ContextEntry
from coders_queue.searching import search
from coders_workers.server import params as read
from coders_workers.server.station import Station

Params = dict[str, Any]

#: How many entries a search answers with, unless told otherwise, and at most.
_HITS, _MOST_HITS = 10, 100
#: How much one search may go through, bytes: about a second and a half of a processor.
_SEARCHED = 8 * 1024 * 1024


class Sharing:
    """Shows and changes what sessions and people share."""

    def __init__(self, station: Station) -> None:
        self._station = station

    def listed(self, params: Params) -> Params:
        """The spaces, or the entries of one, without their texts."""
        store = self._station.store.context
        space = read.text(params, "space")
        if space is None:
            return {"spaces": [one.model_dump() for one in store.spaces()]}
        return {"space": space, "entries": [listed(one) for one in store.entries(space)]}

    def shown(self, params: Params) -> Params:
        """One entry, whole; with a version, as it was then."""
        store = self._station.store.context
        space, key = _place(params)
        version = read.count(params, "version", 1)
        if version is None:
            entry = store.get(space, key)
        else:
            found = [one for one in store.history(space, key) if one.version == version]
            entry = found[0] if found and not found[0].removed else None
        if entry is None:
            raise _unknown(space, key, version)
        return entry.model_dump()

    def put(self, params: Params) -> Params:
        """Write an entry; as it is now."""
        space, key = _place(params)
        text = read.text(params, "text")
        if text is None:
            raise errors.UsageError("no text was given to put there")
        kind = read.text(params, "kind") or "fact"
        if kind not in KINDS:
            raise errors.UsageError(f"{kind[:60]!r} is no kind", f"one of {', '.join(KINDS)}")
        lasts = read.seconds(params, "lasts")
        if lasts == 0:
            raise errors.UsageError("'lasts' must be more than 0 seconds")
        entry = self._station.store.context.put(
            space,
            key,
            text,
            author=self.author(params),
            kind=kind,
            lasts=lasts,
            if_version=read.count(params, "if_version", 0),
        )
        return listed(entry)

    def remove(self, params: Params) -> Params:
        """Remove an entry, or with ``all`` a whole space."""
        store = self._station.store.context
        if read.flag(params, "all"):
            space = read.text(params, "space") or ""
            if not store.drop(space):
                raise errors.NotFound(f"{space} holds nothing", "see: coders context ls")
            return {"space": space, "key": None}
        space, key = _place(params)
        wanted = read.count(params, "if_version", 0)
        if not store.remove(space, key, author=self.author(params), if_version=wanted):
            raise _unknown(space, key, None)
        return {"space": space, "key": key}

    def found(self, params: Params) -> Params:
        """The best entries for some words, in the spaces given or in all."""
        store = self._station.store.context
        query = read.text(params, "query") or ""
        limit = read.count(params, "limit", 1) or _HITS
        wanted = [model.check_space(name) for name in read.listed(params, "spaces")]
        known = [one for one in store.spaces() if not wanted or one.name in wanted]
        size = sum(one.size for one in known)
        if size > _SEARCHED:
            raise errors.UsageError(
                f"{len(known)} spaces of {size} bytes are too much for one search",
                f"name some of up to {_SEARCHED} bytes together: --space SPACE",
            )
        entries = [entry for one in known for entry in store.entries(one.name)]
        hits = search(entries, query, min(limit, _MOST_HITS))
        return {
            "hits": [
                {**listed(hit.entry), "score": hit.score, "excerpt": hit.excerpt} for hit in hits
            ]
        }

    def history(self, params: Params) -> Params:
        """The last writes of a space, or of one key, without their texts."""
        space, key = read.text(params, "space") or "", read.text(params, "key")
        found = self._station.store.context.history(space, key)
        if key is not None and not found:
            raise _unknown(space, key, None)
        return {"space": space, "writes": [listed(one) for one in found]}

    def author(self, params: Params) -> str:
        """Who asks: the session that the caller runs in, or the person the host is set up for."""
        chosen = read.text(params, "session")
        if chosen is None:
            return model.person(self._station.settings.owner)
        if not ids.is_session_id(chosen):
            raise errors.UsageError(f"'session' is {chosen[:60]!r}, not a session's id")
        return model.session(chosen)


def _place(params: Params) -> tuple[str, str]:
    return read.text(params, "space") or "", read.text(params, "key") or ""


def listed(entry: ContextEntry) -> Params:
    """An entry as lists show it: without its text."""
    return {
        **entry.model_dump(exclude={"text"}),
        "size": model.size_of(entry.key, entry.text),
    }


def _unknown(space: str, key: str, version: int | None) -> errors.NotFound:
    if version is not None:
        return errors.NotFound(
            f"version {version} of {key} in {space} is not kept",
            f"see: coders context history {space} {key}",
        )
    return errors.NotFound(f"there is no {key} in {space}", f"see: coders context ls {space}")
