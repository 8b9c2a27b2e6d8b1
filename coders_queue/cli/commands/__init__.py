"""One module a command: what it takes, examples of its use, and what it does."""
