"""``coders approvals``: what waits for a person."""
