"""How each tool's user is known to its model service: which variables and files say so.

Names alone: nothing here reads a value. A tool that is not listed is not looked into.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True)
class Login:
    """Where a login or a key can be."""

    env: tuple[str, ...]
    """Shell patterns of variables that hold one, or say that another service is used."""
    files: tuple[str, ...]
    """Files that hold one; ``~`` is the home directory, ``$NAME`` at the start a variable's value,
    without which the file is not looked for."""
    how: str
    """What to do to log in."""

    def variables(self, environ: Mapping[str, str]) -> list[str]:
        """Names of those that are set."""
        return sorted(
            name
            for name, value in environ.items()
            if value and any(fnmatchcase(name, pattern) for pattern in self.env)
        )

    def places(self, environ: Mapping[str, str], home: str) -> list[str]:
        """The files' absolute paths, by that environment."""
        found = []
        for file in self.files:
            head, _, rest = file.partition("/")
            base = home if head == "~" else environ.get(head.removeprefix("$"), "")
            if base:
                found.append(f"{base}/{rest}")
        return found


_ANY_KEY = ("*_API_KEY",)

LOGINS: Mapping[str, Login] = {
    "claude": Login(
        env=(
            *("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"),
            *("CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX", "CLAUDE_CODE_USE_FOUNDRY"),
        ),
        files=("$CLAUDE_CONFIG_DIR/.credentials.json", "~/.claude/.credentials.json"),
        how="claude, then /login; or set ANTHROPIC_API_KEY",
    ),
    "codex": Login(
        env=("OPENAI_API_KEY", "CODEX_API_KEY"),
        files=("$CODEX_HOME/auth.json", "~/.codex/auth.json"),
        how="codex login; or set CODEX_API_KEY",
    ),
    "gemini": Login(
        env=("GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_GENAI_USE_VERTEXAI"),
        files=("~/.gemini/oauth_creds.json",),
        how="gemini, then /auth; or set GEMINI_API_KEY",
    ),
    "opencode": Login(
        env=_ANY_KEY,
        files=("$XDG_DATA_HOME/opencode/auth.json", "~/.local/share/opencode/auth.json"),
        how="opencode auth login; or set your provider's key",
    ),
    "qwen": Login(
        env=("OPENAI_API_KEY", "DASHSCOPE_API_KEY", "BAILIAN_CODING_PLAN_API_KEY"),
        files=("~/.qwen/oauth_creds.json",),
        how="qwen, then /auth; or set OPENAI_API_KEY",
    ),
}
