"""Key names: tmux would type a name that it does not know out, so ours are checked."""

from __future__ import annotations

import pytest

from coders_queue.errors import UsageError
from coders_queue.models.key import NAMED, check_key


@pytest.mark.parametrize("key", [*NAMED, "a", "7", "C-c", "M-Enter", "C-M-x", "S-Up", "/"])
def test_a_key_is_itself(key: str) -> None:
    """Names, single characters, and modifiers before either."""
    assert check_key(key) == key


@pytest.mark.parametrize("key", ["", "enter", "Return", "C-", "yes", "-t", "é", "C-c ", ";", "\n"])
def test_what_is_no_key_is_refused(key: str) -> None:
    """The message names what was given, the hint what there is."""
    with pytest.raises(UsageError, match="is no key") as raised:
        check_key(key)
    assert "Enter" in (raised.value.hint or "")
