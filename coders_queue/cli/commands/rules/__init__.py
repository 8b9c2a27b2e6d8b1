"""``coders rules``: on these events, do that."""
