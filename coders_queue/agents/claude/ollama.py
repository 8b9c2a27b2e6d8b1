"""Claude Code on a model of Ollama's: the variables that lead it there.

Ollama answers Anthropic's API itself, so all that is needed is where it is, a token (any, where it
asks for none), an empty API key (a set one would be used in its place) and a model for each of
Claude Code's kinds: it asks for a small one by its own name in the background otherwise.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

from coders_queue import errors
from coders_queue.models.spec import SessionSpec

#: What the mapping reads.
BASE_URL = "CODERS_OLLAMA_BASE_URL"
TOKENS = ("CODERS_OLLAMA_AUTH_TOKEN", "CODERS_OLLAMA_API_KEY")
MODEL = "CODERS_OLLAMA_MODEL"

_DEFAULT_URL = "http://127.0.0.1:11434"
_NO_TOKEN = "ollama"  # noqa: S105 - any word will do where none is asked for
_MODELS = (
    "ANTHROPIC_MODEL",
    "ANTHROPIC_DEFAULT_OPUS_MODEL",
    "ANTHROPIC_DEFAULT_SONNET_MODEL",
    "ANTHROPIC_DEFAULT_HAIKU_MODEL",
    "ANTHROPIC_SMALL_FAST_MODEL",
    "CLAUDE_CODE_SUBAGENT_MODEL",
)
#: What would lead it to another service.
_ELSEWHERE = ("CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX", "CLAUDE_CODE_OAUTH_TOKEN")


def settle(spec: SessionSpec, environ: Mapping[str, str]) -> SessionSpec:
    """The request with the variables in it, over its own.

    ``environ`` is of whoever asks: the address, the token and the model are read from it. Raises
    UsageError when an address cannot be one, or no model is named.
    """
    model = spec.model or environ.get(MODEL)
    if not model:
        raise errors.UsageError(
            "--ollama needs a model", f"set {MODEL}, or name it: --model qwen3-coder"
        )
    token = next((environ[name] for name in TOKENS if environ.get(name)), _NO_TOKEN)
    env = {
        "ANTHROPIC_BASE_URL": base_url(environ.get(BASE_URL) or _DEFAULT_URL),
        "ANTHROPIC_AUTH_TOKEN": token,
        "ANTHROPIC_API_KEY": "",
        **dict.fromkeys(_MODELS, model),
        **dict.fromkeys(_ELSEWHERE, ""),
    }
    return spec.model_copy(update={"model": model, "env": {**spec.env, **env}})


def base_url(text: str) -> str:
    """The address with its scheme: http for loopback and private hosts, else https.

    Without a trailing slash and without ``/v1``, which Claude Code adds. Raises UsageError.
    """
    given = text.strip()
    if "://" not in given:
        given = f"{'http' if _is_near(f'//{given}') else 'https'}://{given}"
    try:
        parts = urlsplit(given)
        _ = parts.port
    except ValueError as error:
        raise errors.UsageError(f"{BASE_URL} is no address: {error}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise errors.UsageError(
            f"{BASE_URL} is no http address of a server", f"write it as {_DEFAULT_URL}"
        )
    if parts.username is not None or parts.password is not None:
        raise errors.UsageError(f"{BASE_URL} holds a user or a password", f"use {TOKENS[0]}")
    if parts.query or parts.fragment:
        raise errors.UsageError(f"{BASE_URL} has a query or a fragment", "leave it out")
    return given.rstrip("/").removesuffix("/v1").rstrip("/")


def _is_near(address: str) -> bool:
    """Whether nobody else's network lies between."""
    try:
        host = urlsplit(address).hostname or ""
    except ValueError:
        return False
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        # a bare name is one of this network's own
        return host == "localhost" or "." not in host or host.endswith((".local", ".localhost"))
    return found.is_loopback or found.is_private or found.is_link_local
