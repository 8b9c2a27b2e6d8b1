"""From the values of a file to a description: a mistake has its line, and the nearest right key.

Reading the file is its caller's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from coders_queue import errors
from coders_queue.agents.described.model import Description
from coders_queue.documents.mistakes import mistakes

#: ``file:line`` of a key.
Where = Callable[[tuple[str, ...]], str]


def description(data: Mapping[str, Any], where: Where) -> Description:
    """What the file says. Raises ConfigError."""
    try:
        return Description.model_validate(data)
    except ValidationError as error:
        found = mistakes(error, data, Description)
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        first = found[0]
        raise errors.ConfigError(
            f"{where(first.path)}: {first.message}{more}", first.hint
        ) from None
    except RecursionError:
        raise errors.ConfigError(f"{where(())}: nested too deeply") from None
