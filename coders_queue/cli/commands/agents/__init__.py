"""``coders agents ...``: one command a file."""
