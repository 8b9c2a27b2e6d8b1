"""Watching what agents do, on their host: cheap, all the time, and without any broker."""
