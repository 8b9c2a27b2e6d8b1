"""Cleanup: what ended sessions left on this host, removed when its time is over.

Each kind of thing has a file of its own that finds what may go, and why; nothing is removed there
but through what it found. Only what this host knows to be over is ever touched.
"""
