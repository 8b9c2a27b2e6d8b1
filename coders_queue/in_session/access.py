"""How a session reaches its host: where its socket is, its token, and one request over it.

Both come by environment, or from a file that only the session's host and user can read: some tools
hand a program that they start less than their own environment.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from coders_queue import errors, wire

#: The variables of a session's environment.
SOCKET, TOKEN = "CODERS_SESSION_SOCKET", "CODERS_SESSION_TOKEN"

#: Seconds for which a worker that is being started again is waited for.
PATIENCE = 20.0
_AGAIN = 0.2
#: Bytes of the file at most.
_LARGEST = 4096


class Access(NamedTuple):
    """One attempt's way to its host."""

    socket: str
    token: str

    def __repr__(self) -> str:
        return f"Access({self.socket!r}, ...)"


def from_environment(environ: Mapping[str, str]) -> Access:
    """The session's that this process belongs to. Raises UsageError when it belongs to none."""
    socket, token = environ.get(SOCKET), environ.get(TOKEN)
    if not socket or not token:
        missing = SOCKET if not socket else TOKEN
        raise errors.UsageError(
            f"this is not inside of a session: {missing} is not set",
            "an agent, or a command that it runs, calls it: coders run shell -- coders here whoami",
        )
    return Access(socket, token)


def from_file(path: str) -> Access:
    """The same from the file that the host keeps. Raises UsageError."""
    try:
        with open(path, "rb") as stream:  # noqa: PTH123
            told = json.loads(stream.read(_LARGEST))
        return Access(str(told["socket"]), str(told["token"]))
    except FileNotFoundError:
        raise _over() from None
    except (OSError, ValueError, LookupError, TypeError):
        raise errors.UsageError(f"{path} does not say how to reach a session's host") from None


def call(
    access: Access,
    verb: str,
    params: Mapping[str, Any],
    *,
    timeout: float,
    patience: float = PATIENCE,
) -> dict[str, Any]:
    """Ask for a verb; its answer. ``timeout``: seconds for the answer.

    While the host's worker is started again it is asked again, under the same number: what was
    done is not done twice. Raises what the host refuses, NotListening when the session is over.
    """
    request = os.urandom(16).hex()
    until = time.monotonic() + patience
    while True:
        try:
            return wire.ask(
                access.socket,
                verb,
                dict(params),
                timeout=timeout,
                more={"token": access.token, "request": request},
            )
        except errors.Unavailable as error:
            if not os.path.lexists(access.socket):
                raise _over() from None
            if time.monotonic() >= until:
                if not isinstance(error, wire.WentAway | wire.NotListening | wire.Crowded):
                    raise  # its own word: its store is away, say
                raise errors.Unavailable(
                    f"the host's worker does not answer this session: {error.message}",
                    "its people start it again with: coders up",
                ) from None
            time.sleep(_AGAIN)


def _over() -> errors.Conflict:
    return errors.Conflict(
        "this attempt of the session is over: its socket is gone, and its token with it",
        "a new attempt has a socket and a token of its own",
    )
