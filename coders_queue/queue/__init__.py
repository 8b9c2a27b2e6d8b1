"""Celery: the app, task names and payloads, and the session task."""
