"""The one door to the server: every command passes here, and redis-py's errors end here.

A server that is away, silent, loading, read-only or full is Unavailable, with its address; whatever
else it complains of is a CodersError.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

import redis

from coders_queue import errors
from coders_queue.store.connect import Client, address_of

Word: TypeAlias = str | bytes | int | float
Command: TypeAlias = Sequence[Word]

#: Commands sent in one go: bounds the memory that answers take while they are read.
CHUNK = 500

# what Redis 6 puts before a complaint about a command in a script
_IN_SCRIPT = re.compile(r"(?:ERR )?Error running script .{0,200}@user_script: ?\d+: -?")

# complaints of a server that is there and cannot serve now
_CANNOT = (
    "BUSY",
    "CLUSTERDOWN",
    "LOADING",
    "MASTERDOWN",
    "MISCONF",
    "NOAUTH",
    "NOPERM",
    "NOREPLICAS",
    "OOM",
    "READONLY",
    "WRONGPASS",
)
# the same, where redis-py has taken the first word off and made a class of it
_CANNOT_TYPES = frozenset(
    {"ReadOnlyError", "OutOfMemoryError", "NoPermissionError", "ClusterDownError"}
)


def _encoded(words: Sequence[Word]) -> list[Word]:
    # here, since the fast packer knows no file names that are not UTF-8
    return [
        word.encode("utf-8", "surrogateescape") if isinstance(word, str) else word for word in words
    ]


class Door:
    """A client whose errors are ours."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.address = address_of(client)
        limit = client.connection_pool.connection_kwargs.get("socket_timeout")
        self.socket_timeout = float(limit) if limit else None

    def call(self, *command: Word) -> Any:
        """One command's answer."""
        with self._ours():
            return self._client.execute_command(command[0], *_encoded(command[1:]))

    def batch(self, commands: Sequence[Command]) -> list[Any]:
        """The answers of many commands in few round trips, others' commands in between."""
        answers: list[Any] = []
        with self._ours():
            for start in range(0, len(commands), CHUNK):
                with self._client.pipeline(transaction=False) as pipeline:
                    for command in commands[start : start + CHUNK]:
                        pipeline.execute_command(command[0], *_encoded(command[1:]))
                    answers.extend(pipeline.execute())
        return answers

    def together(self, *commands: Command) -> list[Any]:
        """The answers of commands that are executed with none in between."""
        with self._ours(), self._client.pipeline(transaction=True) as pipeline:
            for command in commands:
                pipeline.execute_command(command[0], *_encoded(command[1:]))
            answers: list[Any] = pipeline.execute()
            return answers

    def script(self, text: str) -> Any:
        """A script ready to be run by :meth:`run`; nothing is sent."""
        return self._client.register_script(text)

    def run(self, script: Any, keys: Sequence[str], arguments: Sequence[Word]) -> Any:
        """A script's answer; the server is taught it when it does not know it (any more)."""
        with self._ours():
            return script(keys=_encoded(keys), args=_encoded(arguments))

    def close(self) -> None:
        """Let go of all connections."""
        self._client.close()
        self._client.connection_pool.disconnect()

    @contextmanager
    def _ours(self) -> Iterator[None]:
        try:
            yield
        except redis.exceptions.AuthenticationError as error:
            raise self._unavailable(f"refuses the credentials: {_line(error)}") from None
        except redis.exceptions.TimeoutError:
            limit = f" in {self.socket_timeout:g} s" if self.socket_timeout else ""
            raise self._unavailable(f"did not answer{limit}") from None
        except (redis.exceptions.ConnectionError, OSError) as error:
            raise self._unavailable(f"cannot be reached: {_line(error)}") from None
        except UnicodeEncodeError as error:
            raise errors.UsageError(
                f"{error.object[:40]!r} holds a lone surrogate, which cannot be stored"
            ) from None
        except redis.exceptions.RedisError as error:
            line = _line(error)
            if type(error).__name__ in _CANNOT_TYPES or line.startswith(_CANNOT):
                raise self._unavailable(f"cannot serve this: {line}") from None
            raise errors.CodersError(f"the broker at {self.address} refused: {line}") from None

    def _unavailable(self, what: str) -> errors.Unavailable:
        return errors.Unavailable(
            f"the broker at {self.address} {what}", "coders doctor looks at it"
        )


def _line(error: Exception) -> str:
    # of a pipeline's complaint, what was complained of: the command may hold anything
    text = str(error).rpartition(" of pipeline caused error: ")[2].strip()
    text = _IN_SCRIPT.sub("", text)
    return text.splitlines()[0][:300] if text else type(error).__name__
