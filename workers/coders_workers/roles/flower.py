"""Flower, in the foreground, on the queue's broker."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click
from celery.bin.base import CLIContext
from celery.bin.celery import celery
from flower.command import flower

from coders_queue.queue.app import make_app
from coders_queue.settings.paths import Paths
from coders_queue.settings.schema import Settings
from coders_queue.store.open import open_configured

#: Where Flower listens unless told otherwise: it has no password of its own.
_DEFAULTS = ("--address=127.0.0.1", "--port=5555")


def _own_config(paths: Paths) -> tuple[str, ...]:
    """Flower runs the ``flowerconfig.py`` it is given; by default that of the current directory,
    which may be somebody else's repository. Here it is that of the state directory, or none."""
    own = paths.state / "flowerconfig.py"
    return (f"--conf={own if own.exists() else os.devnull}",)


def run(settings: Settings, paths: Paths, broker_url: str, arguments: Sequence[str]) -> int:
    """Run Flower until it is told to stop. ``arguments`` are Flower's own."""
    app = make_app(settings, broker_url, open_configured(broker_url, settings))
    sys.argv = ["flower"]  # it reads its name there
    context = CLIContext(app=app, no_color=True, workdir=None, quiet=False)
    flower.main(
        args=[*_DEFAULTS, *_own_config(paths), *arguments],
        # it asks the command above it, which it takes to be `celery`, for that one's options
        parent=click.Context(celery, obj=context),
        standalone_mode=False,
    )
    return 0
