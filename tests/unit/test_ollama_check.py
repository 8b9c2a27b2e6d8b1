"""Asking an Ollama server, in front of one that means ill."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import ClassVar

import pytest

from coders_queue import errors
from coders_workers.providers import ollama


class _Sender(BaseHTTPRequestHandler):
    """Sends everybody elsewhere, and writes down who came with what."""

    seen: ClassVar[list[tuple[str, str | None]]] = []

    def do_GET(self) -> None:
        self.seen.append((self.path, self.headers["Authorization"]))
        self.send_response(302)
        self.send_header("Location", "/elsewhere")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), _Sender) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join(10)


def test_the_token_goes_to_nobody_else(url: str) -> None:
    """A redirection is an answer like any other: it is told, not followed."""
    environ = {"ANTHROPIC_BASE_URL": url, "ANTHROPIC_AUTH_TOKEN": "secret"}
    with pytest.raises(errors.SpawnError, match="answered 302"):
        ollama.check(environ, "qwen3")
    assert _Sender.seen == [("/api/tags", "Bearer secret")]
