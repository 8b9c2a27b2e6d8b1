"""opencode: how it is started, what it prints, and what that means."""
