"""``coders limits``: the fleet's limits and shares."""
