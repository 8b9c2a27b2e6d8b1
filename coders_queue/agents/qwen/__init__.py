"""Qwen Code, a fork of Gemini CLI: how it is started, what it prints, and what that means."""
