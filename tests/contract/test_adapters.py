"""What every adapter promises, the built-in ones and those made of a file."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from coders_queue import described_agents, errors
from coders_queue.agents import registry
from coders_queue.agents.adapter import Adapter, LaunchFacts
from coders_queue.agents.described.adapter import DescribedAdapter
from coders_queue.agents.described.model import Description
from coders_queue.agents.screen import Screen
from coders_queue.models.launch import ExitStatus, LaunchPlan
from coders_queue.models.observation import Observation
from coders_queue.models.spec import DirectoryWorkspace, SessionSpec

EXAMPLES = Path(__file__).parents[2] / "config/examples/agents"
SECRET = "the task that nobody else may see"

#: One of each kind that a file can make.
KINDS: dict[str, dict[str, Any]] = {
    "lines": {
        "headless": {
            "prompt": "stdin",
            "argv": ["--go"],
            "model": ["--model", "{model}"],
            "resume": ["--resume", "{resume}"],
            "output": {
                "format": "jsonl",
                "lines": [{"when": {"/type": "end"}, "done": True, "result": "/text"}],
            },
        },
        "interactive": {
            "task": ["{task}"],
            "screen": [
                {"state": "idle", "match": "^> (?P<draft>.*)$"},
                {"state": "waiting", "where": "screen", "match": r"\?$", "choices": r"^\d\. .*"},
            ],
        },
    },
    "text": {
        "headless": {
            "prompt": "file",
            "argv": ["{task_file}"],
            "output": {
                "format": "text",
                "result": {"after": "^BEGIN$", "before": "^END$"},
                "usage": [r"(?P<input>\d+) in"],
            },
        }
    },
}


def _adapters() -> dict[str, Adapter]:
    found: dict[str, Adapter] = {name: registry.get(name) for name in registry.built_in()}
    for file in sorted(EXAMPLES.glob("*.toml")):
        found[f"file {file.stem}"] = described_agents.load(file)
    for kind, fields in KINDS.items():
        data = {"name": "mine", "program": "mine", **fields}
        found[f"described {kind}"] = DescribedAdapter(Description.model_validate(data))
    return found


ADAPTERS = _adapters()
AGENTS = {name: one for name, one in ADAPTERS.items() if one.takes_prompt}

every = pytest.mark.parametrize("adapter", ADAPTERS.values(), ids=list(ADAPTERS))
every_agent = pytest.mark.parametrize("adapter", AGENTS.values(), ids=list(AGENTS))

quick = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

#: Bytes of all kinds, and such as are nearly what the tools print.
noise = st.one_of(
    st.binary(max_size=300),
    st.lists(
        st.sampled_from(
            [
                b'{"type":"result"',
                b'{"type":"result","subtype":"success"}',
                b'{"type":[],"message":{"content":[1,null,{"type":"text"}]}}',
                b'{"type":"error","error":null}',
                b'{"usage":{"input_tokens":-1,"output_tokens":"x"}}',
                b'{"type":"turn.started","usage":[]}',
                b"null",
                b"[]",
                b"1e999",
                b'"\\ud800"',
                b"\xff\xfe",
                b"\x1b[2J\x1b]0;t",
                b"[" * 2000,
                b"BEGIN",
                b"> x",
                b"Tokens: 1 sent, ",
            ]
        ),
        max_size=8,
    ).map(b"\n".join),
)


def spec(adapter: Adapter, **fields: Any) -> SessionSpec:
    """A request for the adapter's agent."""
    workspace = DirectoryWorkspace(path="/work")
    return SessionSpec(agent=adapter.name, workspace=workspace, **fields)


def facts(task: str | None, **fields: Any) -> LaunchFacts:
    """What a host knows of an attempt."""
    places = {"directory": "/attempt", "cwd": "/work", "home": "/home/ada", "keep": "/keep"}
    return LaunchFacts(session_id="0b7c", attempt=1, task=task, **{**places, **fields})


def plan(adapter: Adapter, task: str | None, **fields: Any) -> LaunchPlan:
    """The plan for a task."""
    return adapter.plan(spec(adapter, task=task, **fields), facts(task))


@every
def test_it_fulfils_the_protocol(adapter: Adapter) -> None:
    """Every attribute and method is there, of its type."""
    checked: Adapter = adapter
    assert checked.name
    assert set(checked.modes) <= {"headless", "interactive"}
    assert checked.modes
    for patterns in (checked.pass_env, checked.tested):
        assert isinstance(patterns, tuple)
        assert all(isinstance(one, str) for one in patterns)
    assert isinstance(checked.takes_prompt, bool)
    assert isinstance(checked.native_schema, bool)
    assert checked.delivery.pause >= 0
    assert (checked.program is None) == (not checked.takes_prompt)
    for method in (name for name in dir(Adapter) if not name.startswith("_")):
        assert hasattr(checked, method), method


