"""The store in this process' memory: for tests, and for a host cut off from its broker."""

from coders_queue.store.memory.store import MemoryStore

__all__ = ["MemoryStore"]
