"""The reference pages that are made from code: lifecycle, events, log keys, session, ...

``python docs/generate.py`` writes them; tests/unit/test_generated_docs.py fails when one is old.
The command line's pages and the configuration's are made by ``coders_queue.cli.reference`` and
``coders_queue.settings.publish``.
"""

from __future__ import annotations

import ast
import inspect
import itertools
import json
import sys
import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from coders_queue.models.activity import Activity, Said
from coders_queue.models.admission import Standing
from coders_queue.models.event import Event
from coders_queue.models.lifecycle import ENDED, MOVES, ON_HOST, State
from coders_queue.models.outcome import Cause, DiffStat, Outcome, Usage, WorkspaceResult
from coders_queue.models.record import SessionRecord
from coders_queue.models.restart import AttemptEnd
from coders_queue.models.spec import SessionSpec
from coders_queue.models.view import session_object
from coders_queue.models.vitals import Vitals
from coders_queue.store import kinds
from coders_queue.structured_log import KEYS
from coders_workers.runtimes.tmux.version import FLOOR

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import generate_approvals  # noqa: E402 (docs/ is on the path only now)
import generate_in_session  # noqa: E402 (docs/ is on the path only now)
import generate_merging  # noqa: E402 (docs/ is on the path only now)
import generate_rules  # noqa: E402
import generate_sharing  # noqa: E402

_MADE = "<!-- Made by `python docs/generate.py`: do not edit. -->"


def _state_meanings() -> dict[str, str]:
    """The docstrings below the members of ``State``; Python keeps none of them at run time."""
    tree = ast.parse(Path(inspect.getfile(State)).read_text(encoding="utf-8"))
    body = next(
        node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "State"
    )
    return {
        ast.literal_eval(member.value): " ".join(ast.literal_eval(doc.value).split())
        for member, doc in itertools.pairwise(body)
        if isinstance(member, ast.Assign) and isinstance(doc, ast.Expr)
    }


_STATES = _state_meanings()


def lifecycle() -> str:
    """The table of legal moves, as a graph and as a table."""
    lines = [
        *("# The life of a session", "", _MADE, ""),
        "A session is in one of these states. The store applies the table of legal moves",
        "atomically, fenced by the number of the attempt; nothing else decides what may follow",
        "what.",
        *("", "```mermaid", "stateDiagram-v2", "    [*] --> queued"),
        *(f"    {source} --> {target}" for source in State for target in _ordered(MOVES[source])),
        *(f"    {state} --> [*]" for state in State if state in ENDED),
        *("```", "", "| State | Meaning | May be followed by |", "|---|---|---|"),
    ]
    for state in State:
        targets = ", ".join(f"`{target}`" for target in _ordered(MOVES[state])) or "nothing"
        lines.append(f"| `{state}` | {_STATES[state]} | {targets} |")
    held = ", ".join(f"`{state}`" for state in State if state in ON_HOST)
    lines += [
        "",
        f"A host holds a session that is {held}. `queued` after one of these is a requeue: the",
        "host is gone, and the next assignment makes a new attempt. What a running agent is doing",
        "is no state of this table.",
    ]
    return "\n".join(lines) + "\n"


def _ordered(states: frozenset[State]) -> list[State]:
    return [state for state in State if state in states]


