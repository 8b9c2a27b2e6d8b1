"""What a command is handed: the terminal, the host, and where things are on this machine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property

from coders_queue import errors
from coders_queue.cli.console import Console
from coders_queue.cli.host import Host
from coders_queue.settings.paths import Paths


class Context:
    """One run of the command line."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.console = Console(environ)
        #: Ties this run to the log lines that it causes on the host.
        self.correlation = os.urandom(16).hex()

    @property
    def here(self) -> str:
        """The current directory. Raises WorkspaceError when it is gone."""
        try:
            return os.getcwd()  # noqa: PTH109
        except FileNotFoundError:
            raise errors.WorkspaceError(
                "the directory you are in does not exist any more", "go to another one"
            ) from None

    @cached_property
    def paths(self) -> Paths:
        """Where state is kept. Raises ConfigError when the environment names no usable place."""
        return Paths.find(self.environ)

    @cached_property
    def host(self) -> Host:
        """The worker of this machine."""
        return Host(str(self.paths.host_socket), self.console, self.correlation)
