"""How each CLI is pointed at the model stub: as a user of it would who has a service of their own.

Environment variables and configuration files of that user, no more: to get past a tool's first
start is the adapter's business. Retries and timeouts are cut short, so that a failure shows soon.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from coders_queue import errors

#: Of no worth anywhere; as long as a real one, since tools shorten what they show of it.
API_KEY = "sk-ant-stub-not-a-real-key-0123456789abcdef"
MODEL = "stub-model"
_PATIENCE_MS = 8000


@dataclass(frozen=True)
class Wiring:
    """What a user's environment and home hold."""

    env: dict[str, str]
    files: dict[str, str] = field(default_factory=dict)
    """Contents by path, relative to the home directory."""

    def settle(self, home: Path) -> dict[str, str]:
        """Write the files below ``home``; returns the whole environment of such a user."""
        for name, content in self.files.items():
            path = home / name
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.touch(mode=0o600)
            path.write_text(content)
        return {"HOME": str(home), "LANG": "C.UTF-8", **self.env}


def wiring(tool: str, url: str) -> Wiring:
    """For a tool's name and the stub's address. Raises UsageError for an unknown one."""
    make = _TOOLS.get(tool)
    if make is None:
        raise errors.UsageError(
            f"the conformance suite cannot point {tool} at its model stub",
            f"it knows {', '.join(sorted(_TOOLS))}",
        )
    return make(url)


def known() -> tuple[str, ...]:
    """The tools that can be wired."""
    return tuple(sorted(_TOOLS))


def _claude(url: str) -> Wiring:
    env = {
        "ANTHROPIC_BASE_URL": url,
        "ANTHROPIC_API_KEY": API_KEY,
        "CLAUDE_CODE_MAX_RETRIES": "1",
        "API_TIMEOUT_MS": str(_PATIENCE_MS),
    }
    return Wiring(env)


def _codex(url: str) -> Wiring:
    config = f"""\
model = "{MODEL}"
model_provider = "stub"

[model_providers.stub]
name = "stub"
base_url = "{url}/v1"
env_key = "OPENAI_API_KEY"
wire_api = "responses"
request_max_retries = 1
stream_max_retries = 1
stream_idle_timeout_ms = {_PATIENCE_MS}
"""
    return Wiring({"OPENAI_API_KEY": API_KEY}, {".codex/config.toml": config})


def _gemini(url: str) -> Wiring:
    settings = {
        "general": {"maxAttempts": 2},
        "privacy": {"usageStatisticsEnabled": False},
    }
    env = {
        "GOOGLE_GEMINI_BASE_URL": url,
        "GEMINI_API_KEY": API_KEY,
        # else another model is asked first which one to take, ten times over when it fails
        "GEMINI_MODEL": "gemini-2.5-flash",
    }
    return Wiring(env, {".gemini/settings.json": json.dumps(settings)})


def _opencode(url: str) -> Wiring:
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "name": "Stub",
        "options": {"baseURL": f"{url}/v1", "apiKey": API_KEY, "timeout": _PATIENCE_MS},
        "models": {MODEL: {"name": "Stub"}},
    }
    config = {"model": f"stub/{MODEL}", "provider": {"stub": provider}}
    return Wiring({"OPENCODE_CONFIG_CONTENT": json.dumps(config)})


def _qwen(url: str) -> Wiring:
    patience = {"timeout": _PATIENCE_MS, "maxRetries": 1}
    settings = {
        "model": {"generationConfig": patience},
        "privacy": {"usageStatisticsEnabled": False},
    }
    env = {"OPENAI_BASE_URL": f"{url}/v1", "OPENAI_API_KEY": API_KEY, "OPENAI_MODEL": MODEL}
    return Wiring(env, {".qwen/settings.json": json.dumps(settings)})


_TOOLS: dict[str, Callable[[str], Wiring]] = {
    "claude": _claude,
    "codex": _codex,
    "gemini": _gemini,
    "opencode": _opencode,
    "qwen": _qwen,
}
