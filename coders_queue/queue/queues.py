"""Queues as kombu objects: each direct and durable, named by its routing key."""

from __future__ import annotations

from kombu import Exchange, Queue


def queue(name: str) -> Queue:
    """The queue of that name. Queues are spelled out, never created by a typo in a name."""
    return Queue(name, Exchange(name, type="direct"), routing_key=name)
