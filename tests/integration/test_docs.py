"""The documentation does what it says: its commands and its Python run, on a stack of their own.

Of each page, every line that starts with ``$ `` or ``> `` in a block of ``console`` and every
block of ``python`` runs, in order, in one shell and one directory: a git repository with the demo's
files. A block below ``<!-- not run: reason -->`` is left out; ``NOT_RUN`` lists them all.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from support.local_stack import LocalStack

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    str(path.relative_to(ROOT))
    for path in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md"))
    if "docs/demo/" not in str(path)
)
#: How many blocks of a page are not run. Each has its reason on the page.
NOT_RUN = {
    "README.md": 2,
    "docs/how-to/add-an-agent.md": 1,
    "docs/how-to/answer-what-agents-ask.md": 2,
    "docs/how-to/deal-with-stuck-agents.md": 3,
    "docs/how-to/keep-agents-running.md": 1,
    "docs/how-to/let-an-agent-report.md": 1,
    "docs/how-to/pin-agent-versions.md": 2,
    "docs/how-to/run-as-a-service.md": 4,
    "docs/how-to/run-in-a-worktree.md": 1,
    "docs/how-to/share-what-agents-know.md": 1,
    "docs/how-to/talk-to-an-agent.md": 5,
    "docs/how-to/try-a-new-agent-version.md": 2,
    "docs/how-to/watch-with-flower.md": 1,
    "docs/tutorial/first-session.md": 3,
}

_BLOCK = re.compile(
    r"(?:^<!-- not run: (?P<reason>[^\n]+) -->\n)?^```(?P<kind>\w+)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_END = "the page has run to its end"
_LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)")

pytestmark = [pytest.mark.broker, pytest.mark.tmux, pytest.mark.timeout(300)]


@dataclass(frozen=True)
class Block:
    """A fenced block that claims to be runnable."""

    kind: str
    text: str
    reason: str | None

    def script(self, number: int) -> str:
        """Lines of bash."""
        if self.kind == "python":
            file = f"block{number}.py"
            return f"cat > {file} <<'END OF BLOCK'\n{self.text}END OF BLOCK\npython {file}"
        lines = self.text.splitlines()
        return "\n".join(line[2:] for line in lines if line.startswith(("$ ", "> ")) or line == ">")


def blocks(page: str) -> list[Block]:
    """The runnable blocks of a page."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return [
        Block(match["kind"], match["text"], match["reason"])
        for match in _BLOCK.finditer(text)
        if match["kind"] in ("console", "python")
    ]


@pytest.fixture
def room() -> Iterator[Path]:
    """A short path for sockets, and nothing left running in it."""
    directory = Path(tempfile.mkdtemp(prefix="cq-docs-"))
    yield directory
    LocalStack(directory / "state").close()
    shutil.rmtree(directory, ignore_errors=True)


def _environment(room: Path, redis_url: str) -> dict[str, str]:
    (room / "home").mkdir()
    (room / "home" / ".gitconfig").write_text("[user]\nname = Ada\nemail = ada@example.invalid\n")
    return {
        "HOME": str(room / "home"),
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "CODERS_STATE_DIR": str(room / "state"),
        "REDIS_URL": redis_url,
    }


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)])
def test_a_page_runs(page: str, room: Path, own_redis_server: Any) -> None:
    """Every command and program of the page ends with status 0."""
    runnable = [block for block in blocks(page) if block.reason is None]
    shop = room / "shop"
    shutil.copytree(ROOT / "docs" / "demo", shop)
    script = "\n".join(block.script(number) for number, block in enumerate(runnable))
    (room / "page.sh").write_text(
        "set -eo pipefail\n"
        "trap 'echo \"*** failed: $BASH_COMMAND\"' ERR\n"
        "git init -q -b main . && git add -A && git commit -q -m begin\n"
        + script
        + f"\necho {_END}\n"
    )
    done = subprocess.run(
        ["bash", str(room / "page.sh")],
        cwd=shop,
        env=_environment(room, own_redis_server.url),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, f"{page}:\n{done.stdout}"
    # an open quote or here-document would swallow the rest of the page
    assert done.stdout.endswith(f"{_END}\n"), f"{page}:\n{done.stdout}"


def test_what_is_not_run_is_listed() -> None:
    """A block is left out only where this file says so."""
    found = {page: sum(block.reason is not None for block in blocks(page)) for page in PAGES}
    assert {page: count for page, count in found.items() if count} == NOT_RUN


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    """Each relative link names a file of the repository."""
    text = (ROOT / page).read_text(encoding="utf-8")
    gone = [
        link for link in _LINK.findall(text) if not (ROOT / page).parent.joinpath(link).exists()
    ]
    assert not gone


def test_the_index_names_every_page() -> None:
    """A page that nobody finds is no page."""
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    pages = [page.removeprefix("docs/") for page in PAGES if page.startswith("docs/")]
    assert [page for page in pages if page != "README.md" and f"({page})" not in index] == []
