"""Merging on a host: the program of the agent ``merge``, and the strategies that need a machine."""
