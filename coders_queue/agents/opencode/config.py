"""What a session's opencode is told beside its command line: configuration, directories.

The person's own configuration stays where it is and counts; what the session needs goes over it by
``OPENCODE_CONFIG_CONTENT`` and ``OPENCODE_PERMISSION``. The configuration's directory is shown
through an overlay, because opencode installs a package into it and does not load a plug-in before.
"""

from __future__ import annotations

import json
from typing import Any

from coders_queue import errors
from coders_queue.agents.adapter import LaunchFacts
from coders_queue.agents.opencode import plugin
from coders_queue.agents.opencode.traits import Traits
from coders_queue.agents.session_server import NAME, START_PATIENCE, name_beside
from coders_queue.models.launch import FirstRun, LaunchPlan, Overlay, SeedFile
from coders_queue.models.spec import SessionSpec

#: The package that opencode wants in a configuration's directory; here it has it, on paper.
_SDK = "@opencode-ai/plugin"
_LOCKS = "package-lock.json"
_CONTENT = "OPENCODE_CONFIG_CONTENT"
_PERMISSION = "OPENCODE_PERMISSION"
#: The session's own directories, in the attempt's.
_CONFIG, _DATA, _STATE, _HOME = "home/config", "home/data", "home/state", "home/person"
#: Set for opencode itself; its agent's commands get the person's own.
_RESTORED = ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "OPENCODE_TEST_HOME")


def furnish(
    plan: LaunchPlan,
    spec: SessionSpec,
    facts: LaunchFacts,
    traits: Traits,
    *,
    shown: str | None,
    send: bool,
) -> LaunchPlan:
    """The plan with the session's configuration, directories and plug-in."""
    theirs = facts.environ.get(_CONTENT, "")
    env = {
        # no update and no public copy from under a running session
        "OPENCODE_DISABLE_AUTOUPDATE": "1",
        "OPENCODE_DISABLE_SHARE": "1",
    }
    own = {_CONTENT: _content(theirs, facts), **_directories(facts, traits)}
    if theirs:
        own[plugin.CONTENT] = theirs
    permission = _permission(spec, traits)
    if facts.mcp:
        permission[f"{_server_name(facts)}_*"] = "allow"
    if permission:
        own[_PERMISSION] = _over(facts, _PERMISSION, permission)
    if facts.carry != "all":
        env |= {"OPENCODE_DISABLE_CLAUDE_CODE": "1", "OPENCODE_DISABLE_EXTERNAL_SKILLS": "1"}
    seeds = plugin.seeds(
        task=facts.task,
        shown=shown,
        send=spec.resume if send else None,
        title=spec.mode == "interactive",
        environ={name: facts.environ.get(name) for name in _RESTORED if name in own},
    )
    return plan.model_copy(
        update={
            "env": {**plan.env, **env},
            "own_env": {**plan.own_env, **own},
            "overlays": (*plan.overlays, *_overlays(facts)),
            "files": (*plan.files, *seeds, *_installed()),
            "first_run": _first_run(facts, traits, own),
        }
    )


def _first_run(facts: LaunchFacts, traits: Traits, own: dict[str, str]) -> FirstRun | None:
    """Two that make the database at once, or bring it to a new version, would stumble."""
    if not traits.database:
        return None
    database = own.get("OPENCODE_DB") or facts.environ.get("OPENCODE_DB")
    place = database or f"{_user(facts, 'XDG_DATA_HOME')}/opencode"
    return FirstRun(argv=("session", "list"), once_for=(place, facts.version or ""))


def _content(theirs: str, facts: LaunchFacts) -> str:
    content = _parse(theirs, _CONTENT) if theirs.strip() else {}
    plugins = content.get("plugin")
    ours = {
        "autoupdate": False,
        "share": "disabled",
        "plugin": [
            *(plugins if isinstance(plugins, list) else []),
            f"file://{facts.directory}/{plugin.PLUGIN}",
        ],
    }
    agents = content.get("agent")
    agents = dict(agents) if isinstance(agents, dict) else {}
    titles = agents.get("title")
    # a request of its own for the title, which nobody counts and which fails unseen
    agents["title"] = {**(titles if isinstance(titles, dict) else {}), "disable": True}
    servers = content.get("mcp")
    if facts.mcp:
        server = {
            "type": "local",
            "command": list(facts.mcp),
            "enabled": True,
            "timeout": START_PATIENCE * 1000,
        }
        others = servers if isinstance(servers, dict) else {}
        ours["mcp"] = {**others, _server_name(facts): server}
    return json.dumps({**content, **ours, "agent": agents})


