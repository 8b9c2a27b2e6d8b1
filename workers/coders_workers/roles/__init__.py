"""The processes of a host, one module each, loaded only by the process that is it.

Each has ``run(settings, paths, broker_url, arguments) -> exit code``.
"""
