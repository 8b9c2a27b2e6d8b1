"""Log lines: their form, their place, their correlation, and the secrets they do not have."""

from __future__ import annotations

import io
import json
import logging
import os
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from structlog.contextvars import clear_contextvars

from coders_queue import errors, structured_log
from coders_queue.settings.schema import LogSettings
from coders_queue.structured_log import KEYS, bind_correlation, get_logger

_EARLY = structlog.get_logger("early")
Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture(autouse=True)
def _untouched() -> Iterator[None]:
    """Leave the process's logging as it was."""
    level = logging.getLogger().level
    clear_contextvars()  # a test before may have done a session's work on this thread
    yield
    clear_contextvars()
    structured_log.close()
    logging.getLogger().setLevel(level)


@pytest.fixture
def lines() -> Lines:
    """JSON lines to a stream; give back those written since the last call."""
    stream = io.StringIO()
    structured_log.configure(LogSettings(level="debug"), process="test", stream=stream)

    def take() -> list[dict[str, Any]]:
        text = stream.getvalue()
        stream.seek(0)
        stream.truncate()
        return [json.loads(line) for line in text.splitlines()]

    return take


def test_a_line_has_published_keys_only(lines: Lines) -> None:
    """What is not in the list goes below ``other``, so that programs can rely on the rest."""
    get_logger("a.b").info("session started", session="s1", colour="red", pid=-1, other={"x": 1})
    (line,) = lines()
    assert set(line) <= set(KEYS)
    assert line["event"] == "session started"
    assert line["session"] == "s1"
    assert line["other"] == {"x": 1, "colour": "red", "pid": -1}
    assert line["pid"] == os.getpid()
    assert line["logger"] == "a.b"
    assert line["process"] == "test"
    assert line["level"] == "info"
    assert line["timestamp"].endswith("Z")


def test_libraries_take_the_same_way(lines: Lines) -> None:
    """A line of the standard library's logging looks like ours; its ``extra`` is left out."""
    with bind_correlation("c1"):
        logging.getLogger("celery.worker").warning("lost %s", "x", extra={"data": "hunter2"})
    (line,) = lines()
    assert line["event"] == "lost x"
    assert line["logger"] == "celery.worker"
    assert line["correlation"] == "c1"
    assert "hunter2" not in json.dumps(line)


def test_the_correlation_holds_for_what_is_within(lines: Lines) -> None:
    """It is on each line inside, of that thread only, and gone afterwards."""
    log = get_logger("x")
    assert structured_log.correlation() is None
    with bind_correlation("c1", session="s1"):
        log.info("one")
        with bind_correlation("c2"):
            log.info("two", attempt=1)
        assert structured_log.correlation() == "c1"
        thread = threading.Thread(target=lambda: log.info("other thread"))
        thread.start()
        thread.join(10)
    log.info("after")
    one, two, other, after = lines()
    assert (one["correlation"], one["session"]) == ("c1", "s1")
    assert (two["correlation"], two["session"], two["attempt"]) == ("c2", "s1", 1)
    assert "correlation" not in other
    assert "correlation" not in after


def test_secrets_are_hidden_wherever_they_stand(lines: Lines) -> None:
    """In a text, under a name at any depth, in a traceback, in bytes, in a library's line."""
    log = get_logger("x")
    log.info("to redis://:hunter2@h", broker="redis://u:hunter2@h/0")
    log.info(
        "e", api_key="hunter2", deep=[{"Authorization": "hunter2"}], env={"MY_TOKEN": b"hunter2"}
    )
    log.info("e", reason=b"password=hunter2", what={"cookies": ["hunter2"]})
    try:
        local = "hunter2"
        raise ValueError(f"secret={local}")
    except ValueError:
        log.exception("failed")
        logging.getLogger("lib").exception("token=hunter2")
    written = lines()
    assert len(written) == 5
    assert "hunter2" not in json.dumps(written)
    assert all("Traceback" in line["exception"] for line in written[3:])


def test_plain_structlog_loggers_take_the_same_way(lines: Lines) -> None:
    """Also those made before logging was configured; none prints to standard output."""
    structlog.get_logger("plain").warning("e", session="s1", token="hunter2")
    _EARLY.warning("e", session="s1", token="hunter2")
    for line, name in zip(lines(), ("plain", "early"), strict=True):
        assert (line["logger"], line["session"]) == (name, "s1")
        assert line["other"] == {"token": "***"}


def test_counts_are_no_secrets(lines: Lines) -> None:
    """Numbers under a name like ``input_tokens`` stay readable."""
    get_logger("x").info("used", input_tokens=12, has_key=True)
    assert lines()[0]["other"] == {"input_tokens": 12, "has_key": True}


