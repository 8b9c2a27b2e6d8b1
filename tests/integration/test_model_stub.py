"""The model stub over HTTP: every API in its own shapes, whole, streamed, refused and broken."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from coders_workers.model_stub.control import Stub
from coders_workers.model_stub.running import ModelStub, stub_process
from coders_workers.model_stub.script import AFTER_TOOL, FIXED_ANSWER
from support.local_stack import eventually

BASH = {"type": "object", "properties": {"command": {"type": "string"}}, "required": ["command"]}


@dataclass(frozen=True)
class Spoken:
    """One API: how it is asked, and where in an answer things stand."""

    name: str
    usage: dict[str, str]
    """Field of the usage by what it holds, in the project's words."""

    def path(self, *, stream: bool) -> str:
        paths = {
            "anthropic": "/v1/messages",
            "responses": "/v1/responses",
            "chat": "/v1/chat/completions",
            "gemini": "/v1beta/models/g:streamGenerateContent?alt=sse"
            if stream
            else "/v1beta/models/g:generateContent",
        }
        return paths[self.name]

    def body(self, prompt: str, *, stream: bool) -> dict[str, Any]:
        message = {"role": "user", "content": prompt}
        function = {"name": "bash", "parameters": BASH}
        if self.name == "anthropic":
            tools = [{"name": "bash", "input_schema": BASH}]
            return {"model": "m", "messages": [message], "tools": tools, "stream": stream}
        if self.name == "responses":
            tools = [{"type": "function", **function}]
            return {"model": "m", "input": [message], "tools": tools, "stream": stream}
        if self.name == "chat":
            tools = [{"type": "function", "function": function}]
            return {"model": "m", "messages": [message], "tools": tools, "stream": stream}
        contents = [{"role": "user", "parts": [{"text": prompt}]}]
        return {"contents": contents, "tools": [{"functionDeclarations": [function]}]}

    def read(self, answer: Any) -> tuple[str | None, dict[str, Any] | None, dict[str, Any]]:
        """Text, arguments of the tool called, usage of a whole answer."""
        if self.name == "anthropic":
            (block,) = answer["content"]
            return block.get("text"), block.get("input"), answer["usage"]
        if self.name == "responses":
            (item,) = answer["output"]
            if item["type"] == "function_call":
                return None, json.loads(item["arguments"]), answer["usage"]
            return item["content"][0]["text"], None, answer["usage"]
        if self.name == "chat":
            message = answer["choices"][0]["message"]
            calls = message.get("tool_calls")
            arguments = json.loads(calls[0]["function"]["arguments"]) if calls else None
            return message["content"], arguments, answer["usage"]
        (part,) = answer["candidates"][0]["content"]["parts"]
        called = part.get("functionCall")
        return part.get("text"), called and called["args"], answer["usageMetadata"]

    def read_events(self, events: list[Any]) -> tuple[str, dict[str, Any] | None, dict[str, Any]]:
        """The same of a stream, put together as a client does."""
        if self.name == "anthropic":
            deltas = [one["delta"] for one in events if one["type"] == "content_block_delta"]
            text = "".join(one.get("text", "") for one in deltas)
            given = "".join(one.get("partial_json", "") for one in deltas)
            assert [one["type"] for one in (events[0], events[-1])] == [
                "message_start",
                "message_stop",
            ]
            return text, json.loads(given) if given else None, events[-2]["usage"]
        if self.name == "responses":
            named = [one for one in events if one["type"].endswith(".delta")]
            text = "".join(one["delta"] for one in named if "output_text" in one["type"])
            given = "".join(one["delta"] for one in named if "arguments" in one["type"])
            assert events[-1]["type"] == "response.completed"
            return text, json.loads(given) if given else None, events[-1]["response"]["usage"]
        if self.name == "chat":
            assert events.pop() == "[DONE]"
            choices = [one["choices"][0]["delta"] for one in events if one["choices"]]
            text = "".join(one.get("content") or "" for one in choices)
            calls = [call for one in choices for call in one.get("tool_calls", ())]
            arguments = json.loads(calls[0]["function"]["arguments"]) if calls else None
            return text, arguments, events[-1]["usage"]
        parts = [one["candidates"][0]["content"]["parts"][0] for one in events]
        assert events[-1]["candidates"][0]["finishReason"] == "STOP"
        calls = [part["functionCall"]["args"] for part in parts if "functionCall" in part]
        text = "".join(part.get("text", "") for part in parts)
        return text, calls[0] if calls else None, events[-1]["usageMetadata"]


