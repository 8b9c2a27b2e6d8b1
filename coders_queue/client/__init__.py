"""The Python API: spawn, watch and await sessions."""
