"""Asking an Ollama server whether it is there and has the model: one request, bounded."""

from __future__ import annotations

import http.client
import ipaddress
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from urllib.parse import urlsplit

from coders_queue import errors

_TIMEOUT = 3.0
_LIMIT = 4 * 1024 * 1024
_SHOWN = 8


def check(env: Mapping[str, str], model: str) -> None:
    """Raises SpawnError that says what is missing. ``env`` is what Claude Code will be given."""
    url = env["ANTHROPIC_BASE_URL"]
    names = _models(url, env.get("ANTHROPIC_AUTH_TOKEN", ""))
    # a name without a tag is its latest
    if model in names or f"{model}:latest" in names:
        return
    there = ", ".join(sorted(names)[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
    raise errors.SpawnError(
        f"ollama at {url} has no model {model!r}" + (f"; it has {there}" if there else ""),
        f"ollama pull {model}",
    )


class _Here(urllib.request.HTTPRedirectHandler):
    """Follows no redirection: the token is for this server alone."""

    def redirect_request(self, *_: object) -> None:
        """None: the answer counts as it is."""
        return


def _models(url: str, token: str) -> set[str]:
    request = urllib.request.Request(f"{url}/api/tags")  # noqa: S310 - http or https: see base_url
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    handlers: list[urllib.request.BaseHandler] = [_Here()]
    handlers += [urllib.request.ProxyHandler({})] if _is_local(url) else []
    try:
        with urllib.request.build_opener(*handlers).open(request, timeout=_TIMEOUT) as answer:
            told = json.loads(answer.read(_LIMIT))
    except urllib.error.HTTPError as error:
        error.close()
        hint = "check CODERS_OLLAMA_AUTH_TOKEN" if error.code in (401, 403) else "is it Ollama?"
        raise errors.SpawnError(
            f"ollama at {url} answered {error.code} {error.reason}", hint
        ) from None
    except (OSError, http.client.HTTPException) as error:
        why = getattr(error, "reason", None) or error
        why = getattr(why, "strerror", None) or why
        raise errors.SpawnError(
            f"no ollama server answers at {url}: {why}",
            "start it: ollama serve; or set CODERS_OLLAMA_BASE_URL",
        ) from None
    except (ValueError, RecursionError):
        raise errors.SpawnError(
            f"what answers at {url} is no ollama server", "check CODERS_OLLAMA_BASE_URL"
        ) from None
    models = told.get("models") if isinstance(told, dict) else None
    if not isinstance(models, list):
        raise errors.SpawnError(
            f"what answers at {url} is no ollama server", "check CODERS_OLLAMA_BASE_URL"
        )
    return {str(one["name"]) for one in models if isinstance(one, dict) and "name" in one}


def _is_local(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
