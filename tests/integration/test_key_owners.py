"""Nothing in Redis lives for ever without somebody to answer for it."""

from __future__ import annotations

import pytest
from celery import group

from coders_queue.models.lifecycle import State
from coders_queue.store.keys import CELERYS, DEFAULT_PREFIX, Keys
from coders_workers import broker
from support.local_stack import LocalStack, eventually, local_stack

pytestmark = [pytest.mark.tmux, pytest.mark.broker, pytest.mark.timeout(180)]


def _play(local: LocalStack) -> list[str]:
    """Sessions that succeed, fail, are cancelled, time out, wait in a chord; and two that live."""
    with local.client() as client:
        over = [
            client.spawn("shell", argv=("sh", "-c", f"exit {number}"), cwd="/")
            for number in range(3)
        ]
        over.append(client.spawn("shell", argv=("sleep", "600"), cwd="/", timeout=0.5))
        over.append(client.spawn("shell", argv=("sleep", "600"), cwd="/", name="cancelled"))
        over[-1].cancel()
        over.append(client.spawn("shell", argv=("true",), cwd="/", wait=False))
        header = group(client.session("shell", argv=("true",), cwd="/") for _ in range(3))
        body = client.session("shell", argv=("true",), cwd="/")
        (header | body).apply_async().get(timeout=60)
        tries = [client.session("shell", argv=("sleep", time), cwd="/") for time in ("0", "600")]
        group(client.quorum(tries, need=1)).apply_async().get(timeout=60)
        for handle in over:
            handle.wait(60)
        alive = [
            client.spawn("shell", argv=("sleep", "600"), cwd="/", name=name)
            for name in ("one", "two")
        ]
        eventually(lambda: not client.store.unsettled())
        client.app.backend.result_consumer.subscribed_to.clear()
        return [handle.id for handle in alive]


def test_every_key_has_an_end_or_an_owner() -> None:
    """After all kinds of sessions: each key has a TTL, or is in the list of those that need none;
    a record without one is a live session's."""
    names = Keys()
    with local_stack() as local, broker.client(local.start().paths) as client:
        alive = _play(local)
        keys = [str(key) for key in client.keys("*")]
        assert len(keys) > 30
        for key in keys:
            if client.ttl(key) == -2 or client.ttl(key) >= 0:
                continue
            if key.startswith(names.session("")):
                assert key.removeprefix(names.session("")) in alive, key
            elif not names.is_owned(key):
                stems = tuple(f"{DEFAULT_PREFIX}{stem}" for stem in CELERYS)
                assert key.startswith(stems), f"{key} has neither a TTL nor an owner"
        records = local.ask("ls")["sessions"]
        assert {one["id"] for one in records} == set(alive)
        assert {one["state"] for one in records} == {str(State.RUNNING)}
