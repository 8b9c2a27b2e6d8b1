"""Codex CLI: how it is started, what it prints and writes down, and what that means."""
