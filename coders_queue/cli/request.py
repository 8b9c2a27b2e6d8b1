"""``run`` and ``spawn`` ask for a session: the options they share, and the request made of them."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

from coders_queue import errors, ids
from coders_queue.cli import supervision
from coders_queue.cli.parser import add_json, complete_with
from coders_queue.cli.text import exact, of_bytes
from coders_queue.cli.times import parse_span

#: The largest task, as in ``models.spec`` (which is too slow to load here; a test compares them).
MAX_TASK_BYTES = 4 * 1024 * 1024
#: The largest file of variables.
MAX_ENV_BYTES = 1024 * 1024
#: The largest schema of an answer, likewise.
MAX_SCHEMA_BYTES = 256 * 1024
#: Seconds to wait for an agent's process: a start may queue behind others.
SPAWN_LIMIT = 600.0

PERMISSIONS = ("default", "edit", "full")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What ``run`` and ``spawn`` take; ``main`` adds ``argv``, which is all after ``--``."""
    agent = parser.add_argument(
        "agent",
        metavar="AGENT[@VERSION]",
        help="the agent, and exactly which version of its program",
    )
    complete_with(agent, "agents")
    parser.add_argument(
        "task", metavar="TASK", nargs="?", help="what to do, in one word of the shell"
    )
    source = parser.add_argument(
        "--task-file",
        metavar="FILE",
        help="read the task from a file, byte for byte; - is standard input",
    )
    complete_with(source, "files")
    parser.add_argument(
        "--name", metavar="NAME", help="a name for people, unique among live sessions"
    )
    directory = parser.add_argument("--cwd", metavar="DIR", help="run there instead of here")
    complete_with(directory, "directories")
    parser.add_argument(
        "--worktree",
        metavar="REF",
        help="run in a git worktree of its own that starts from REF (HEAD, a branch, ...)",
    )
    handed = parser.add_argument(
        "--from",
        dest="handed",
        metavar="SESSION",
        action="append",
        default=[],
        help="hand on the result of this session, which has ended; repeatable",
    )
    complete_with(handed, "sessions")
    parser.add_argument(
        "--context",
        metavar="SPACE",
        action="append",
        default=[],
        help="put what this space of shared context holds before the task; repeatable",
    )
    parser.add_argument(
        "--env",
        metavar="KEY[=VALUE]",
        action="append",
        default=[],
        help="a variable for the agent; without =VALUE, its value here (the way for secrets)",
    )
    file = parser.add_argument(
        "--env-file",
        metavar="FILE",
        action="append",
        default=[],
        help="variables, one KEY=VALUE a line, values taken as they are; # begins a comment line",
    )
    complete_with(file, "files")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument(
        "--headless",
        dest="mode",
        action="store_const",
        const="headless",
        help="pipes and an end of its own",
    )
    mode.add_argument(
        "--interactive",
        dest="mode",
        action="store_const",
        const="interactive",
        help="the tool's terminal interface, to attach to",
    )
    parser.add_argument("--model", metavar="MODEL", help="the model, in the agent's own spelling")
    parser.add_argument(
        "--ollama",
        dest="provider",
        action="store_const",
        const="ollama",
        help="claude on a model of Ollama's: CODERS_OLLAMA_BASE_URL, _AUTH_TOKEN, _MODEL",
    )
    parser.add_argument("--permission", choices=PERMISSIONS, help="what the agent may do unasked")
    parser.add_argument(
        "--mcp",
        action=argparse.BooleanOptionalAction,
        help="whether the agent gets an MCP server for its own session",
    )
    parser.add_argument("--resume", metavar="ID", help="go on with this conversation of the tool's")
    schema = parser.add_argument(
        "--schema",
        metavar="FILE",
        help="a JSON schema: the answer is data that is valid under it, or the session fails",
    )
    complete_with(schema, "files")
    parser.add_argument("--host", metavar="HOST", help="the only machine that will do")
    parser.add_argument(
        "--label",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="a label, for people and selection",
    )
    parser.add_argument(
        "--timeout",
        metavar="SPAN",
        help="stop the agent after this: seconds, or 90s, 10m, 2h, 1h30m",
    )
    supervision.add_arguments(parser)
    add_json(parser)


