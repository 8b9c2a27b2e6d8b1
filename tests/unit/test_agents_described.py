"""The adapter of a tool that a file describes: its plans, its reading of output and screens."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from coders_queue import errors
from coders_queue.agents.adapter import LaunchFacts
from coders_queue.agents.described.adapter import DescribedAdapter
from coders_queue.agents.described.model import Description, PackageSource
from coders_queue.agents.screen import Screen
from coders_queue.models.launch import ExitStatus, Overlay, Reading
from coders_queue.models.outcome import Usage
from coders_queue.models.spec import DirectoryWorkspace, SessionSpec

FINE = ExitStatus(code=0)
JSONL = {
    "format": "jsonl",
    "lines": [
        {"when": {"/type": "start"}, "starts": True, "conversation": "/id"},
        {
            "when": {"/type": "end"},
            "done": True,
            "result": "/text",
            "error": "/error/message",
            "usage": {
                "input": "/usage/0/in",
                "output": "/usage/0/out",
                "cache_read": "/usage/0/cached",
                "cached_in_input": True,
                "cost_usd": "/cost",
                "each": True,
            },
        },
    ],
}
TEXT = {
    "format": "text",
    "result": {"after": "^ANSWER:$", "before": r"^DONE\.$"},
    "failed": ["^FATAL .*"],
    "message": ["^warning: .*"],
    "usage": [r"(?P<input>[\d,.k]+) in, (?P<output>[\d,.k]+) out"],
    "conversation": "^session (?P<id>[0-9a-f]+)$",
}


def tool(**fields: Any) -> DescribedAdapter:
    """A tool that takes its prompt on standard input, but for what is given."""
    headless = {"prompt": "stdin", "argv": ["--go"], "output": JSONL, **fields.pop("headless", {})}
    data = {"name": "mine", "program": "mine", "headless": headless, **fields}
    return DescribedAdapter(Description.model_validate(data))


def spec(**fields: Any) -> SessionSpec:
    """A request."""
    return SessionSpec(agent="mine", workspace=DirectoryWorkspace(path="/work"), **fields)


def facts(task: str | None = "do it", **fields: Any) -> LaunchFacts:
    """What the host knows."""
    place = {"directory": "/attempt[1]", "cwd": "/work", "home": "/home/ada", **fields}
    return LaunchFacts(session_id="s", attempt=1, task=task, **place)


def read(adapter: DescribedAdapter, *lines: Any, end: str = "\n", **fields: Any) -> Reading:
    """What is made of lines of JSON, or of text."""
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines) + end
    request = spec(**fields.pop("asked", {}))
    return adapter.read(request, facts(), text.encode(), fields.pop("status", FINE), **fields)


def test_the_prompt_takes_the_channel_that_the_file_names() -> None:
    """Standard input, a private file, or an argument."""
    prompt = "-x 'a'\n$HOME {cwd} ž"
    plan = tool().plan(spec(task=prompt), facts(prompt))
    assert (plan.argv, plan.stdin) == (("mine", "--go"), prompt.encode())
    by_file = tool(headless={"prompt": "file", "argv": ["-f", "{task_file}"]})
    plan = by_file.plan(spec(task=prompt), facts(prompt))
    assert plan.argv == ("mine", "-f", "/attempt[1]/task.txt")
    assert plan.stdin is None
    assert [(file.path, file.content) for file in plan.files] == [("task.txt", prompt.encode())]
    by_argument = tool(headless={"prompt": "argument", "argv": ["--prompt={task}", "{cwd}"]})
    plan = by_argument.plan(spec(task=prompt), facts(prompt))
    assert plan.argv == ("mine", f"--prompt={prompt}", "/work")


def test_what_is_asked_for_is_added_in_order() -> None:
    """Permission, model, conversation, then the request's own arguments, before any ``--``."""
    adapter = tool(
        headless={
            "prompt": "argument",
            "argv": ["--go"],
            "permission": {"full": ["--yes"], "edit": ["--edit"]},
            "model": ["-m", "{model}"],
            "resume": ["--resume={resume}", "--", "{task}"],
        }
        | {"argv": ["{task}"], "resume": ["--resume={resume}"]}
    )
    asked = spec(task="t", model="big", resume="-7", permission="full", argv=("--own",))
    argv = adapter.plan(asked, facts("t")).argv
    assert argv == ("mine", "t", "--yes", "-m", "big", "--resume=-7", "--own")
    after = tool(headless={"prompt": "argument", "argv": ["run", "--", "{task}"]})
    argv = after.plan(spec(task="-t", argv=("--own",)), facts("-t")).argv
    assert argv == ("mine", "run", "--own", "--", "-t")


