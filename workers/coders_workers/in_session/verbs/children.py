"""``children``: the sessions that this one has begun."""

from __future__ import annotations

from typing import Any

from coders_workers.in_session import family
from coders_workers.in_session.call import Call


def run(call: Call) -> dict[str, Any]:
    """All of them."""
    return {"sessions": [family.told(one) for one in family.of(call)]}