def build(options: argparse.Namespace, environ: Mapping[str, str], *, wait: bool) -> dict[str, Any]:
    """The parameters of the verb ``spawn``. What was not said is left to the host."""
    agent, _, version = options.agent.partition("@")
    if not agent or (version == "" and "@" in options.agent):
        raise errors.UsageError(f"{options.agent!r} is not AGENT or AGENT@VERSION", "coders agents")
    spec: dict[str, Any] = {"agent": exact(agent), "argv": [exact(word) for word in options.argv]}
    said = {
        "version": version or None,
        "task": read_text(options.task, options.task_file, "the task", "--task-file"),
        "name": options.name,
        "mode": options.mode,
        "model": options.model,
        "provider": options.provider,
        "permission": options.permission,
        "resume": options.resume,
        "mcp": options.mcp,
        "output_schema": _schema(options.schema),
        "host": options.host,
        "env": _env(options.env, options.env_file, environ) or None,
        "labels": _pairs("--label", options.label) or None,
        "timeout": None if options.timeout is None else parse_span(options.timeout),
    }
    for field, value in said.items():
        if isinstance(value, str):
            spec[field] = exact(value) if field != "task" else value
        elif value is not None:
            spec[field] = value
    if options.context:
        spec["context"] = [exact(word) for word in options.context]
    spec |= supervision.fields(options)
    return {
        # ours, so that a request whose answer got lost can be made again
        "id": ids.new_session_id(),
        "spec": spec,
        "cwd": exact(_directory(options.cwd)),
        "worktree": None if options.worktree is None else exact(options.worktree),
        "from": [exact(word) for word in options.handed],
        "environ": {exact(key): exact(value) for key, value in environ.items()},
        "wait": wait,
    }


def _directory(cwd: str | None) -> str:
    if cwd is not None and os.path.isabs(cwd):  # noqa: PTH117 - pathlib would tidy the path
        return cwd
    try:
        here = os.getcwd()  # noqa: PTH109
    except FileNotFoundError:
        raise errors.WorkspaceError(
            "the directory you are in does not exist any more",
            "go to another one, or use --cwd DIR",
        ) from None
    # no normalising: a/../b is not b when a is a symbolic link
    return here if cwd is None else os.path.join(here, cwd)  # noqa: PTH118


def read_text(
    word: str | None, file: str | None, what: str, option: str, *, nul: bool = False
) -> str | None:
    """A text given as a word or in a file, exactly; None when neither was given. Raises UsageError
    for one with a NUL byte, unless it may have some."""
    if file is None:
        text = None if word is None else exact(word)
    elif word is not None:
        raise errors.UsageError(
            f"{what} was given twice, as a word and by {option}", "leave one out"
        )
    else:
        text = of_bytes(_read(file, MAX_TASK_BYTES, what))
    if text is not None and not nul and "\0" in text:
        raise errors.UsageError(
            f"{what} holds a NUL byte at character {text.index(chr(0))}, which nothing can carry"
        )
    return text


def _schema(file: str | None) -> dict[str, Any] | None:
    if file is None:
        return None
    data = _read(file, MAX_SCHEMA_BYTES, "the schema")
    try:
        schema = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise errors.UsageError(
            f"--schema: {file} is not JSON: {error}",
            "mend the file there: it is to be a JSON schema",
        ) from None
    if not isinstance(schema, dict):
        raise errors.UsageError(
            f"--schema: {file} holds no JSON object",
            'a JSON schema is one, such as {"type": "object"}',
        )
    return schema


def _read(file: str, limit: int, what: str) -> bytes:
    try:
        if file == "-":
            stream: BinaryIO = sys.stdin.buffer
            data = stream.read(limit + 1)
        else:
            with open(file, "rb") as stream:  # noqa: PTH123
                data = stream.read(limit + 1)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise errors.UsageError(
            f"cannot read {what} from {file}: {reason}", "check the path"
        ) from None
    if len(data) > limit:
        raise errors.TaskTooLarge(
            f"{what} in {file} is larger than {limit} bytes", "put it into a file and name the file"
        )
    return data


def _env(words: Sequence[str], files: Sequence[str], environ: Mapping[str, str]) -> dict[str, str]:
    env: dict[str, str] = {}
    for file in files:
        text = of_bytes(_read(file, MAX_ENV_BYTES, "the variables"))
        for number, line in enumerate(text.split("\n"), 1):
            line = line.removesuffix("\r")
            if line.strip() and not line.lstrip().startswith("#"):
                _set(env, line.lstrip(), environ, f"{file}, line {number}")
    for word in words:
        _set(env, exact(word), environ, "--env")
    return env


def _set(env: dict[str, str], word: str, environ: Mapping[str, str], where: str) -> None:
    key, equals, value = word.partition("=")
    if not key:
        # the value stays out of the message
        raise errors.UsageError(f"{where}: a variable has no name", "write KEY=VALUE")
    if "\0" in word:
        raise errors.UsageError(f"{where}: the value of {key} holds a NUL byte")
    if not equals:
        if key not in environ:
            raise errors.UsageError(
                f"{where}: {key} is not set here", f"write {key}=VALUE, or set it"
            )
        value = exact(environ[key])
    env[key] = value


def _pairs(option: str, words: Sequence[str]) -> dict[str, str]:
    pairs = {}
    for word in words:
        key, equals, value = exact(word).partition("=")
        if not key or not equals:
            raise errors.UsageError(f"{option}: {word!r} is not KEY=VALUE")
        pairs[key] = value
    return pairs
