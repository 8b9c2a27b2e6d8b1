"""What the Python API makes of a request before it is sent anywhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from coders_queue import errors
from coders_queue.client.client import Coders
from coders_queue.models.spec import DirectoryWorkspace


@pytest.mark.parametrize(
    ("cwd", "expected"), [(None, "{here}"), ("sub", "{here}/sub"), ("/a/../b", "/a/../b")]
)
def test_a_directory_is_the_callers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cwd: str | None, expected: str
) -> None:
    """A relative directory is one of the caller's, not of the worker's."""
    monkeypatch.chdir(tmp_path)
    with Coders(state_dir=tmp_path, start=False) as coders:
        spec = coders._spec("shell", None, cwd, {"argv": ["true"]})
    assert isinstance(spec.workspace, DirectoryWorkspace)
    assert spec.workspace.path == expected.format(here=tmp_path)


def test_a_relative_workspace_is_refused(tmp_path: Path) -> None:
    """A path that would be looked for wherever the worker stands is the caller's mistake."""
    with Coders(state_dir=tmp_path, start=False) as coders:
        for workspace in (
            {"type": "directory", "path": "sub"},
            {"type": "worktree", "repository": "."},
        ):
            with pytest.raises(errors.UsageError, match="not an absolute path"):
                coders._spec("shell", None, None, {"argv": ["true"], "workspace": workspace})
