"""Flows: graphs of sessions in a file. All of it is pure but the reading of files."""
