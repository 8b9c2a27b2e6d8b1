"""A stand-in for npm with a registry of its own: it answers, fails and breaks off as a test says.

The registry and the faults lie in ``npm.json`` beside the program; what was asked, in ``npm.log``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

PACKAGE = "@anthropic-ai/claude-code"

_PROGRAM = r"""#!PYTHON -S
import json, os, signal, sys, time
here = os.path.dirname(os.path.abspath(__file__))
with open(here + "/npm.log", "a") as log:
    log.write(json.dumps(sys.argv[1:]) + "\n")
with open(here + "/npm.json") as file:
    told = json.load(file)
fault = told["fault"]

def fail(code, summary):
    print(json.dumps({"error": {"code": code, "summary": summary, "detail": ""}}))
    print("npm error A complete log of this run can be found in: /x", file=sys.stderr)
    sys.exit(1)

verb, rest = sys.argv[1], [word for word in sys.argv[2:] if not word.startswith("--")]
if fault == "offline":
    fail("ENOTFOUND", "request to https://registry.npmjs.org failed")
package, at, version = rest[0].rpartition("@")
if verb == "view" and not package:
    print(json.dumps(list(told["versions"])))
    sys.exit(0)
if version not in told["versions"]:
    fail("E404", "No match found for version " + version)
digest = told["versions"][version]
if verb == "view":
    print(json.dumps({"name": package, "version": version, "dist.integrity": digest,
                      "dist.tarball": "https://registry.npmjs.org/x.tgz"}))
    sys.exit(0)
prefix = next(w for w in sys.argv if w.startswith("--prefix="))[len("--prefix="):]
os.makedirs(prefix + "/node_modules/.bin")
program = prefix + "/node_modules/.bin/claude"
if fault == "killed":
    open(program, "w").write("half of i")
    os.kill(os.getpid(), signal.SIGKILL)
if fault == "hangs":
    open(program, "w").write("half of i")
    time.sleep(600)
if fault in ("ENOSPC", "EINTEGRITY", "EACCES"):
    fail(fault, "as the test wants")
time.sleep(told["seconds"])
with open(program, "w") as file:
    file.write(told["program"].replace("VERSION", told["says"] or version))
os.chmod(program, 0o755)
lock = {"packages": {"node_modules/" + package: {"version": version, "integrity":
        "sha512-other" if fault == "tampered" else digest}}}
with open(prefix + "/package-lock.json", "w") as file:
    json.dump(lock, file)
print("{}")
"""

#: What is installed: it says its version, and nothing else.
CLAUDE = '#!/bin/sh\ncase "$1" in --version) echo "VERSION (Claude Code)";; *) BODY;; esac\n'


class FakeNpm:
    """The program, its registry and its faults."""

    def __init__(self, directory: Path, versions: tuple[str, ...], body: str = "exit 3") -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.program = directory / "npm"
        self.program.write_text(_PROGRAM.replace("PYTHON", sys.executable))
        self.program.chmod(0o755)
        self._told: dict[str, Any] = {
            "versions": {version: f"sha512-{version}" for version in versions},
            "fault": None,
            "says": None,
            "seconds": 0,
            "program": CLAUDE.replace("BODY", body),
        }
        self.set()

    def set(self, **changes: Any) -> None:
        """Behave otherwise: ``fault``, ``says`` (a version), ``seconds``, ``program``."""
        self._told |= changes
        self.program.with_name("npm.json").write_text(json.dumps(self._told))

    def calls(self, verb: str) -> int:
        """How often it was asked for that."""
        log = self.program.with_name("npm.log")
        lines = log.read_text().splitlines() if log.exists() else []
        return sum(json.loads(line)[0] == verb for line in lines)
