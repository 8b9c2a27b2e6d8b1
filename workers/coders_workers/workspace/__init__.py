"""Workspaces: the directory a session runs in, made before it starts and judged after it ended.

``prepare`` gives a :class:`Prepared`; ``remember`` and ``recall`` carry it over a worker's restart;
``conclude`` says what the agent left and removes a worktree in which nothing would be lost.
"""

from coders_workers.workspace.end import conclude
from coders_workers.workspace.journal import Noted, notes
from coders_workers.workspace.keep import why_kept
from coders_workers.workspace.prepared import Prepared, forget_shared, recall, remember
from coders_workers.workspace.start import prepare
from coders_workers.workspace.worktree import check_worktree, forget

__all__ = [
    "Noted",
    "Prepared",
    "check_worktree",
    "conclude",
    "forget",
    "forget_shared",
    "notes",
    "prepare",
    "recall",
    "remember",
    "why_kept",
]