def events() -> str:
    """The kinds of events and an event's fields."""
    outcome = Outcome(id="x", state="failed", cause=Cause(kind="exit", message=""))
    about_end = ", ".join(f"`{key}`" for key in kinds.about_outcome(outcome))
    about_first = ", ".join(f"`{key}`" for key in kinds.about_spec(_sample().spec))
    lines = [
        *("# Events", "", _MADE, ""),
        "Every change of a session is an entry of one append-only stream in Redis (`cq:events`),",
        "written in the same step as the change. It holds no prompt, output, reason or",
        "environment.",
        "`coders show SESSION` lists a session's events; `Coders().store.events(after)` reads them",
        "in Python.",
        *("", "| Field | Meaning |", "|---|---|"),
        *_rows(Event),
        *("", "| Kind | When | `data` |", "|---|---|---|"),
    ]
    for state in State:
        data = about_end if state in ENDED else ""
        lines.append(f"| `{kinds.of_state(state)}` | {_STATES[state]} | {data} |")
    lines += [
        f"| `{kinds.CANCEL_REQUESTED}` | Somebody asked for the end of a session on a host. | |",
        f"| `{kinds.INSTALLING}` | A host installs the version it wants. | `agent`, `version` |",
        f"| `{kinds.REQUEUED}` | An attempt ended that is followed by another. | `exit_code`, "
        "`signal`, `cause`, `due_at` |",
        f"| `{kinds.PRIORITIZED}` | It waits, and was given another priority. | `priority` |",
        f"| `{kinds.REDIRECTED}` | It waits, and another agent carries it out: the quota "
        "of its own is used up. | `agent`, `instead_of` |",
        f"| `{kinds.ACTIVITY}` | What the agent is doing has changed. | `doing`, `since`, "
        "`source`, `resets_at` |",
        f"| `{kinds.TOKEN_REFUSED}` | Somebody called on the session's own socket with a token "
        "that is not the session's. | `verb` |",
        f"| `{kinds.RULE_FAILED}` | An action of a [rule](rules.md) was given up. | `rule`, "
        "`event`, `action`, `why` |",
        f"| `{kinds.RULE_STOPPED}` | A rule was stopped: it had triggered itself (`loop`), or too "
        "many led to each other (`depth`). | `rule`, `event`, `why`, `chain` |",
        f"| `{kinds.SETTLED}` | Celery has delivered the result. | |",
        f"| `{kinds.MESSAGE_DEAD}` | A message to it became a dead letter; its attempt is 0. | "
        "`message`, `sender`, `tries` |",
        f"| `{kinds.ARCHIVED}` | An attempt's archive is complete. | |",
        f"| `{kinds.APPROVAL_OPENED}` | Its agent waits for a person. | `approval`, `kind`, "
        "`tool` |",
        f"| `{kinds.APPROVAL_CLAIMED}` | An answer sets out. | also `by`, `deny`, `choice` |",
        f"| `{kinds.APPROVAL_PRESSED}` | Its key is about to be pressed. | the same |",
        f"| `{kinds.APPROVAL_FAILED}` | It did not get there; the agent waits on. | `approval`, "
        "`kind`, `tool` |",
        f"| `{kinds.APPROVAL_ANSWERED}` | It was given. | also `by`, `deny`, `choice` |",
        f"| `{kinds.APPROVAL_EXPIRED}` | Nobody answered in time: denied. | the same |",
        f"| `{kinds.APPROVAL_GONE}` | The agent waits no more, and no answer of the queue's was "
        "why. | `approval`, `kind`, `tool` |",
        "",
        f"The first event of a session, `session.queued` or `session.assigned`, has {about_first}",
        "in its `data`: a session that is spawned on the host's own socket begins as assigned.",
    ]
    return "\n".join(lines) + "\n"


def log_keys() -> str:
    """Every key of a log line."""
    lines = [
        *("# Keys of log lines", "", _MADE, ""),
        "Log files are in `logs/` of the state directory, one for each process, and rotated",
        "([configuration](configuration.md#log)). In JSON, a line is an object with these keys and",
        "no others; what else there is to say stands below `other`.",
        *("", "| Key | Meaning |", "|---|---|"),
        *(f"| `{key}` | {meaning} |" for key, meaning in KEYS.items()),
    ]
    return "\n".join(lines) + "\n"


#: Where each key of the object is explained: a field of a model, or a text of its own.
_VIEW: dict[str, tuple[type[BaseModel], str] | str] = {
    "id": "The session's id, which is its Celery task's id.",
    **{key: (SessionSpec, key) for key in ("name", "agent", "version", "owner", "labels", "mode")},
    "agent_version": (Outcome, "agent_version"),
    "state": "Where it stands: see [lifecycle](lifecycle.md).",
    **{key: (Vitals, key) for key in Vitals.model_fields},
    "attempts": "How often it was assigned to a host.",
    "host": "The host that runs or ran it.",
    "cwd": "The directory it was asked to run in; the repository, when it has a worktree.",
    "created_at": "When it was written down, epoch seconds.",
    "started_at": (Outcome, "started_at"),
    "ended_at": "When it ended, epoch seconds.",
    "pid": "The agent's process id while it runs.",
    "activity": "What its agent is doing: see below; null when none runs, or nothing tells.",
    "priority": (SessionSpec, "priority"),
    "waiting": "What it waits for while it is queued: see below; null for any other, and where it "
    "was not looked up.",
    "due_at": "While it is queued: not before this, epoch seconds.",
    "history": "Attempts that were followed by another, oldest first: see below.",
    "cancel_reason": "Why its end was asked for.",
    "conversation_id": (Outcome, "conversation_id"),
    "workspace": "What it left in its workspace: see below.",
    "usage": "What the agent says it consumed: see below.",
    "cause": "Why it did not succeed: see below; null when it did.",
    **{
        key: (Outcome, key)
        for key in ("exit_code", "signal", "result", "output", "output_truncated")
    },
    "archived": "Attempts whose archive is complete.",
    "correlation_id": (SessionSpec, "correlation_id"),
}


