"""The data: frozen, unknown fields refused, no I/O."""