@pytest.mark.parametrize(
    ("headless", "asked", "said"),
    [
        ({}, {"task": None}, "nothing to do: a headless run needs a task"),
        ({}, {"task": "t", "model": "m"}, "cannot be told a model"),
        ({}, {"task": "t", "resume": "r"}, "cannot be told a conversation"),
        ({"model": ["-m", "{model}"]}, {"task": "t", "model": "-rf"}, "take '-rf' for an option"),
        ({"prompt": "argument", "argv": ["{task}"]}, {"task": "-t"}, "begins with a dash"),
        ({"prompt": "argument", "argv": ["{task}"]}, {"task": "x" * 131072}, "has 131072 bytes"),
        ({}, {"task": "t", "mode": "interactive"}, "cannot run interactive"),
    ],
)
def test_what_the_tool_cannot_be_told_is_refused(
    headless: dict[str, Any], asked: dict[str, Any], said: str
) -> None:
    """Before anything runs, in one line."""
    with pytest.raises(errors.UsageError, match=said):
        tool(headless=headless).plan(spec(**asked), facts(asked["task"]))


def test_a_nul_is_refused() -> None:
    """Results handed on may have brought it in after the request was checked."""
    with pytest.raises(errors.UsageError, match="NUL"):
        tool().plan(spec(task="t"), facts("a\0b"))


def test_the_sessions_own_configuration_is_the_users_as_far_as_it_is_carried_in() -> None:
    """All of it, the login, or nothing; conversations outlive the session."""
    home = {
        "variable": "MINE_HOME",
        "overlay": ".mine",
        "login": ["auth.json"],
        "keep": ["chats"],
        "files": {"config.toml": "x = 1"},
    }
    adapter = tool(home=home, env={"A": "b", "LOG": "{log_file}"}, unset=["MINE_DEBUG"])
    plan = adapter.plan(spec(task="t"), facts())
    assert plan.own_env == {"MINE_HOME": "/attempt[1]/home/mine"}
    assert plan.env == {"A": "b", "LOG": "/attempt[1]/tool.log"}
    assert plan.unset == ("MINE_DEBUG",)
    assert [(one.path, one.content) for one in plan.files] == [("home/mine/config.toml", b"x = 1")]
    assert plan.overlays == (Overlay(path="home/mine", source="/home/ada/.mine", keep=("chats",)),)
    theirs = facts(environ={"MINE_HOME": "/elsewhere"}, carry="login", keep="/state/chats")
    (overlay,) = adapter.plan(spec(task="t"), theirs).overlays
    assert (overlay.source, overlay.only) == ("/elsewhere", ("auth.json",))
    assert overlay.keep_in == "/state/chats"
    (overlay,) = adapter.plan(spec(task="t"), facts(carry="none", keep="/state/chats")).overlays
    assert overlay.only == ()


def test_lines_of_json_give_answer_usage_conversation() -> None:
    """Summed over requests where the file says so; what came from the cache is taken off."""
    one = {"type": "end", "text": "a", "usage": [{"in": 100, "out": 5, "cached": 40}], "cost": 0.5}
    two = {**one, "text": "b"}
    found = read(tool(), {"type": "start", "id": "c1"}, one, two)
    assert found == Reading(
        ok=True,
        result="b",
        conversation_id="c1",
        usage=Usage(input_tokens=120, output_tokens=10, cache_read_tokens=80, cost_usd=1.0),
    )


@pytest.mark.parametrize(
    ("lines", "status", "said"),
    [
        ((), FINE, "mine: ended without a complete answer, exit status 0: last words"),
        (("garbage",), FINE, "without a complete answer"),
        (({"type": "end"},), ExitStatus(code=3), "mine: exit status 3: last words"),
        (({"type": "end"},), ExitStatus(signal=9), "mine: killed by SIGKILL"),
        (({"type": "end"},), ExitStatus(lost=True), "vanished"),
        (({"type": "end", "error": {"message": "no\nkey"}},), FINE, "mine: no key"),
        (({"type": "end", "error": {"message": {"a": 1}}},), FINE, 'mine: {"a": 1}'),
        (({"type": "end"}, {"type": "start"}), FINE, "without a complete answer"),
        (({"type": "end", "done": True}, '{"type": "st'), ExitStatus(code=1), "exit status 1"),
        (("[" * 100_000,), FINE, "without a complete answer"),
    ],
)
def test_a_failure_is_never_success(lines: Any, status: ExitStatus, said: str) -> None:
    """Whatever the exit status: an error, garbage, nothing, a turn that was begun and not ended."""
    found = read(tool(), *lines, status=status, stderr=b"noise\n\x1b[31mlast words\x1b[0m\n\n")
    assert not found.ok
    assert said in (found.message or "")
    assert "\n" not in (found.message or "")


