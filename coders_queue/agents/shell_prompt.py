"""A shell that has its terminal back: after an agent was killed, or left.

The agent's last picture stays, and its title too; the prompt stands in the middle of it, at the
left edge, where no tool lets the model's text begin.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

#: ``dev@box:~/project$``, ``$``, ``%``, ``❯``, alone on a line.
_PROMPT = re.compile(r"(\S*|\[?\S+@\S+( \S+)?\]?)[$#%❯] ?")
#: The same over what was there before.
_OVER = re.compile(r"\S+[$#%]( |$)")
#: What the shell says of a program that a signal ended, in the line where the cursor was.
_ENDED = re.compile(r"[\s│┃❯›>*]*(Killed|Terminated|Hangup|Segmentation fault|Aborted)")


def returned(lines: Sequence[str]) -> bool:
    """Whether the last thing on the screen is a shell that waits; ``lines`` without empty ones."""
    if lines and _PROMPT.fullmatch(lines[-1]):
        return True
    return any(_ENDED.match(one) and _OVER.match(two) for one, two in pairwise(lines))
