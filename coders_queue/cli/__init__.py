"""The command line. Light at import: no pydantic, Celery or Redis on the fast path."""
