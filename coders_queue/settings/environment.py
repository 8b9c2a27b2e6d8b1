"""Settings from ``CODERS_*`` variables, and from texts in general.

Owns the names of the variables and how a text becomes a value. A variable that is set but empty
counts as not set.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from coders_queue import errors
from coders_queue.documents.parsed import KeyPath
from coders_queue.settings import keys
from coders_queue.settings.keys import ANY, Key

#: Variables that begin with ``CODERS_`` and are no settings: what they are instead.
RESERVED: Mapping[str, str] = {
    "CODERS_STATE_DIR": "the state directory; read before any file, so by environment alone",
    "CODERS_SESSION_ID": "set for an agent: its session",
    "CODERS_ATTEMPT": "set for an agent: the number of its attempt",
    "CODERS_CORRELATION_ID": "set for an agent: what ties the log lines of its session together",
    "CODERS_INPUT": "set for an agent: a file with the results that a canvas hands on",
    "CODERS_CONTEXT": "set for an agent: a file with what its spaces of shared context hold",
    "CODERS_OLLAMA_BASE_URL": "the model server of agents on Ollama",
    "CODERS_OLLAMA_AUTH_TOKEN": "its token (secret)",
    "CODERS_OLLAMA_API_KEY": "its key (secret)",
    "CODERS_OLLAMA_MODEL": "its model",
}

#: Variables that start like this are the test suite's.
RESERVED_PREFIXES = ("CODERS_TEST_",)


def from_environment(environ: Mapping[str, str]) -> Iterator[tuple[str, KeyPath, Any]]:
    """Variable, key and value of each setting. Raises ConfigError for what looks like a typo."""
    known = {key.variable: key for key in keys.all_keys().values() if ANY not in key.path}
    named = [_of_members(section) for section in keys.named_sections()]
    for variable, text in sorted(environ.items()):
        if not variable.startswith("CODERS_"):
            continue
        if variable in known:
            key = known[variable]
            path = key.path
        elif member := next(filter(None, (form.fullmatch(variable) for form in named)), None):
            path = (member[1].lower(), member[2].lower(), member[3].lower())
            key = keys.all_keys()[path[0], ANY, path[2]]
        elif variable in RESERVED or variable.startswith(RESERVED_PREFIXES):
            continue
        else:
            _refuse_typo(variable, [*known, *RESERVED])
            continue
        if text:
            yield variable, path, from_text(key, text, variable)


def _of_members(section: str) -> re.Pattern[str]:
    """What the variables of a section look like whose members the user names."""
    ends = "|".join(key.path[2].upper() for key in keys.members(section))
    return re.compile(rf"CODERS_({section.upper()})_([A-Z0-9_]+)_({ends})")


def from_text(key: Key, text: str, where: str) -> Any:
    """The value that a text means for a key. Lists: comma-separated or JSON. Tables: JSON.

    Numbers stay texts; the schema turns them. ``none`` is None where that is a value.
    """
    if key.kind == "scalar":
        return None if key.optional and text.lower() == "none" else text
    if key.kind == "list" and not text.lstrip().startswith("["):
        return [part.strip() for part in text.split(",") if part.strip()]
    wanted: type = list if key.kind == "list" else dict
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, wanted):
        example = '["a", "b"]' if wanted is list else '{"NAME": "value"}'
        raise errors.ConfigError(f"{where}: is not a JSON {wanted.__name__}", f"write {example}")
    return value


def _refuse_typo(variable: str, known: list[str]) -> None:
    # without the prefix that all share and that would make any two look alike
    bare = {name.removeprefix("CODERS_"): name for name in known}
    wrong = variable.removeprefix("CODERS_")
    if close := difflib.get_close_matches(wrong, bare, n=1, cutoff=0.75):
        raise errors.ConfigError(
            f"environment: there is no variable {variable}", f"did you mean {bare[close[0]]}?"
        )
