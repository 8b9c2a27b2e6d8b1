"""The prompt that messages are being brought as, kept with the attempt from before it is typed.

So whoever goes on after a crash, or after a text that was left unsent in the input box, types the
same one, and finds it where it stands already.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from coders_queue.models.base import Model
from coders_workers.supervisor import private_file

_FILE = "pushing.json"
#: The largest that is read, bytes.
_LARGEST = 16 * 1024 * 1024


class PushedPrompt(Model):
    """Messages on their way into a terminal."""

    ids: tuple[str, ...]
    """Their delivery ids."""
    text: str
    """The prompt."""


def keep(directory: Path, prompt: PushedPrompt) -> None:
    """Write it down."""
    private_file.write(directory, _FILE, prompt.model_dump_json().encode())


def recall(directory: Path) -> PushedPrompt | None:
    """The one that nobody has finished; None when there is none."""
    content = private_file.read(Path(directory, _FILE), _LARGEST)
    try:
        return None if content is None else PushedPrompt.model_validate_json(content)
    except ValidationError:  # the agent can write there, too
        return None


def forget(directory: Path) -> None:
    """It is finished."""
    Path(directory, _FILE).unlink(missing_ok=True)
