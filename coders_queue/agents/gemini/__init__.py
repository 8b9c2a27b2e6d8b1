"""Gemini CLI: how it is started, what it prints and shows, and what that means."""
