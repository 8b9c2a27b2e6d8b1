"""Serving one request, whichever API it came by: journal, script, pace and breakdowns.

The API's file says what a request means and how an answer is spelled; here is decided what happens
to it on the wire.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Callable
from typing import Any

from aiohttp import web

from coders_workers.model_stub import tools
from coders_workers.model_stub.api import Answer, Api
from coders_workers.model_stub.journal import Entry, Journal, begin
from coders_workers.model_stub.schema import instance
from coders_workers.model_stub.script import (
    AFTER_TOOL,
    FIXED_ANSWER,
    Behaviour,
    Call,
    Refusal,
    Script,
)
from coders_workers.model_stub.tokens import count
from coders_workers.model_stub.tools import ToolUse
from coders_workers.model_stub.turn import Turn

Reader = Callable[[dict[str, Any]], Turn]

_GARBAGE = b"<html><body>\x00\xff 502 of some proxy, {neither: JSON\n\ndata: nor [an event\n\n"
_PIECES_A_SECOND = 4


class Desk:
    """Where the requests of all APIs arrive."""

    def __init__(self, journal: Journal, script: Script) -> None:
        self.journal = journal
        self.script = script

    async def serve(self, request: web.Request, api: Api, read: Reader) -> web.StreamResponse:
        """Answer a request to the model."""
        entry, turn = await self._take(request, api, read)
        if turn is None:
            return _refuse(api, Refusal(400))
        try:
            return await self._answer(request, api, turn, entry)
        finally:
            entry.ended = time.time()
            if entry.end is None:
                entry.end = "left"

    async def count(
        self, request: web.Request, api: Api, read: Reader, field: str
    ) -> web.StreamResponse:
        """Answer a request to count tokens."""
        entry, turn = await self._take(request, api, read)
        if turn is None:
            return _refuse(api, Refusal(400))
        entry.first = entry.ended = time.time()
        entry.end = "answered"
        entry.usage = {field: count(entry.number, entry.size, "").input}
        return web.json_response(entry.usage)

    async def _take(
        self, request: web.Request, api: Api, read: Reader
    ) -> tuple[Entry, Turn] | tuple[Entry, None]:
        started = time.time()
        raw = await request.read()
        try:
            body = json.loads(raw)
            turn = read(body)
        except (ValueError, TypeError, KeyError, AttributeError, IndexError):
            # what no model service would understand either
            unread = Turn("unreadable", "", "", [])
            text = raw.decode(errors="replace")
            entry = self.journal.write(api.name, unread, text, len(raw), started)
            entry.first = entry.ended = started
            entry.status, entry.end = 400, "refused"
            return entry, None
        return self.journal.write(api.name, turn, body, len(raw), started), turn

    async def _answer(
        self, request: web.Request, api: Api, turn: Turn, entry: Entry
    ) -> web.StreamResponse:
        fresh = not turn.results
        behaviour = self.script.decide(turn.prompt, fresh=fresh, side=not turn.offers)
        if behaviour.breaks == "hang":
            entry.end = "hung"
            await asyncio.Event().wait()
        await asyncio.sleep(behaviour.think)
        if behaviour.refusal is not None:
            begin(entry)
            entry.status, entry.end = behaviour.refusal.status, "refused"
            return _refuse(api, behaviour.refusal)
        answer = _decided(turn, behaviour, entry)
        if turn.stream:
            return await _stream(request, api, answer, behaviour, entry)
        await asyncio.sleep(behaviour.slow)
        return await _whole(request, api, answer, behaviour, entry)


def _decided(turn: Turn, behaviour: Behaviour, entry: Entry) -> Answer:
    text, call = _words(turn, behaviour), None
    wanted = _wanted(turn, behaviour)
    if wanted is not None:
        call = tools.tool_use(wanted, turn.offers, escalate=behaviour.escalate)
        if call is None and not (turn.schema and not turn.offers):
            # side requests of the agent (titles, summaries) repeat the prompt but bring no tools
            what = wanted.text if wanted.kind == "named" else wanted.kind
            text = f"No tool for {what} was offered."
    if call is None:
        call = _as_data(turn, behaviour)
    said = text if call is None else call.arguments_json
    if call is None:
        entry.answer = text
    else:
        entry.call = call.name
    tokens = count(entry.number, entry.size, said)
    return Answer(secrets.token_hex(8), turn.model, text, call, tokens)


def _wanted(turn: Turn, behaviour: Behaviour) -> Call | None:
    """The tool that is to be asked for now."""
    done = len(turn.called)
    if behaviour.call is None:
        return None
    if done < behaviour.calls:
        return behaviour.call
    rest = behaviour.then[done - behaviour.calls :]
    return rest[0] if rest else None


def _words(turn: Turn, behaviour: Behaviour) -> str:
    if behaviour.json is not None:
        return behaviour.json
    if turn.schema is not None and not turn.offers:
        return json.dumps(instance(turn.schema))
    if behaviour.text is not None:
        return behaviour.text
    if turn.schema is not None:
        return json.dumps(instance(turn.schema))
    if turn.results:
        return AFTER_TOOL
    if behaviour.slow:
        pieces = max(1, round(_PIECES_A_SECOND * behaviour.slow))
        return "Slow answer: " + " ".join(f"part {number}" for number in range(1, pieces + 1))
    return FIXED_ANSWER


def _as_data(turn: Turn, behaviour: Behaviour) -> ToolUse | None:
    call = tools.structured_output(behaviour.json, turn.offers)
    return None if call is None or call.name in turn.called else call


def _refuse(api: Api, refusal: Refusal) -> web.Response:
    body, headers = api.refusal(refusal)
    return web.json_response(body, status=refusal.status, headers=headers)


async def _whole(
    request: web.Request, api: Api, answer: Answer, behaviour: Behaviour, entry: Entry
) -> web.StreamResponse:
    begin(entry)
    if behaviour.breaks == "garbage":
        entry.end = "garbage"
        return web.Response(body=_GARBAGE, content_type="application/json")
    text = json.dumps(api.whole(answer)).encode()
    if behaviour.breaks == "cut":
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.content_length = len(text)
        await response.prepare(request)
        await response.write(text[: len(text) // 2])
        return _cut(request, response, entry)
    _done(entry, api, answer)
    headers = {"Content-Type": "application/json", **_request_id(answer)}
    return web.Response(body=text, headers=headers)


async def _stream(
    request: web.Request, api: Api, answer: Answer, behaviour: Behaviour, entry: Entry
) -> web.StreamResponse:
    frames = list(api.frames(answer))
    headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-cache"}
    response = web.StreamResponse(headers={**headers, **_request_id(answer)})
    await response.prepare(request)
    begin(entry)
    if behaviour.breaks == "garbage":
        entry.end = "garbage"
        await response.write(_GARBAGE)
        await response.write_eof()
        return response
    pause = behaviour.slow / max(1, sum(frame.paced for frame in frames))
    cut_at = len(frames) // 2 if behaviour.breaks == "cut" else None
    for index, frame in enumerate(frames):
        if frame.paced:
            await asyncio.sleep(pause)
        if index == cut_at:
            await response.write(frame.data[: len(frame.data) // 2])
            return _cut(request, response, entry)
        await response.write(frame.data)
    await response.write_eof()
    _done(entry, api, answer)
    return response


def _request_id(answer: Answer) -> dict[str, str]:
    # Anthropic's and OpenAI's spelling
    return {"request-id": f"req_{answer.id}", "x-request-id": f"req_{answer.id}"}


def _cut(request: web.Request, response: web.StreamResponse, entry: Entry) -> web.StreamResponse:
    entry.end = "cut"
    if request.transport is not None:
        request.transport.close()
    return response


def _done(entry: Entry, api: Api, answer: Answer) -> None:
    entry.end = "answered"
    entry.usage = api.usage(answer.tokens)
    entry.tokens = answer.tokens.as_usage(reads=api.reads, writes=api.writes)
