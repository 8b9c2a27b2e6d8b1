"""The fast path stays fast: it loads the standard library and little of ours."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from support.fake_host import FakeHost

pytest_plugins = ("support.host_fixtures",)

_HEAVY = (
    *("pydantic", "pydantic_core", "celery", "kombu", "redis", "rich", "structlog", "yaml"),
    *("argcomplete", "click", "libtmux", "asyncio", "subprocess", "difflib", "coders_workers"),
)
_SCRIPT = """
import json, sys
from coders_queue.cli.main import main
code = main(sys.argv[1:])
print(json.dumps({"code": code, "modules": sorted(sys.modules)}), file=sys.stderr)
"""


@pytest.mark.parametrize(
    "words",
    [
        ["spawn", "shell", "--json", "--", "true"],
        ["run", "shell", "--json", "--", "true"],
        ["run", "shell", "--", "true"],
        ["ls"],
        ["ls", "--json"],
        ["wait", "fix", "--json"],
        ["result", "fix", "--json"],
        ["status", "--json"],
        ["version"],
    ],
    ids=" ".join,
)
def test_nothing_heavy_is_loaded(words: list[str], fake_host: FakeHost) -> None:
    """No data model, broker client or terminal library on the way to the host's socket."""
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT, *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    told = json.loads(done.stderr.splitlines()[-1])
    assert told["code"] == 0
    assert not set(_HEAVY) & set(told["modules"])
    ours = [name for name in told["modules"] if name.startswith("coders_queue.cli.commands.")]
    assert ours == [f"coders_queue.cli.commands.{words[0]}"]
