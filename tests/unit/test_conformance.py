"""The parts of the conformance suite that need no agent: rows, wiring, isolation."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from coders_queue import errors
from coders_queue.agents import registry
from coders_workers.conformance.row import Row, Rows
from coders_workers.conformance.wiring import API_KEY, known, wiring

_ISOLATED = """
import json, socket
from coders_workers.conformance.isolation import isolate
reason = isolate()
with socket.socket() as listening:
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    with socket.create_connection(listening.getsockname(), 5):
        pass
print(json.dumps([reason, [name for _, name in socket.if_nameindex()]]))
"""


def test_rows_are_told_as_they_come_in_one_line_each() -> None:
    """Whatever a tool prints into the evidence."""
    told: list[Row] = []
    rows = Rows(told.append)
    rows.check("a", True, "fine")
    rows.check("b", False, "two\nlines \x1b[31mred\x07" + "x" * 1000)
    rows.not_offered("c", "none")
    assert told == rows.all
    assert [row.verdict for row in told] == ["holds", "does not", "not offered"]
    assert told[1].evidence.startswith("two lines redxxx")
    assert len(told[1].evidence) <= 300


def test_what_ends_a_check_early_speaks_against_all_that_it_was_to_find() -> None:
    """But for what it had found before."""
    rows = Rows()
    with rows.about("first", "second", "third"):
        rows.check("first", True, "fine")
        raise errors.SpawnError("no program", "install it")
    assert [(row.claim, row.verdict) for row in rows.all] == [
        ("first", "holds"),
        ("second", "does not"),
        ("third", "does not"),
    ]
    assert "no program" in rows.all[1].evidence


@pytest.mark.parametrize("tool", known())
def test_a_tool_is_pointed_at_the_stub_and_nowhere_else(tool: str, tmp_path: Path) -> None:
    """By variables and private files that the tool can parse."""
    env = wiring(tool, "http://127.0.0.1:1234").settle(tmp_path)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    texts = [path.read_text() for path in files]
    assert any("http://127.0.0.1:1234" in text for text in (*env.values(), *texts))
    assert any(API_KEY in text for text in (*env.values(), *texts))
    assert env["HOME"] == str(tmp_path)
    for path in files:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        (tomllib.loads if path.suffix == ".toml" else json.loads)(path.read_text())


def test_every_tool_that_can_be_installed_can_be_driven() -> None:
    """A new adapter with a package needs its wiring, too."""
    installable = {name for name in registry.names() if registry.get(name).package}
    assert installable <= set(known())


def test_a_tool_without_wiring_is_refused_by_name() -> None:
    """With those that there are."""
    with pytest.raises(errors.UsageError, match="shell") as refused:
        wiring("shell", "http://127.0.0.1:1")
    assert "claude" in str(refused.value.hint)


def test_isolated_a_process_has_loopback_alone() -> None:
    """As root; otherwise it is told why not, and loopback works in either case."""
    argv = [sys.executable, "-c", _ISOLATED]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True)
    reason, devices = json.loads(done.stdout)
    if os.geteuid() != 0:
        assert "root" in reason
    elif reason is None:
        assert devices == ["lo"]
    else:
        assert "unshare" in reason  # a container may forbid it
