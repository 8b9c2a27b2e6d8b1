"""One attempt's process, as its launcher runs it, and the files that tell of it.

Imported by the launcher on every spawn, so: standard library only, and only what is cheap.
"""