def test_a_turn_that_was_tried_again_is_fine() -> None:
    """An error counts until the next turn begins."""
    failed = {"type": "end", "error": {"message": "overloaded"}}
    assert read(tool(), {"type": "start"}, failed, {"type": "start"}, {"type": "end"}).ok


def test_text_gives_answer_usage_conversation() -> None:
    """By the lines around the answer; colours and carriage returns do not count."""
    adapter = tool(headless={"output": TEXT})
    found = read(
        adapter,
        "session 0af3",
        "ANSWER:",
        "old",
        "DONE.",
        "\x1b[1mANSWER:\x1b[0m\r",
        "",
        "  one",
        "two",
        "",
        "DONE.",
        "1,234 in, 56 out",
    )
    assert found == Reading(
        ok=True,
        result="  one\ntwo",
        conversation_id="0af3",
        usage=Usage(input_tokens=1234, output_tokens=56),
    )


def test_an_answer_cut_off_anywhere_is_none() -> None:
    """At whatever byte the output ends: only all of it is an answer."""
    end = {"type": "end", "text": "a", "usage": [{"in": 1, "out": 2}]}
    streams = {
        "lines": (tool(), f'{{"type": "start"}}\n{json.dumps(end)}\n'),
        "text": (tool(headless={"output": TEXT}), "x\nANSWER:\none\nDONE.\n"),
    }
    for adapter, whole in streams.values():
        for length in range(len(whole)):
            cut = adapter.read(spec(task="t"), facts(), whole[:length].encode(), FINE)
            # the end of the last line is no part of a JSON value
            assert not cut.ok or whole[:length] == whole.rstrip("\n")
        assert adapter.read(spec(task="t"), facts(), whole.encode(), FINE).ok


@pytest.mark.parametrize(
    ("lines", "end", "said"),
    [
        (("ANSWER:", "one"), "\n", "without a complete answer"),
        (("ANSWER:", "one", "DONE."), "", "without a complete answer"),
        (("ANSWER:", "DONE.", "FATAL no key"), "\n", "mine: FATAL no key"),
        (("ANSWER:", "DONE.", "FATAL no key"), "", "mine: FATAL no key"),
        (("warning: slow", "warning: down"), "\n", "exit status 0: warning: down"),
        ((), "", "without a complete answer"),
    ],
)
def test_a_failure_in_text_is_never_success(lines: Any, end: str, said: str) -> None:
    """Cut off in the middle, or with a line that means a failure though the exit status is 0."""
    found = read(tool(headless={"output": TEXT}), *lines, end=end)
    assert not found.ok
    assert said in (found.message or "")


def test_a_rounded_number_is_no_usage() -> None:
    """Better none than one that is not the model's own."""
    found = read(tool(headless={"output": TEXT}), "ANSWER:", "DONE.", "1.2k in, 56 out")
    assert found.usage == Usage(output_tokens=56)


def test_a_log_tells_what_the_output_does_not() -> None:
    """It has to be complete too, where the file says how that shows."""
    log = {"read": JSONL}
    adapter = tool(headless={"output": TEXT, "log": log})
    assert adapter.transcripts(spec(task="t"), facts()) == ("/attempt[[]1]/tool.log",)
    usage = [{"in": 7, "out": 2}]
    entry = json.dumps({"type": "end", "text": "log", "usage": usage}).encode()
    found = read(adapter, "ANSWER:", "said", "DONE.", transcripts=(entry,))
    assert (found.ok, found.result) == (True, "said")
    assert found.usage == Usage(input_tokens=7, output_tokens=2)
    assert not read(adapter, "ANSWER:", "said", "DONE.").ok
    elsewhere = tool(headless={"log": {**log, "files": ["~/.m/*.log", "{home}/x", "/v/*"]}})
    assert elsewhere.transcripts(spec(task="t"), facts()) == (
        "/home/ada/.m/*.log",
        "/attempt[[]1]/home/mine/x",
        "/v/*",
    )


INTERACTIVE = {
    "argv": ["--tui"],
    "task": ["--first", "{task}"],
    "log": {"read": JSONL},
    "screen": [
        {
            "state": "waiting",
            "match": r"^(?P<question>.*\?) \[y/n\]$",
            "choices": r"^\s*\d\. (?P<choice>.+)$",
        },
        {"state": "working", "where": "title", "match": "^busy"},
        {"state": "error", "where": "screen", "match": "^error: (?P<message>.*)"},
        {"state": "idle", "where": "footer", "match": "^> ?(?P<draft>.*)$"},
    ],
}


