"""The sessions' own sockets, as their host serves them: who may ask, what for, and how much."""