def session() -> str:
    """The object that ``--json`` prints."""
    shown = session_object(_sample())
    lines = [
        *("# The session object", "", _MADE, ""),
        "What `coders run`, `wait`, `result` and `show --json` print, and `coders ls --json` as a",
        "list: one flat JSON object. What is not known yet is null. `run` and `spawn` add",
        "`warnings`, a list of texts: what there is to say of the agent's version.",
        *("", "| Key | Meaning |", "|---|---|"),
    ]
    for key in shown:
        where = _VIEW[key]
        text = where if isinstance(where, str) else _doc(*where)
        lines.append(f"| `{key}` | {text or _NAMED[key]} |")
    for title, model in (
        ("`activity`", Activity),
        ("`activity.said`", Said),
        ("`waiting`", Standing),
        ("`history`", AttemptEnd),
        ("`cause`", Cause),
        ("`usage`", Usage),
        ("`workspace`", WorkspaceResult),
        ("`workspace.diff`", DiffStat),
    ):
        doc = (model.__doc__ or "").strip()
        lines += ["", f"## {title}", "", doc, "", "| Key | Meaning |", "|---|---|", *_rows(model)]
    example = json.dumps(shown, indent=2)
    lines += ["", "## An example", "", "```json", example, "```"]
    return "\n".join(lines) + "\n"


#: Fields whose names say it all.
_NAMED = {
    "output_truncated": "Whether `output` is only the end of what was printed.",
    "kind": "Of what kind.",
    "attempt": "The number of the attempt.",
    "session": "The session's id.",
    "host": "The host, where there is one.",
    "data": "More, by kind: see below.",
    "branch": "Its branch.",
    "head": "The branch's newest commit.",
    "diff": "The size of the change: see below.",
    "files": "Files changed.",
    "insertions": "Lines added.",
    "deletions": "Lines removed.",
    "path": "Its directory.",
    "started_at": "When its agent's process was confirmed.",
    "ended_at": "When it ended.",
    "exit_code": "The agent's exit status, where there is one.",
    "signal": "The signal that ended it, if one did.",
    "usage": "What the agent says it consumed in it.",
    "input_tokens": "Tokens read.",
    "output_tokens": "Tokens written.",
    "cache_read_tokens": "Tokens read from the cache.",
    "cache_write_tokens": "Tokens written to the cache.",
}


def _rows(model: type[BaseModel]) -> list[str]:
    return [
        f"| `{name}` | {(_doc(model, name) or _NAMED[name])}{_choices(model, name)} |"
        for name in model.model_fields
    ]


def _choices(model: type[BaseModel], name: str) -> str:
    if (model, name) != (Cause, "kind"):
        return ""
    values = Cause.model_json_schema()["properties"]["kind"]["enum"]
    return " " + ", ".join(f"`{value}`" for value in values)


def _doc(model: type[BaseModel], name: str) -> str:
    text = model.model_fields[name].description or ""
    return " ".join(text.replace("``", "`").replace("None", "null").split()).replace("|", "\\|")


