"""The public surface: what `coders_queue` exports, and what importing it costs."""

from __future__ import annotations

import subprocess
import sys

import coders_queue


def test_exported_names() -> None:
    """The public names are these and no others; each one loads."""
    assert coders_queue.__all__ == [
        "Coders",
        "CodersError",
        "FlowHandle",
        "Outcome",
        "SessionHandle",
        "SessionSpec",
        "State",
        "__version__",
    ]
    for name in coders_queue.__all__:
        assert getattr(coders_queue, name) is not None


def test_models_never_load_celery() -> None:
    """Importing the package, a model or the store's contract leaves Celery and Redis out."""
    script = (
        "import sys, coders_queue, coders_queue.models.record, coders_queue.store.base;"
        "print([name for name in ('celery', 'kombu', 'redis') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"


def test_no_module_called_workers() -> None:
    """The distribution brings no top-level module of the bare name `workers`."""
    script = (
        "import importlib.metadata as m;"
        "print(sorted({str(f).split('/')[0] for f in m.files('coders-queue') or []}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert "'workers'" not in done.stdout
