"""Records the golden streams of a Claude Code version: ``python tests/support/record_claude.py``.

Runs the real program against the stub in a namespace, one case a file, into
``tests/golden/claude/VERSION/CASE.jsonl``. Needs root and npm, like the tests that do the same.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support import agent_install
from support.model_server import model_server
from support.netns import namespace

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "claude"

#: Case: the prompt, further options, the key's presence.
CASES: dict[str, tuple[str, tuple[str, ...], bool]] = {
    "answer": ("say hi", (), True),
    "tool-call": ("RUN:echo one; echo two", ("--permission-mode=acceptEdits",), True),
    "denied": ("RUN:touch denied", (), True),
    "refused-400": ("FAIL:400", (), True),
    "overloaded-529": ("FAIL:529", (), True),
    "max-turns": ("RUN:echo again", ("--max-turns=1",), True),
    "budget": ("RUN:echo dear", ("--max-budget-usd=0.00001",), True),
    "unknown-command": ("/no-such-command now", (), True),
    "unknown-conversation": (
        "go on",
        ("--resume=00000000-0000-4000-8000-000000000000",),
        True,
    ),
    "not-logged-in": ("say hi", (), False),
}
_ARGV = ("-p", "--output-format", "stream-json", "--verbose")


def main() -> None:
    """Record every case; print how each ended."""
    program = agent_install.install("claude")
    target = GOLDEN / agent_install.DEFAULTS["claude"]
    target.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="claude-golden-") as scratch,
        namespace() as inside,
        model_server(inside, Path(scratch)) as model,
    ):
        home, project = Path(scratch, "home"), Path(scratch, "project")
        home.mkdir()
        project.mkdir()
        for case, (prompt, options, key) in CASES.items():
            env = {
                "HOME": str(home),
                "PATH": "/usr/local/bin:/usr/bin:/bin",
                "LANG": "C.UTF-8",
                "ANTHROPIC_BASE_URL": model.url,
                "CLAUDE_CODE_MAX_RETRIES": "1",
                "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
                "DISABLE_AUTOUPDATER": "1",
            }
            if key:
                env["ANTHROPIC_API_KEY"] = "sk-ant-stub-not-a-real-key-0123456789abcdef"
            done = subprocess.run(
                inside.argv([str(program), *_ARGV, *options]),
                input=prompt.encode(),
                env=env,
                cwd=project,
                capture_output=True,
                timeout=120,
            )
            # project paths are also spelled with dashes, in the names of its folders
            slug = scratch.replace("/", "-").replace("_", "-")
            shown = done.stdout.replace(scratch.encode(), b"/tmp/person")
            shown = shown.replace(slug.encode(), b"-tmp-person")
            (target / f"{case}.jsonl").write_bytes(shown)
            print(json.dumps({"case": case, "exit": done.returncode, "bytes": len(shown)}))


if __name__ == "__main__":
    main()
