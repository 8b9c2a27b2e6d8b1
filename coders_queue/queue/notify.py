"""Telling people, through the library ``apprise``, which is an extra of its own."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from coders_queue.queue.rule_jobs import ActionFailed

#: How to get it.
INSTALL = "pip install 'coders-queue[notify]'"


def library() -> Any | None:
    """The library, or None where it is not installed."""
    try:
        return import_module("apprise")
    except ImportError:
        return None


def tell(to: Sequence[str], title: str, body: str) -> None:
    """Tell them, all of them again when one was not reached. Raises ActionFailed."""
    apprise = library()
    if apprise is None:
        raise ActionFailed(
            f"notify needs apprise on the control worker's machine: {INSTALL}",
            final=True,
            kind="no-apprise",
        )
    # it logs whole addresses that it does not know
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
    people = apprise.Apprise()
    wrong = [number for number, one in enumerate(to) if not people.add(one)]
    if wrong:
        raise ActionFailed(
            f"notify.to.{wrong[0]} is no address that apprise knows", final=True, kind="address"
        )
    if not people.notify(title=title, body=body):
        raise ActionFailed("apprise could not tell all of them", kind="not-told")
