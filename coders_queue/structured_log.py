"""Log lines: structured, with one correlation id, without secrets; of our code and of libraries.

Owns how a line looks, where it goes and which keys it may have. All lines go through the standard
library's logging, so that Celery's and kombu's take the same way. Nothing is set up on import: an
application that uses us as a library keeps its own logging; our own processes call ``configure``.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from datetime import UTC, datetime
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, TextIO, cast

import structlog
from structlog.contextvars import bound_contextvars, get_contextvars, merge_contextvars

from coders_queue import errors
from coders_queue.settings import masking
from coders_queue.settings.schema import LogSettings

#: Every key that a line may have at its top, and what it means. Any other goes below ``other``.
KEYS: Mapping[str, str] = {
    "timestamp": "when, UTC",
    "level": "debug, info, warning, error or critical",
    "process": "which of our processes: worker, beat, cli, ...",
    "pid": "its process id",
    "logger": "the module that speaks",
    "event": "what happened, in words that stay the same",
    "correlation": "ties together all lines of one command, through every process",
    "session": "a session's id",
    "attempt": "the number of its attempt",
    "name": "a session's name",
    "agent": "an adapter's name",
    "owner": "who a session is run for",
    "host": "a host's name",
    "state": "a session's state",
    "task": "a Celery task's name",
    "queue": "a Celery queue's name",
    "verb": "a request on the host's socket",
    "broker": "the broker's address, without its password",
    "path": "a file or directory",
    "program": "a program that was run",
    "agent_pid": "an agent's process id",
    "exit_code": "how a program ended",
    "signal": "the signal that ended it",
    "reason": "why it was asked for",
    "cause": "why it went wrong, in one line",
    "rule": "a rule's name",
    "action": "what a rule does",
    "duty": "what a worker does at intervals",
    "exception": "its traceback",
    "seconds": "how long it took",
    "count": "how many",
    "bytes": "how much",
    "version": "a version",
    "other": "everything else, by name",
}

#: Keys that every line has by itself; one that a caller gives goes below ``other``, too.
_ENVELOPE = frozenset({"timestamp", "level", "process", "pid", "logger"})

#: The longest text in a line, characters.
MAX_TEXT = 16 * 1024

#: Libraries that say too much: what a task returned (an agent's output), messages' bodies, that a
#: message came (our own lines tell what it was for).
_QUIET = {
    "celery.app.trace": logging.WARNING,
    "celery.worker.strategy": logging.WARNING,
    "celery.bootsteps": logging.INFO,
    "kombu": logging.INFO,
    "libtmux": logging.INFO,
    "redis": logging.INFO,
}

#: Control characters, spelled out: a logged text must not steer a terminal or feign a second line.
_SPELLED = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))}
_SPELLED_BUT_LINES = {code: text for code, text in _SPELLED.items() if chr(code) not in "\n\t"}

EventDict = MutableMapping[str, Any]


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger for a module: ``get_logger(__name__).info("session started", session=id)``.

    Until :func:`configure` was called its lines go where the application sends others.
    """
    logger = structlog.wrap_logger(
        logging.getLogger(name),
        processors=_processors(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    return cast(structlog.stdlib.BoundLogger, logger)


def _processors() -> list[Any]:
    return [
        structlog.stdlib.filter_by_level,
        merge_contextvars,
        structlog.stdlib.PositionalArgumentsFormatter(),
        # traceback as text here: a renderer's own would print local variables, secrets included
        structlog.processors.format_exc_info,
        published_keys,
        redact,
        _hand_over,
    ]


@contextmanager
def bind_correlation(correlation: str, **keys: Any) -> Iterator[None]:
    """All lines within, in this thread, carry the correlation id (and further keys)."""
    with bound_contextvars(correlation=correlation, **keys):
        yield


def correlation() -> str | None:
    """The correlation id bound here, to hand it on to another process."""
    bound = get_contextvars().get("correlation")
    return None if bound is None else str(bound)


def configure(
    log: LogSettings, *, process: str, stream: TextIO | None = None, file: Path | None = None
) -> None:
    """Send all lines to a stream, a file (0600, rotated) or both; again replaces what was before.

    ``process`` is what this process is called in its lines. A file belongs to one process: rotation
    by two would lose lines. Raises SetupError when the file cannot be opened.
    """
    level = getattr(logging, log.level.upper())
    handlers: list[logging.Handler] = []
    if file is not None:
        try:
            to_file = _PrivateFile(
                file, maxBytes=log.max_bytes, backupCount=log.backups, encoding="utf-8"
            )
        except OSError as error:
            raise errors.SetupError(f"cannot write the log {file}: {error.strerror}") from None
        to_file.setFormatter(LineFormatter(process, console=log.format == "console"))
        handlers.append(to_file)
    if stream is not None:
        terminal = stream.isatty()
        to_stream = logging.StreamHandler(stream)
        console = log.format == "console" or (log.format == "auto" and terminal)
        to_stream.setFormatter(LineFormatter(process, console=console, colors=terminal))
        handlers.append(to_stream)
    close()
    root = logging.getLogger()
    root.setLevel(level)
    # structlog's own default prints to standard output, secrets and all
    structlog.configure(
        processors=_processors(),
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    for handler in handlers:
        root.addHandler(handler)
    for name, floor in _QUIET.items():
        logging.getLogger(name).setLevel(max(level, floor))


def close() -> None:
    """Take back what :func:`configure` set up, and close its file."""
    root = logging.getLogger()
    for handler in list(root.handlers):
        if isinstance(handler.formatter, LineFormatter):
            root.removeHandler(handler)
            handler.close()
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.NOTSET)
    structlog.reset_defaults()


class LineFormatter(logging.Formatter):
    """A record, ours or a library's, as one line of JSON or as text for people."""

    def __init__(self, process: str, *, console: bool, colors: bool = False) -> None:
        super().__init__()
        self._process = process
        self._console: structlog.dev.ConsoleRenderer | None = None
        if console:
            self._console = structlog.dev.ConsoleRenderer(
                colors=colors,
                sort_keys=False,
                pad_event_to=0,
                exception_formatter=structlog.dev.plain_traceback,
            )

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        own = getattr(record, "coders", None)
        event = dict(own) if isinstance(own, dict) else self._foreign(record)
        at = datetime.fromtimestamp(record.created, UTC)
        line: EventDict = {
            "timestamp": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "process": self._process,
            "pid": record.process,
            "logger": record.name,
            "event": event.pop("event", ""),
            **event,
        }
        if self._console is None:
            # ASCII, so that file names that are not UTF-8 can be written too
            return json.dumps(line, default=repr)
        for name, value in line.items():
            if isinstance(value, str):
                spelled = _SPELLED_BUT_LINES if name == "exception" else _SPELLED
                line[name] = value.translate(spelled)
        text = str(self._console(logging.getLogger(record.name), record.levelname.lower(), line))
        return text.encode("utf-8", "backslashreplace").decode()

    def _foreign(self, record: logging.LogRecord) -> EventDict:
        # a library's ``extra`` is left out: Celery puts tasks' arguments there
        event: EventDict = {"event": record.getMessage(), **get_contextvars()}
        if record.exc_info:
            event["exception"] = self.formatException(record.exc_info)
        return redact(None, record.levelname, published_keys(None, record.levelname, event))


def published_keys(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Move what is not in :data:`KEYS`, or not the caller's to say, below ``other``."""
    unknown = {n: event.pop(n) for n in list(event) if n not in KEYS or n in _ENVELOPE}
    if unknown:
        event["other"] = {**event.get("other", {}), **unknown}
    return event


def redact(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Hide what is secret by its name or by its look; clip long texts."""
    # our own keys are known not to name secrets
    return {name: _clean(value) for name, value in event.items()}


def _clean(value: Any, depth: int = 0) -> Any:
    if depth > 8:
        return "..."
    if isinstance(value, bytes):
        value = value.decode("utf-8", "backslashreplace")
    if isinstance(value, str):
        if len(value) > MAX_TEXT:
            value = f"{value[:MAX_TEXT]}... ({len(value)} characters)"
        return masking.mask_text(value)
    if isinstance(value, Mapping):
        return {str(name): _named(str(name), item, depth) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(item, depth + 1) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return _clean(repr(value), depth + 1)


def _named(name: str, value: Any, depth: int) -> Any:
    # counts ("input_tokens": 12) and flags are no secrets
    if value is None or isinstance(value, bool | int | float):
        return value
    return masking.HIDDEN if masking.is_secret_name(name) else _clean(value, depth + 1)


def _hand_over(
    _logger: Any, _method: str, event: EventDict
) -> tuple[tuple[str], dict[str, dict[str, EventDict]]]:
    """To the standard library: a text for anybody's handler, the parts for ours."""
    parts = [str(event.get("event", ""))]
    parts += [f"{k}={v!r}" for k, v in event.items() if k not in ("event", "exception")]
    parts += [f"\n{event['exception']}"] if "exception" in event else []
    return (" ".join(parts),), {"extra": {"coders": event}}


class _PrivateFile(RotatingFileHandler):
    """A rotated file that nobody else may read."""

    def _open(self) -> TextIOWrapper:
        descriptor = os.open(
            self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600
        )
        os.fchmod(descriptor, 0o600)
        return os.fdopen(descriptor, "a", encoding="utf-8", errors="backslashreplace")
