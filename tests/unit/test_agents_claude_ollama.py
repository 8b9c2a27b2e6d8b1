"""Claude Code on Ollama's models."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from coders_queue import errors
from coders_queue.agents import registry
from coders_queue.agents.claude.ollama import base_url, settle
from coders_queue.models.spec import SessionSpec
from coders_workers.providers import ollama


def spec_of(**fields: Any) -> SessionSpec:
    base = {"agent": "claude", "task": "hi", "workspace": {"type": "directory", "path": "/w"}}
    return SessionSpec.model_validate({**base, "provider": "ollama", **fields})


def test_the_mapping() -> None:
    """Address, token, an empty key, and the model for each kind that Claude Code asks for."""
    environ = {
        "CODERS_OLLAMA_BASE_URL": "gpu.local:11434/v1/",
        "CODERS_OLLAMA_AUTH_TOKEN": "t0ken",
        "CODERS_OLLAMA_MODEL": "qwen3-coder",
        "ANTHROPIC_API_KEY": "sk-real",
    }
    asked = spec_of(env={"ANTHROPIC_API_KEY": "sk-real", "CLAUDE_CODE_USE_BEDROCK": "1", "X": "1"})
    led = settle(asked, environ)
    assert led.model == "qwen3-coder"
    assert led.env["ANTHROPIC_BASE_URL"] == "http://gpu.local:11434"
    assert led.env["ANTHROPIC_AUTH_TOKEN"] == "t0ken"
    assert led.env["ANTHROPIC_API_KEY"] == ""
    assert led.env["ANTHROPIC_DEFAULT_HAIKU_MODEL"] == "qwen3-coder"
    assert led.env["CLAUDE_CODE_USE_BEDROCK"] == ""
    assert led.env["X"] == "1"
    assert settle(led, environ) == led


@pytest.mark.parametrize(
    ("environ", "token"),
    [
        ({"CODERS_OLLAMA_API_KEY": "key"}, "key"),
        ({"CODERS_OLLAMA_API_KEY": "key", "CODERS_OLLAMA_AUTH_TOKEN": "token"}, "token"),
        ({}, "ollama"),
    ],
)
def test_the_token(environ: dict[str, str], token: str) -> None:
    """Either variable; any word where none is set, for an empty one is none to Claude Code."""
    led = settle(spec_of(model="m"), environ)
    assert led.env["ANTHROPIC_AUTH_TOKEN"] == token
    assert led.env["ANTHROPIC_BASE_URL"] == "http://127.0.0.1:11434"


def test_the_models_order() -> None:
    """What was asked for goes before what is configured; without both it is refused."""
    assert settle(spec_of(model="asked"), {"CODERS_OLLAMA_MODEL": "set"}).model == "asked"
    with pytest.raises(errors.UsageError, match="needs a model"):
        settle(spec_of(), {})


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("localhost", "http://localhost"),
        ("localhost:11434", "http://localhost:11434"),
        ("127.0.0.1:1", "http://127.0.0.1:1"),
        ("192.168.1.5:11434", "http://192.168.1.5:11434"),
        ("10.0.0.7", "http://10.0.0.7"),
        ("[::1]:11434", "http://[::1]:11434"),
        ("gpubox:11434", "http://gpubox:11434"),
        ("ollama.example.com", "https://ollama.example.com"),
        ("8.8.8.8:443", "https://8.8.8.8:443"),
        ("http://ollama.example.com/", "http://ollama.example.com"),
        (" https://x.example/v1 ", "https://x.example"),
        ("https://x.example/proxy/ollama", "https://x.example/proxy/ollama"),
    ],
)
def test_a_missing_scheme_is_http_nearby_and_https_elsewhere(given: str, url: str) -> None:
    """A token is not sent in clear over the internet for want of a scheme."""
    assert base_url(given) == url


@pytest.mark.parametrize(
    "given", ["ftp://x", "http://", "localhost:port", "http://x/?a", "//", "http://me:pw@x"]
)
def test_what_is_no_address_is_refused(given: str) -> None:
    """By the name of its variable."""
    with pytest.raises(errors.UsageError, match="CODERS_OLLAMA_BASE_URL"):
        base_url(given)


def test_other_agents_cannot_be_led_there() -> None:
    """It is Claude Code's."""
    with pytest.raises(errors.UsageError, match="shell cannot be led"):
        registry.get("shell").lead(spec_of(agent="shell", argv=("true",)), {})


class _Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server: Any = self.server
        server.seen.append((self.path, self.headers.get("Authorization")))
        status, body = server.answer
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Any]:
    made: Any = ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
    made.seen = []
    made.answer = (200, json.dumps({"models": [{"name": "qwen3:latest"}]}).encode())
    made.url = f"http://127.0.0.1:{made.server_port}"
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def test_a_server_with_the_model_will_do(server: Any) -> None:
    """Its tag may be left out; the token is shown to it."""
    env = {"ANTHROPIC_BASE_URL": server.url, "ANTHROPIC_AUTH_TOKEN": "t0ken"}
    ollama.check(env, "qwen3")
    ollama.check(env, "qwen3:latest")
    assert server.seen[0] == ("/api/tags", "Bearer t0ken")


def test_a_missing_model_is_named_with_those_that_are_there(server: Any) -> None:
    """And with how to get it."""
    with pytest.raises(errors.SpawnError, match="no model 'llama9'; it has qwen3:latest") as caught:
        ollama.check({"ANTHROPIC_BASE_URL": server.url}, "llama9")
    assert caught.value.hint == "ollama pull llama9"


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((401, b"{}"), "answered 401"),
        ((500, b"oops"), "answered 500"),
        ((200, b"<html>"), "is no ollama server"),
        ((200, b"[]"), "is no ollama server"),
        ((200, b"\xff"), "is no ollama server"),
    ],
)
def test_another_answer_is_told(server: Any, answer: tuple[int, bytes], message: str) -> None:
    """With where it came from."""
    server.answer = answer
    with pytest.raises(errors.SpawnError, match=message):
        ollama.check({"ANTHROPIC_BASE_URL": server.url}, "m")


def test_a_server_that_is_not_there_is_told() -> None:
    """With how to start it."""
    with pytest.raises(errors.SpawnError, match=r"answers at http://127\.0\.0\.1:9: Connection"):
        ollama.check({"ANTHROPIC_BASE_URL": "http://127.0.0.1:9"}, "m")