def _sample() -> SessionRecord:
    data: dict[str, Any] = {
        "id": "b07c85a9-43ea-4f84-85b8-02d72aae6b2b",
        "spec": {
            "agent": "shell",
            "name": "demo",
            "task": "make test",
            "owner": "ada",
            "workspace": {"type": "worktree", "repository": "/home/ada/shop"},
        },
        "state": "succeeded",
        "attempt": 1,
        "host": "north",
        "created_at": 1795375765.0,
        "ended_at": 1795375768.0,
        "archived": (1,),
        "outcome": {
            "id": "b07c85a9-43ea-4f84-85b8-02d72aae6b2b",
            "state": "succeeded",
            "exit_code": 0,
            "output": "Committed.\n",
            "host": "north",
            "attempts": 1,
            "started_at": 1795375765.5,
            "ended_at": 1795375768.0,
            "workspace": {
                "path": "/home/ada/.local/state/coders/worktrees/shop-b07c85a9",
                "kept": False,
                "branch": "coders/demo",
                "base": "a2b9d0be8d1f2c3a4b5c6d7e8f90a1b2c3d4e5f6",
                "head": "40a6900d6a1f2c3a4b5c6d7e8f90a1b2c3d4e5f6",
                "commits": ["40a6900d6a1f2c3a4b5c6d7e8f90a1b2c3d4e5f6"],
                "diff": {"files": 1, "insertions": 1, "deletions": 1},
            },
        },
    }
    return SessionRecord.model_validate(data)


def tmux() -> str:
    """The oldest tmux."""
    floor = ".".join(map(str, FLOOR))
    lines = [
        *("# tmux", "", _MADE, ""),
        f"tmux **{floor}** or newer is needed; `coders doctor` checks it, and a worker refuses an",
        "older one in one line. Debian 12 has 3.3a.",
        "",
        "The floor was found by running the runtime's tests (`tests/integration/test_tmux_*.py`,",
        "with `CODERS_TEST_TMUX` set) against builds of tmux's own tags:",
        "",
        "| Version | Result |",
        "|---|---|",
        "| 3.2, 3.2a, 3.3a, 3.5a, 3.7c | pass |",
        "| 3.1c | cannot give the control connection the flag `ignore-size` |",
        "| 3.0a | knows no `window-size latest` |",
        "",
        "All sessions of a state directory live in one tmux server on a socket of its own",
        "(`run/tmux.sock`), started without any configuration file: your own tmux and its settings",
        "are left alone. `tmux.program` and `tmux.history_limit` are in the",
        "[configuration](configuration.md#tmux).",
    ]
    return "\n".join(lines) + "\n"


def layers() -> str:
    """The contracts of import-linter, drawn."""
    config = tomllib.loads((HERE.parent / "pyproject.toml").read_text(encoding="utf-8"))
    lines = [
        *("# Layers", "", _MADE, ""),
        "From the contracts of import-linter in `pyproject.toml`. In a drawing, a module imports",
        "only what stands below it; modules in one box import nothing of each other.",
    ]
    for contract in config["tool"]["importlinter"]["contracts"]:
        lines += ["", f"## {contract['name']}", ""]
        if contract["type"] != "layers":
            sources, forbidden = (
                ", ".join(f"`{name}`" for name in contract[key])
                for key in ("source_modules", "forbidden_modules")
            )
            lines.append(f"{sources} must not import {forbidden}.")
            continue
        lines += ["```mermaid", "flowchart TD"]
        boxes = [layer.replace(" | ", " · ") for layer in contract["layers"]]
        lines += [f'    L{number}["{box}"]' for number, box in enumerate(boxes)]
        lines += [f"    L{number} --> L{number + 1}" for number in range(len(boxes) - 1)]
        lines.append("```")
    return "\n".join(lines) + "\n"


def published() -> dict[str, str]:
    """Each page by its path below ``docs/``."""
    return {
        "reference/lifecycle.md": lifecycle(),
        "reference/events.md": events(),
        "reference/log-keys.md": log_keys(),
        "reference/session-object.md": session(),
        "reference/tmux.md": tmux(),
        "reference/layers.md": layers(),
        "reference/in-session.md": generate_in_session.page(_MADE),
        "reference/merging.md": generate_merging.page(_MADE),
        "reference/approvals.md": generate_approvals.page(_MADE, _rows),
        "reference/rules.md": generate_rules.page(_MADE),
        "reference/shared-context.md": generate_sharing.page(_MADE, _rows),
        "reference/messages.md": generate_sharing.messages(_MADE, _rows),
    }


if __name__ == "__main__":
    for name, text in published().items():
        (HERE / name).write_text(text, encoding="utf-8")
