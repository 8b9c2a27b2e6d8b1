"""``coders service install|remove|show``, the host side: answers in JSON."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence

from coders_queue.settings.paths import Paths
from coders_queue.settings.schema import Settings
from coders_workers.service.install import Manager, Service, run_command


def run(_settings: Settings, paths: Paths, _broker_url: str, words: Sequence[str]) -> int:
    """Do it and print the answer. Raises a CodersError that says what is wrong."""
    parser = argparse.ArgumentParser(prog="coders service", allow_abbrev=False)
    parser.add_argument("action", choices=("install", "remove", "show"))
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--system", action="store_true")
    which.add_argument("--launchd", action="store_true")
    options = parser.parse_args(words)
    manager: Manager = "systemd"
    if options.launchd:
        manager = "launchd"
    elif options.system:
        manager = "systemd --system"
    service = Service(manager, paths, dict(os.environ))
    if options.action == "show":
        answer = service.show()
    elif options.action == "install":
        answer = service.install(run_command)
    else:
        answer = service.remove(run_command)
    print(json.dumps(answer))
    return 0
