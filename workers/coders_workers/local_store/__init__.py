"""The host's own store: the fleet's while it answers, this machine's while it does not."""