@pytest.mark.parametrize(
    ("text", "title", "state", "more"),
    [
        ("hello\n> \n\n", "", "idle", {}),
        ("> busy\nmore", "", "unknown", {}),
        ("x\n> half a wo", "", "idle", {"draft": "half a wo"}),
        ("> ", "busy: a", "working", {}),
        (
            "1. Yes\n2. No, never\nMay I? [y/n]\n",
            "",
            "waiting",
            {"question": "May I?", "choices": ("Yes", "No, never")},
        ),
        ("error: no key\nx\n", "", "error", {"message": "no key"}),
        ("", "", "unknown", {}),
    ],
)
def test_the_first_rule_that_fits_says_what_a_screen_shows(
    text: str, title: str, state: str, more: dict[str, Any]
) -> None:
    """Each looks at its own place."""
    seen = tool(interactive=INTERACTIVE).observe_screen(Screen(text, title))
    assert seen.state == state
    for key in ("question", "choices", "draft", "message"):
        assert getattr(seen, key) == more.get(key, () if key == "choices" else None)


def test_at_a_terminal_the_log_tells_the_rest() -> None:
    """The first prompt is an argument; answer, usage and id come from the log."""
    adapter = tool(interactive=INTERACTIVE)
    assert adapter.modes == ("headless", "interactive")
    request = spec(mode="interactive", task="go")
    plan = adapter.plan(request, facts("go"))
    assert (plan.argv, plan.terminal) == (("mine", "--tui", "--first", "go"), True)
    empty = adapter.plan(spec(mode="interactive"), facts(None))
    assert empty.argv == ("mine", "--tui")
    entry = b'{"type": "start", "id": "c"}\n{"type": "end", "text": "yes"}\n'
    found = adapter.read(request, facts("go"), b"\x1b[2J", FINE, transcripts=(entry,))
    assert (found.ok, found.result, found.conversation_id) == (True, "yes", "c")
    seen = adapter.observe_transcript(b'{"type": "end", "text": "yes"}')
    assert seen is not None
    assert (seen.state, seen.result) == ("idle", "yes")


def test_a_terminal_without_a_first_prompt_says_so() -> None:
    """The task is not dropped in silence."""
    adapter = tool(interactive={"argv": []})
    with pytest.raises(errors.UsageError, match="no first prompt"):
        adapter.plan(spec(mode="interactive", task="go"), facts("go"))


@pytest.mark.parametrize(
    ("line", "state", "shown"),
    [
        (b'{"type": "start"}\n', "working", None),
        (b'{"type": "end", "text": "hi"}\n', "idle", b"hi\n"),
        (b'{"type": "end", "error": {"message": "no"}}\n', "error", b"no\n"),
        (b'{"type": "other"}\n', "working", None),
        (b"noise\n", None, None),
    ],
)
def test_a_line_of_the_stream_says_where_a_turn_stands(
    line: bytes, state: str | None, shown: bytes | None
) -> None:
    """And is shown as what it says."""
    seen = tool().observe_stream(line)
    assert (seen.state if seen else None) == state
    assert tool().render(line) == shown


def test_text_is_shown_as_it_is() -> None:
    """Nothing of it is an observation by itself."""
    adapter = tool(headless={"output": TEXT})
    assert adapter.render(b"x\n") == b"x\n"
    assert adapter.observe_stream(b"FATAL x\n") is None


@pytest.mark.parametrize(
    ("registry", "program"), [("npm", "node_modules/.bin/mine"), ("pypi", "bin/mine")]
)
def test_the_package_is_known_by_its_registry(registry: str, program: str) -> None:
    """It is what the program's version is looked up by."""
    package = tool(package={"registry": registry, "name": "mine-cli"}).package
    assert package is not None
    assert (package.registry, package.name, package.program) == (registry, "mine-cli", program)


def test_true_is_not_one() -> None:
    """A value of a line is compared as JSON does."""
    rule = {"when": {"/n": 1}, "done": True}
    adapter = tool(headless={"output": {"format": "jsonl", "lines": [rule]}})
    ok: Callable[[str], bool] = lambda line: read(adapter, line).ok  # noqa: E731
    assert [ok('{"n": 1}'), ok('{"n": true}'), ok('{"n": 1.0}'), ok('{"n": "1"}')] == [
        True,
        False,
        False,
        False,
    ]


@pytest.mark.parametrize(
    "name", ["--userconfig=/x", "git+https://x/y", "someone/tool", "file:../x", "a b", "@a/", "a\n"]
)
def test_a_package_is_a_name_and_no_address(name: str) -> None:
    """What npm would take for an option, or fetch from another place, is refused with the file."""
    with pytest.raises(ValueError, match="package's name alone"):
        PackageSource(registry="npm", name=name)
    assert PackageSource(registry="npm", name="@qwen-code/qwen-code").name == "@qwen-code/qwen-code"
