"""The launchd job."""

from __future__ import annotations

import plistlib
from collections.abc import Mapping, Sequence
from pathlib import Path

#: The job's name, and the file's without its ending.
LABEL = "org.coders.coders"


def job(argv: Sequence[str], environ: Mapping[str, str], log: Path) -> str:
    """The property list's text."""
    return plistlib.dumps(
        {
            "Label": LABEL,
            "ProgramArguments": list(argv),
            "EnvironmentVariables": dict(environ),
            "RunAtLoad": True,
            # started again unless it ended because it was told to
            "KeepAlive": {"SuccessfulExit": False},
            # agents and their terminals outlive the job
            "AbandonProcessGroup": True,
            "ProcessType": "Interactive",
            "StandardOutPath": str(log),
            "StandardErrorPath": str(log),
        },
        sort_keys=False,
    ).decode()