@every_agent
@pytest.mark.parametrize("permission", ["default", "edit", "full"])
@pytest.mark.parametrize("carry", ["all", "login", "none"])
def test_a_plan_is_words_below_the_attempts_directory(
    adapter: Adapter, permission: Any, carry: Any
) -> None:
    """Whatever is asked for: the program first, no NUL, and no file of the user's is written."""
    for mode in adapter.modes:
        request = spec(adapter, task="go", mode=mode, permission=permission)
        if mode == "interactive" and isinstance(adapter, DescribedAdapter):
            assert adapter.description.interactive is not None
        made = adapter.plan(request, facts("go", carry=carry))
        words = (*made.argv, *made.env, *made.env.values(), *made.own_env.values(), *made.unset)
        assert all(isinstance(word, str) and "\0" not in word for word in words)
        assert made.argv[0] == adapter.program
        assert made.terminal == (mode == "interactive")
        for file in made.files:
            place = Path("/attempt", file.path)
            assert place.is_relative_to("/attempt")
            assert ".." not in place.parts
        for overlay in made.overlays:
            assert overlay.path.startswith("home/")  # which is removed when the attempt is over
            assert ".." not in Path(overlay.path).parts
            assert Path(overlay.source).is_absolute()


@every_agent
def test_a_headless_run_needs_a_task(adapter: Adapter) -> None:
    """It says so before anything runs."""
    if "headless" in adapter.modes:
        with pytest.raises(errors.UsageError, match=adapter.name):
            plan(adapter, None)


@every_agent
def test_the_task_stays_off_the_command_line_where_there_is_another_way(adapter: Adapter) -> None:
    """Anybody on the machine reads a command line."""
    made = plan(adapter, SECRET)
    elsewhere = [made.stdin or b"", *(file.content for file in made.files)]
    if any(SECRET.encode() in one for one in elsewhere):
        assert not any(SECRET in word for word in made.argv)
    assert not any(SECRET in value for value in (*made.env.values(), *made.own_env.values()))
    by_file = isinstance(adapter, DescribedAdapter)
    assert not (by_file and any(SECRET in word for word in made.argv))


@every_agent
def test_a_nul_in_a_task_is_refused_or_carried(adapter: Adapter) -> None:
    """It never reaches an argument, which it would end."""
    try:
        made = adapter.plan(spec(adapter, task="t"), facts("a\0b"))
    except errors.UsageError:
        return
    assert not any("\0" in word for word in made.argv)


@every
@quick
@given(data=noise, title=st.text(max_size=20), version=st.sampled_from([None, "0.1", "9.9", "x"]))
def test_a_look_never_breaks(adapter: Adapter, data: bytes, title: str, version: Any) -> None:
    """Whatever a screen, a stream, a hook or a transcript holds: a word of the set, or nothing."""
    text = data.decode("utf-8", "surrogateescape")
    seen: list[Observation | None] = [adapter.observe_screen(Screen(text, title), version)]
    assert seen[0] is not None
    look: Callable[[bytes, str | None], Observation | None]
    for look in (adapter.observe_stream, adapter.observe_hook, adapter.observe_transcript):
        for line in (data, *data.split(b"\n")):
            seen.append(look(line, version))
    for one in seen:
        assert one is None or Observation.model_validate(one.model_dump()) == one
    for line in data.split(b"\n"):
        shown = adapter.render(line + b"\n")
        assert shown is None or isinstance(shown, bytes)


@every_agent
@quick
@given(
    stdout=noise,
    stderr=noise,
    log=noise,
    status=st.sampled_from(
        [ExitStatus(code=0), ExitStatus(code=1), ExitStatus(signal=9), ExitStatus(lost=True)]
    ),
)
def test_noise_is_never_read_as_success(
    adapter: Adapter, stdout: bytes, stderr: bytes, log: bytes, status: ExitStatus
) -> None:
    """A headless run whose output is garbage, nothing or cut off has failed, and says why."""
    # a line by which a tool says that it is done is no noise
    assume(b"completed" not in stdout + log)
    for logs in ((), (log,)):
        found = adapter.read(
            spec(adapter, task="t"), facts("t"), stdout, status, stderr, transcripts=logs
        )
        assert not found.ok
        assert found.message
        assert "\n" not in found.message


@every
@quick
@given(stdout=noise, log=noise)
def test_the_end_at_a_terminal_is_read_without_harm(
    adapter: Adapter, stdout: bytes, log: bytes
) -> None:
    """Its transcripts may hold anything; a program that was killed has not succeeded."""
    if "interactive" not in adapter.modes:
        return
    request = spec(adapter, mode="interactive", argv=("true",))
    for status in (ExitStatus(code=0), ExitStatus(signal=9)):
        found = adapter.read(request, facts(None), stdout, status, transcripts=(log,))
        assert found.ok <= (status.code == 0)


@every_agent
def test_its_transcripts_are_absolute_patterns(adapter: Adapter) -> None:
    """So that they are looked for in one place, wherever the host's worker is."""
    with tempfile.TemporaryDirectory() as directory:
        for mode in adapter.modes:
            request = spec(adapter, task="t", mode=mode)
            for one in adapter.transcripts(request, facts("t", directory=directory)):
                assert one.startswith("/")


@pytest.mark.parametrize("name", ["claude", "codex", "gemini", "opencode", "qwen"])
def test_a_terminal_left_before_its_task_was_sent_is_no_success(name: str) -> None:
    """Somebody attached, saw the first screen, and quit with exit status 0."""
    adapter = registry.get(name)
    asked = spec(adapter, task="fix it", mode="interactive")
    reading = adapter.read(asked, facts("fix it"), b"", ExitStatus(code=0))
    assert not reading.ok
    assert "before its task was sent" in (reading.message or "")