OPENAI_CHAT = {"input_and_cache": "prompt_tokens", "output": "completion_tokens"}
APIS = [
    Spoken("anthropic", {"input": "input_tokens", "output": "output_tokens"}),
    Spoken("responses", {"input_and_cache": "input_tokens", "output": "output_tokens"}),
    Spoken("chat", OPENAI_CHAT),
    Spoken(
        "gemini",
        {
            "input_and_cache": "promptTokenCount",
            "cache": "cachedContentTokenCount",
            "output_without_thoughts": "candidatesTokenCount",
            "thoughts": "thoughtsTokenCount",
        },
    ),
]


@pytest.fixture(scope="module")
def running() -> Iterator[Stub]:
    with ModelStub() as stub:
        yield stub


@pytest.fixture
def stub(running: Stub) -> Stub:
    running.clear()
    return running


@pytest.fixture(params=APIS, ids=lambda api: api.name)
def api(request: pytest.FixtureRequest) -> Spoken:
    chosen: Spoken = request.param
    return chosen


@dataclass(frozen=True)
class Got:
    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)

    @property
    def events(self) -> list[Any]:
        lines = self.content.decode().split("\n")
        given = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
        return [one if one == "[DONE]" else json.loads(one) for one in given]


def ask(url: str, path: str, body: Any = None, method: str = "POST") -> Got:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=20)
    try:
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body)
        connection.request(method, path, data, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return Got(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
    finally:
        connection.close()


def say(stub: Stub, api: Spoken, prompt: str, *, stream: bool = False) -> Got:
    return ask(stub.url, api.path(stream=stream), api.body(prompt, stream=stream))


def check_usage(api: Spoken, usage: dict[str, Any], entry: dict[str, Any]) -> None:
    tokens = entry["tokens"]
    thoughts = usage.get(api.usage.get("thoughts", ""), 0)
    expected = {
        "input": tokens["input_tokens"],
        "input_and_cache": tokens["input_tokens"] + tokens["cache_read_tokens"],
        "cache": tokens["cache_read_tokens"],
        "output": tokens["output_tokens"],
        "output_without_thoughts": tokens["output_tokens"] - thoughts,
        "thoughts": thoughts,
    }
    assert {what: usage[field] for what, field in api.usage.items()} == {
        what: expected[what] for what in api.usage
    }
    assert usage == entry["usage"]


@pytest.mark.parametrize("prompt", ["say hi", "lines\n\n  \tand ž🎉 \u202e e\u0301", "x" * 20_000])
def test_a_prompt_is_answered_and_kept_byte_for_byte(stub: Stub, api: Spoken, prompt: str) -> None:
    """The journal has what arrived, what was said, and what it cost, as the answer says it."""
    text, call, usage = api.read(say(stub, api, prompt).json)
    (entry,) = stub.requests()
    assert (text, call) == (FIXED_ANSWER, None)
    assert entry["prompt"] == prompt
    assert entry["answer"] == FIXED_ANSWER
    assert entry["end"] == "answered"
    assert entry["body"] == api.body(prompt, stream=False)
    check_usage(api, usage, entry)


def test_a_stream_says_the_same(stub: Stub, api: Spoken) -> None:
    """Put together, its pieces are the text, white space and all."""
    said = "  two  words\nand a \x1b[31mline\n"
    got = say(stub, api, "SAY:  x", stream=True)
    assert got.headers["content-type"] == "text/event-stream"
    stub.script("exactly", f"SAY:{said.encode('unicode_escape').decode()}.")
    text, call, usage = api.read_events(say(stub, api, "exactly", stream=True).events)
    assert call is None
    assert text == said.lstrip() + "."
    check_usage(api, usage, stub.requests()[-1])


@pytest.mark.parametrize("stream", [False, True])
def test_a_tool_is_called(stub: Stub, api: Spoken, stream: bool) -> None:
    """With the command of the prompt."""
    got = say(stub, api, "RUNTOOL:echo 'ž' && ls", stream=stream)
    read = api.read_events(got.events) if stream else api.read(got.json)
    assert read[1] == {"command": "echo 'ž' && ls"}
    assert stub.requests()[0]["call"] == "bash"


def test_a_tools_result_ends_the_turn(stub: Stub) -> None:
    """The same prompt with a result behind it is answered, in each API's way of saying so."""
    prompt = "RUNTOOL:ls"
    bodies: dict[str, tuple[str, dict[str, Any]]] = {}
    for api in APIS:
        body = api.body(prompt, stream=False)
        if api.name == "anthropic":
            body["messages"] += [
                {"role": "assistant", "content": [{"type": "tool_use", "name": "bash", "id": "1"}]},
                {"role": "user", "content": [{"type": "tool_result", "content": "out"}]},
            ]
        elif api.name == "responses":
            body["input"] += [
                {"type": "function_call", "name": "bash", "call_id": "1"},
                {"type": "function_call_output", "call_id": "1", "output": "out"},
            ]
        elif api.name == "chat":
            call = {"function": {"name": "bash", "arguments": "{}"}}
            body["messages"] += [
                {"role": "assistant", "content": None, "tool_calls": [call]},
                {"role": "tool", "content": "out"},
            ]
        else:
            response = {"name": "bash", "response": {"output": "out"}}
            body["contents"] += [
                {"role": "model", "parts": [{"functionCall": {"name": "bash"}}]},
                {"role": "user", "parts": [{"functionResponse": response}]},
            ]
        bodies[api.name] = api.path(stream=False), body
        text, call_made, _ = api.read(ask(stub.url, *bodies[api.name]).json)
        assert (text, call_made) == (AFTER_TOOL, None), api.name
    assert all("out" in entry["tool_results"][0] for entry in stub.requests())
    assert stub.prompts() == []


def test_an_earlier_conversation_is_in_the_history(stub: Stub) -> None:
    """Roles and texts, in order, and the prompt is the last of the user's."""
    messages = [
        {"role": "system", "content": "be good"},
        {"role": "user", "content": "aubergine"},
        {"role": "assistant", "content": "yes"},
        {"role": "user", "content": [{"type": "text", "text": "which word?"}]},
    ]
    ask(stub.url, "/v1/chat/completions", {"model": "m", "messages": messages})
    (entry,) = stub.journal()["requests"]
    assert entry["prompt"] == "which word?"
    assert [one["text"] for one in entry["history"]] == [
        "be good",
        "aubergine",
        "yes",
        "which word?",
    ]


@pytest.mark.parametrize("status", [401, 429, 500, 529])
def test_refusals_have_the_apis_shape(stub: Stub, api: Spoken, status: int) -> None:
    """And a rate limit says when it ends."""
    got = say(stub, api, f"FAIL:{status}:0:33", stream=True)
    assert got.status == status
    error = got.json["error"]
    assert error["message"]
    if status == 429:
        told = {
            "anthropic": lambda: got.headers["retry-after"],
            "responses": lambda: got.headers["x-ratelimit-reset-requests"],
            "chat": lambda: got.headers["retry-after"],
            "gemini": lambda: error["details"][-1]["retryDelay"],
        }
        assert told[api.name]().removesuffix("s") == "33"
    (entry,) = stub.requests()
    assert (entry["status"], entry["end"], entry["usage"]) == (status, "refused", {})


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_can_break_off(stub: Stub, api: Spoken, stream: bool) -> None:
    """The connection ends before the answer does."""
    with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
        say(stub, api, "CUT", stream=stream)
    (entry,) = stub.requests()
    assert (entry["end"], entry["tokens"]) == ("cut", {})


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_can_be_garbage(stub: Stub, api: Spoken, stream: bool) -> None:
    """Neither JSON nor events, with a status of success."""
    got = say(stub, api, "GARBAGE", stream=stream)
    assert got.status == 200
    with pytest.raises(ValueError, match=r"."):
        json.loads(got.content)


def test_an_answer_may_never_come(stub: Stub, api: Spoken) -> None:
    """The request stays open until the agent goes; then it is over."""
    connection = http.client.HTTPConnection(urlsplit(stub.url).netloc, timeout=20)
    connection.request("POST", api.path(stream=True), json.dumps(api.body("HANG", stream=True)))
    eventually(lambda: bool(stub.requests()), 10)
    assert stub.doing(time.time()) == "thinking"
    connection.close()
    eventually(lambda: stub.requests()[0]["ended"] is not None, 10)
    assert stub.requests()[0]["end"] == "hung"


def test_the_timeline_follows_a_slow_answer(stub: Stub, api: Spoken) -> None:
    """Silent first, then answering, then idle."""
    say(stub, api, "THINK:0.3 SLOW:0.3", stream=True)
    seen = [one["doing"] for one in stub.timeline()]
    assert seen == ["thinking", "streaming", "idle"]
    thinking, streaming, idle = (one["at"] for one in stub.timeline())
    assert streaming - thinking >= 0.3
    assert idle - streaming >= 0.25


def test_token_counts_are_answered(stub: Stub) -> None:
    """By the two APIs that can be asked."""
    message = {"role": "user", "content": "hi"}
    body = {"model": "m", "messages": [message]}
    counted = ask(stub.url, "/v1/messages/count_tokens", body).json
    contents = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
    gemini = ask(stub.url, "/v1beta/models/g:countTokens", contents).json
    assert counted["input_tokens"] > 0
    assert gemini["totalTokens"] > 0
    assert stub.requests() == []


def test_a_request_that_makes_no_sense_is_refused(stub: Stub, api: Spoken) -> None:
    """In the API's own words; the stub goes on."""
    for nonsense in (b"{", b"[]", b"null", b'{"contents": 5}'):
        got = ask(stub.url, api.path(stream=False), nonsense)
        assert (got.status, bool(got.json["error"])) == (400, True)
    assert api.read(say(stub, api, "hi").json)[0] == FIXED_ANSWER


def test_side_paths(stub: Stub) -> None:
    """Being there is answered, models are listed, all else is a stray."""
    assert ask(stub.url, "/", method="HEAD").status == 200
    assert ask(stub.url, "/v1/models", method="GET").json["data"]
    assert ask(stub.url, "/api/oauth/profile", method="GET").status == 404
    assert stub.journal()["strays"] == ["GET /api/oauth/profile"]


def test_ollama_has_some_models_and_says_so(stub: Stub) -> None:
    """Its look-ups name them; they speak Anthropic's API, others are not found."""
    assert ask(stub.ollama_url, "/api/version", method="GET").json["version"]
    named = [one["name"] for one in ask(stub.ollama_url, "/api/tags", method="GET").json["models"]]
    assert named
    assert ask(stub.ollama_url, "/api/show", {"model": named[0]}).json["capabilities"]
    missing = ask(stub.ollama_url, "/api/show", {"model": "absent"})
    assert (missing.status, missing.json) == (404, {"error": "model 'absent' not found"})
    anthropic = APIS[0]
    body = anthropic.body("hi", stream=False)
    text, _, _ = anthropic.read(
        ask(stub.ollama_url, "/v1/messages", {**body, "model": named[0]}).json
    )
    assert text == FIXED_ANSWER
    absent = ask(stub.ollama_url, "/v1/messages", {**body, "model": "absent"})
    assert absent.status == 404
    assert absent.json["error"] == {
        "type": "not_found_error",
        "message": "model 'absent' not found",
    }
    (entry,) = stub.requests()
    assert entry["api"] == "ollama"
    assert entry["usage"] == {
        name: entry["tokens"][name] for name in ("input_tokens", "output_tokens")
    }
    assert entry["tokens"]["cache_read_tokens"] == entry["tokens"]["cache_write_tokens"] == 0


def test_many_at_once_are_kept_apart(stub: Stub) -> None:
    """Each request has its own entry, cost and answer."""
    api = APIS[0]
    answers: list[Any] = []

    def one(number: int) -> None:
        answers.append(api.read(say(stub, api, f"SAY:number {number}").json))

    threads = [threading.Thread(target=one, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(text for text, _, _ in answers) == sorted(f"number {n}" for n in range(20))
    entries = {entry["answer"]: entry for entry in stub.requests()}
    for text, _, usage in answers:
        check_usage(api, usage, entries[text])


def test_as_a_process_it_says_where_it_is_and_ends_when_told(tmp_path: Path) -> None:
    """One line of JSON; its socket is gone with it."""
    with stub_process(tmp_path) as stub:
        assert APIS[0].read(say(stub, APIS[0], "hi").json)[0] == FIXED_ANSWER
        assert len(stub.requests()) == 1
        socket = Path(stub.control)
        assert socket.exists()
    assert not socket.exists()


def test_a_process_that_cannot_start_says_why(tmp_path: Path) -> None:
    """A socket's path that is too long, for one."""
    deep = tmp_path / ("d" * 120)
    deep.mkdir()
    with pytest.raises(RuntimeError, match="AF_UNIX path too long"), stub_process(deep):
        pass


def test_its_help_names_its_doors() -> None:
    """Without a running stub."""
    argv = [sys.executable, "-m", "coders_workers.model_stub", "--help"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert "--control" in done.stdout
