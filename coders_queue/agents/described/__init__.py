"""Agents that a TOML file describes: the file's model, and the adapter made of it. No I/O here."""
