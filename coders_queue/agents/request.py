"""What no tool can be told, refused in the same words for all of them."""

from __future__ import annotations

from collections.abc import Sequence

from coders_queue import errors


def prompt_of(task: str | None, tool: str) -> str | None:
    """The task as it can be told; None when there is none. Raises UsageError."""
    if task is None or not task.strip():
        return None
    if "\0" in task:
        raise errors.UsageError(f"{tool} cannot be told a NUL byte", "take it out of the task")
    try:
        task.encode()
    except UnicodeEncodeError as error:
        raise errors.UsageError(
            f"the task is not UTF-8 text at character {error.start}, which {tool} cannot read",
            "put the bytes into a file and name it in the task",
        ) from None
    return task


def encode_prompt(task: str | None, tool: str) -> bytes | None:
    """The same as UTF-8."""
    prompt = prompt_of(task, tool)
    return None if prompt is None else prompt.encode()


def refuse_reserved(words: Sequence[str], reserved: Sequence[str]) -> None:
    """Raises UsageError for an option that the adapter sets itself."""
    for word in words:
        option = word.partition("=")[0]
        if option in reserved:
            raise errors.UsageError(
                f"{option} is set by coders itself and cannot be given", "leave it out"
            )


def is_prompt(task: str | None, commands: str) -> bool:
    """Whether the task is words for a model: not missing, and no command of the tool's own.

    ``commands`` are the characters that commands begin with.
    """
    words = (task or "").lstrip()
    return bool(words) and words[0] not in commands


def unsent(tool: str) -> str:
    """Why a terminal that was left before its task was sent is no success."""
    return f"{tool}: ended before its task was sent"
