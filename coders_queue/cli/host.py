"""The worker of this machine, as the command line reaches it: asked, and started where due."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any

from coders_queue import errors, wire
from coders_queue.cli import lazy
from coders_queue.cli.console import Console
from coders_queue.cli.text import printable

#: Verbs that never start anything: they are about the worker itself.
_NEVER_START = frozenset({"status", "stop"})
#: Verbs that ask for work.
_STARTS = frozenset({"spawn", "flow-submit"})

#: Seconds until a request is repeated.
_AGAIN = 0.3


class Host:
    """Requests to the worker's socket.

    Nobody listening means different things. A request for a new session starts the local stack.
    Any other does so only when a socket was left behind, which is the mark of a worker that died:
    after ``coders down`` a look at the list must not bring everything back.
    """

    def __init__(self, socket_path: str, console: Console, correlation: str) -> None:
        self.socket_path = socket_path
        self._console = console
        self._correlation = correlation
        self._noted = ""

    def call(
        self, verb: str, params: dict[str, Any], *, timeout: float | None = 30.0
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """A request with its parts: ``("part", ...)`` any number of times, then ``("ok", ...)``."""
        try:
            yield from self._send(verb, params, timeout)
        except wire.NotListening:
            if not self._may_start(verb):
                raise
            lazy.start_stack()
            yield from self._send(verb, params, timeout)

    def ask(
        self,
        verb: str,
        params: dict[str, Any] | None = None,
        *,
        timeout: float | None = 30.0,
        doing: str | None = None,
    ) -> dict[str, Any]:
        """A request whose parts do not matter. ``doing`` is shown when it takes long."""
        params = params or {}
        try:
            return self._final(verb, params, timeout, doing)
        except wire.NotListening:
            if not self._may_start(verb):
                raise
        except wire.WentAway:
            if verb not in _STARTS:
                raise  # those name what they start: asked again they start nothing twice
        # outside of the progress line: the starter has its own
        lazy.start_stack()
        return self._final(verb, params, timeout, doing)

    def insist(
        self, verb: str, params: dict[str, Any], *, known: bool = False, patience: float = 20.0
    ) -> dict[str, Any]:
        """A request that is as good made twice: repeated while nobody can answer it.

        Where nobody listens at all that is told at once, unless somebody is ``known`` to have.
        """
        until = time.monotonic() + patience
        while True:
            try:
                return self.ask(verb, params)
            except errors.Unavailable as error:
                gone = isinstance(error, wire.NotListening) and not known
                if gone or time.monotonic() > until:
                    raise
            known = True
            time.sleep(_AGAIN)

    def _final(
        self, verb: str, params: dict[str, Any], timeout: float | None, doing: str | None
    ) -> dict[str, Any]:
        with self._console.progress(doing or f"waiting for the worker ({verb})") as progress:
            answer: dict[str, Any] = {}
            told = None
            for kind, body in self._send(verb, params, timeout):
                if kind == "ok":
                    answer = body
                elif "progress" in body and body["progress"] != told:
                    told = body["progress"]
                    progress.say(str(told))
                    if not self._console.err.isatty():
                        self._console.note(f"coders: {printable(told)}")
            return answer

    def _send(
        self, verb: str, params: dict[str, Any], timeout: float | None
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        for kind, body in wire.call(
            self.socket_path, verb, params, correlation=self._correlation, timeout=timeout
        ):
            if kind != "note":
                yield kind, body
            elif body["text"] != self._noted:
                self._noted = body["text"]
                self._console.note(f"coders: {printable(body['text'])}")

    def _may_start(self, verb: str) -> bool:
        if verb in _NEVER_START:
            return False
        return verb in _STARTS or os.path.lexists(self.socket_path)