@given(value=st.recursive(st.none() | st.floats() | st.text() | st.binary(), st.lists))
def test_any_value_can_be_logged(value: object) -> None:
    """Lone surrogates, deep lists, bytes: always one line of JSON."""
    stream = io.StringIO()
    structured_log.configure(LogSettings(), process="test", stream=stream)
    get_logger("x").info("e", value=value, text="\udc80\n\x1b[31m")
    structured_log.close()
    (line,) = stream.getvalue().splitlines()
    assert json.loads(line)["event"] == "e"


def test_a_text_is_clipped(lines: Lines) -> None:
    """An agent's megabyte of output does not fill the log."""
    get_logger("x").info("e", reason="a" * 1_000_000)
    assert len(lines()[0]["reason"]) < structured_log.MAX_TEXT + 100


def test_the_console_shows_no_control_characters(tmp_path: Path) -> None:
    """A logged text can neither steer the reader's terminal nor feign a second line."""
    stream = io.StringIO()
    structured_log.configure(LogSettings(format="console"), process="test", stream=stream)
    get_logger("x").info("start\x1b[2J\nfeigned", reason="a\x07\r\nb")
    logging.getLogger("y").error("lib\nfeigned")
    try:
        raise ValueError("boom")
    except ValueError:
        get_logger("x").exception("failed")
    text = stream.getvalue()
    first, second, third, *traceback = text.splitlines()
    assert not any(c in text for c in "\x1b\x07\r")
    assert "start" in first
    assert "feigned" in first
    assert "lib" in second
    assert "failed" in third
    assert any("ValueError: boom" in line for line in traceback)


def test_auto_is_console_on_a_terminal_only() -> None:
    """Elsewhere programs read it."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal, pipe = Terminal(), io.StringIO()
    for stream in (terminal, pipe):
        structured_log.configure(LogSettings(), process="test", stream=stream)
        get_logger("x").info("hello")
    assert not terminal.getvalue().startswith("{")
    assert json.loads(pipe.getvalue())["event"] == "hello"


def test_the_level_holds_for_all(lines: Lines) -> None:
    """Less important lines are dropped; libraries that show data stay quiet even at debug."""
    logging.getLogger("kombu.transport").debug("body: ...")
    logging.getLogger("celery.app.trace").info("returned ...")
    logging.getLogger("celery.worker").debug("kept")
    assert [line["event"] for line in lines()] == ["kept"]
    stream = io.StringIO()
    structured_log.configure(LogSettings(level="error"), process="test", stream=stream)
    get_logger("x").warning("no")
    logging.getLogger("celery.app.trace").warning("no")
    get_logger("x").error("yes")
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["yes"]


def test_a_second_configure_replaces_the_first(lines: Lines) -> None:
    """No line is written twice."""
    stream = io.StringIO()
    structured_log.configure(LogSettings(), process="again", stream=stream)
    get_logger("x").info("e")
    assert lines() == []
    assert len(stream.getvalue().splitlines()) == 1


def test_the_file_is_private_and_rotated(tmp_path: Path) -> None:
    """Also when a file was there with another mode; no more backups than asked for are kept."""
    file = tmp_path / "worker.log"
    file.write_text("")
    file.chmod(0o644)
    structured_log.configure(LogSettings(max_bytes=1024, backups=2), process="worker", file=file)
    for number in range(50):
        get_logger("x").info("e", count=number)
    structured_log.close()
    found = sorted(tmp_path.iterdir())
    assert [f.name for f in found] == ["worker.log", "worker.log.1", "worker.log.2"]
    for each in found:
        assert stat.S_IMODE(each.stat().st_mode) == 0o600
        assert each.stat().st_size <= 1024
    assert json.loads(file.read_text().splitlines()[-1])["count"] == 49


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """In one line, and what was configured before stays."""
    stream = io.StringIO()
    structured_log.configure(LogSettings(), process="test", stream=stream)
    with pytest.raises(errors.SetupError, match="cannot write the log"):
        structured_log.configure(LogSettings(), process="test", file=tmp_path / "no" / "x.log")
    get_logger("x").info("still here")
    assert "still here" in stream.getvalue()


def test_unconfigured_lines_are_for_the_application(caplog: pytest.LogCaptureFixture) -> None:
    """Used as a library, we log readable text through its handlers, secrets hidden all the same."""
    with caplog.at_level("INFO"):
        get_logger("x").info("session started", session="s1", api_token="hunter2")
    (record,) = caplog.records
    assert record.getMessage() == "session started session='s1' other={'api_token': '***'}"
