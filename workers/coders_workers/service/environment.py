"""What a service has to know of the environment it is installed from.

A service manager starts with next to nothing; agents are found by ``PATH``, and the state directory
and the configuration by variables. Nothing secret is written into a file that others may read.
"""

from __future__ import annotations

from collections.abc import Mapping

#: Taken along where they are set.
_TAKEN = (
    *("PATH", "LANG", "LC_ALL", "LC_CTYPE"),
    *("CODERS_STATE_DIR", "CODERS_CONFIG", "CODERS_HOST_NAME"),
    *("XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"),
)
#: Ours, but of one command or session alone.
_PASSING = (
    *("CODERS_SESSION_ID", "CODERS_ATTEMPT", "CODERS_CORRELATION_ID"),
    *("CODERS_INPUT", "CODERS_CONTEXT"),
)


def taken(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that the service gets."""
    return {name: environ[name] for name in _TAKEN if environ.get(name)}


def left_out(environ: Mapping[str, str]) -> list[str]:
    """Settings that this command has from the environment, and the service will not have."""
    return sorted(
        name for name in environ if name.startswith("CODERS_") and name not in (*_TAKEN, *_PASSING)
    )
