"""Places a session can run in: each is started, found again, stopped."""