def users_files(facts: LaunchFacts) -> tuple[str, ...]:
    """The user's own settings, and the project's."""
    places = (facts.cwd, f"{_user(facts, 'XDG_CONFIG_HOME')}/opencode")
    return tuple(f"{place}/opencode.{kind}" for place in places for kind in ("json", "jsonc"))


def _server_name(facts: LaunchFacts) -> str:
    """That of the session's own MCP server: all settings are laid over one another, and another
    server of that name would be replaced."""
    written = b"".join(facts.config.values()) + facts.environ.get(_CONTENT, "").encode()
    longer = (NAME, f"{NAME}_session", f"{NAME}_session_session")
    return name_beside({name for name in longer if f'"{name}"'.encode() in written})


def _permission(spec: SessionSpec, traits: Traits) -> dict[str, str]:
    if spec.permission == "full":
        return {} if traits.auto else dict(traits.everything)
    if spec.permission == "edit":
        # headless a question is answered with no, and the run ends there; denied, it goes on
        other = "deny" if spec.mode == "headless" else "ask"
        return {"edit": "allow", "bash": other, "external_directory": other}
    return {}


def _over(facts: LaunchFacts, name: str, ours: dict[str, str]) -> str:
    theirs = facts.environ.get(name, "")
    base = _parse(theirs, name) if theirs.strip() else {}
    # the last rule that fits counts: ours stand behind theirs
    kept = {key: value for key, value in base.items() if key not in ours}
    return json.dumps({**kept, **ours})


def _parse(text: str, name: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise errors.UsageError(
            f"{name} is not a JSON object, so nothing can be added to it",
            "write it without comments, or put it into opencode.json",
        )
    return value


def _directories(facts: LaunchFacts, traits: Traits) -> dict[str, str]:
    own = {"XDG_CONFIG_HOME": f"{facts.directory}/{_CONFIG}"}
    if facts.carry == "all":
        return own
    own |= {
        "XDG_DATA_HOME": f"{facts.directory}/{_DATA}",
        "XDG_STATE_HOME": f"{facts.directory}/{_STATE}",
        "OPENCODE_TEST_HOME": f"{facts.directory}/{_HOME}",
    }
    if traits.database and "OPENCODE_DB" not in facts.environ:
        own["OPENCODE_DB"] = f"{facts.keep}/opencode.db"
    return own


def _overlays(facts: LaunchFacts) -> tuple[Overlay, ...]:
    config = _user(facts, "XDG_CONFIG_HOME")
    carried = None if facts.carry == "all" else ()
    overlays = [
        # other programs' settings: the agent's commands see them
        Overlay(path=_CONFIG, source=config, skip=("opencode",)),
        Overlay(
            path=f"{_CONFIG}/opencode",
            source=f"{config}/opencode",
            only=carried,
            # what is in it is links: a plug-in of the person's own finds its packages where it is
            skip=("node_modules", "package.json", _LOCKS),
        ),
    ]
    if facts.carry != "all":
        data = _user(facts, "XDG_DATA_HOME")
        overlays += [
            Overlay(path=_DATA, source=data, skip=("opencode",)),
            Overlay(
                path=f"{_DATA}/opencode",
                source=f"{data}/opencode",
                only=("auth.json", "mcp-auth.json") if facts.carry == "login" else (),
                keep=("storage", "snapshot"),
                keep_in=facts.keep,
            ),
            Overlay(path=_STATE, source=_user(facts, "XDG_STATE_HOME"), skip=("opencode",)),
            Overlay(path=_HOME, source=facts.home, only=()),
        ]
    return tuple(overlays)


def _installed() -> tuple[SeedFile, ...]:
    wanted = {"dependencies": {_SDK: "*"}}
    locked = {"lockfileVersion": 3, "requires": True, "packages": {"": wanted}}
    where = f"{_CONFIG}/opencode"
    return (
        SeedFile(path=f"{where}/package.json", content=json.dumps(wanted).encode()),
        SeedFile(path=f"{where}/{_LOCKS}", content=json.dumps(locked).encode()),
        SeedFile(path=f"{where}/node_modules/.package-lock.json", content=b"{}"),
    )


def _user(facts: LaunchFacts, name: str) -> str:
    """The person's own directory of that kind."""
    defaults = {
        "XDG_CONFIG_HOME": ".config",
        "XDG_DATA_HOME": ".local/share",
        "XDG_STATE_HOME": ".local/state",
    }
    return facts.environ.get(name) or f"{facts.home}/{defaults[name]}"
