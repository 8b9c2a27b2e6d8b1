"""Opens the store that a URL names."""

from __future__ import annotations

from coders_queue.clock import Clock, system_clock
from coders_queue.models.context import ContextLimits
from coders_queue.models.message import MailboxLimits
from coders_queue.settings.schema import Settings
from coders_queue.store import rules
from coders_queue.store.base import Store
from coders_queue.store.connect import SOCKET_TIMEOUT, connect
from coders_queue.store.keys import DEFAULT_PREFIX, Keys
from coders_queue.store.memory import MemoryStore
from coders_queue.store.redis import RedisStore

#: The URL of a store in this process' memory.
MEMORY = "memory://"


def open_store(
    url: str,
    *,
    prefix: str = DEFAULT_PREFIX,
    clock: Clock = system_clock,
    retention: float = rules.RETENTION,
    max_events: int = rules.MAX_EVENTS,
    socket_timeout: float = SOCKET_TIMEOUT,
    context: ContextLimits | None = None,
    mailboxes: MailboxLimits | None = None,
) -> Store:
    """The store at ``url``; ``memory://`` is one in this process. Nothing is dialled yet."""
    if url == MEMORY:
        return MemoryStore(clock=clock, retention=retention, max_events=max_events, context=context)
    client = connect(url, socket_timeout=socket_timeout)
    return RedisStore(
        client,
        keys=Keys(prefix),
        clock=clock,
        retention=retention,
        max_events=max_events,
        context=context,
        mailboxes=mailboxes,
    )


def open_configured(url: str, settings: Settings) -> Store:
    """The store at ``url``, as the settings want it."""
    return open_store(
        url,
        prefix=settings.broker.prefix,
        retention=settings.retention.records,
        max_events=settings.retention.events,
        socket_timeout=settings.broker.socket_timeout,
        context=settings.context.limits,
        mailboxes=settings.mailboxes.limits,
    )
