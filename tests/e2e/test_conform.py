"""``coders agents conform`` on the real agents, at the versions that the tests use."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from coders_queue.agents import registry
from coders_workers.conformance.wiring import known
from support import agent_install, netns

pytestmark = [pytest.mark.agents, pytest.mark.tmux, pytest.mark.timeout(900)]


#: The one that is driven whole in every run; the others' sessions have tests of their own.
SHORT = "claude"


@pytest.mark.parametrize(
    "tool",
    [
        pytest.param(name, marks=() if name == SHORT else pytest.mark.long)
        for name in known()
        if name in registry.names()
    ],
)
def test_an_agent_conforms(tool: str, tmp_path: Path) -> None:
    """Nothing of what the suite claims of an agent is untrue of the version that is tested."""
    reason = netns.why_not()
    if reason is not None:
        pytest.skip(reason)
    try:
        program = agent_install.install(tool)
    except agent_install.NotInstallable as error:
        pytest.skip(str(error))
    with tempfile.TemporaryDirectory(prefix="coders-") as state:
        environ = {
            "HOME": str(tmp_path),
            "PATH": f"{program.parent}:{os.environ['PATH']}",
            "CODERS_STATE_DIR": f"{state}/s",
            "TMPDIR": state,
        }
        asked = f"{tool}@{agent_install.DEFAULTS[tool]}"
        argv = [sys.executable, "-P", "-m", "coders_workers", "conform", asked, "--json"]
        done = subprocess.run(argv, env=environ, capture_output=True, text=True, timeout=800)
    assert done.returncode in (0, 7), done.stderr
    report = json.loads(done.stdout)
    wrong = [row for row in report["rows"] if row["verdict"] == "does not"]
    assert wrong == []
    assert report["isolated"] == "loopback only"
    assert sum(row["verdict"] == "holds" for row in report["rows"]) >= 18
