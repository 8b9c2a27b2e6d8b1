"""What the model stub makes of the words in a prompt, and of the tools that an agent offers."""

from __future__ import annotations

from typing import Any

import pytest

from coders_workers.model_stub import tokens
from coders_workers.model_stub.journal import Journal
from coders_workers.model_stub.schema import instance
from coders_workers.model_stub.script import Behaviour, Call, Refusal, Script, parse
from coders_workers.model_stub.timeline import doing
from coders_workers.model_stub.tools import structured_output, tool_use
from coders_workers.model_stub.turn import Offer, Turn, spoken

STRING = {"type": "string"}


def offer(name: str, *properties: str, **kinds: Any) -> Offer:
    fields = dict.fromkeys(properties, STRING) | kinds
    return Offer(name, {"type": "object", "properties": fields, "required": list(fields)})


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("say hi", Behaviour()),
        ("do\nRUNTOOL:touch a; 'b'\nplease", Behaviour(call=Call("shell", "touch a; 'b'"))),
        ("RUN:ls", Behaviour(call=Call("shell", "ls"))),
        ('"RUNTOOL:touch made"', Behaviour(call=Call("shell", "touch made"))),
        ("WRITE:a/b.txt one\\ntwo", Behaviour(call=Call("write", "a/b.txt", new="one\ntwo"))),
        ("EDIT:f old text => new", Behaviour(call=Call("edit", "f", "old text", "new"))),
        ("your task is in the file /x/y. Do it.", Behaviour(call=Call("read", "/x/y"))),
        (r"SAY:a\x1b[31mb\n", Behaviour(text="a\x1b[31mb\n")),
        ("SAY:FAIL:500 HANG", Behaviour(text="FAIL:500 HANG")),
        ('JSON:{"a": 1}', Behaviour(json='{"a": 1}')),
        ("THINK:0.5 SLOW:3", Behaviour(think=0.5, slow=3.0)),
        ("FAIL:529", Behaviour(refusal=Refusal(529))),
        ("FAIL:429:2:60", Behaviour(refusal=Refusal(429, 60), times=2)),
        ("CUT", Behaviour(breaks="cut")),
        ("HANG", Behaviour(breaks="hang")),
        ("a GARBAGE answer", Behaviour(breaks="garbage")),
        ("TASKS and CUTTING and hang", Behaviour()),
        ("LOOP:3", Behaviour(calls=3, call=Call("shell", "echo loop"))),
    ],
)  # fmt: skip
def test_words_in_a_prompt_decide(prompt: str, expected: Behaviour) -> None:
    """Each word means one thing, and words within a text mean nothing."""
    assert parse(prompt) == expected


def test_a_refusal_can_end_after_some_times() -> None:
    """It counts the agent's turns and its side requests apart."""
    script = Script()
    assert script.decide("FAIL:500:1", side=True).refusal == Refusal(500)
    assert script.decide("FAIL:500:1").refusal == Refusal(500)
    assert script.decide("FAIL:500:1") == Behaviour()


def test_rules_from_outside_go_over_the_words_of_the_prompt() -> None:
    """The newest rule that matches wins, for as long as it lasts."""
    script = Script()
    script.add("apple", "SAY:old")
    script.add("apple", "FAIL:401", times=1)
    assert script.decide("an apple, HANG").refusal == Refusal(401)
    assert script.decide("an apple, HANG") == Behaviour(text="old")
    assert script.decide("HANG").breaks == "hang"


def test_nothing_breaks_after_a_tools_result() -> None:
    """What a prompt does to the connection it does once, not to every request that follows."""
    script = Script()
    prompt = "THINK:9 FAIL:500\nRUNTOOL:ls"
    later = script.decide(prompt, fresh=False)
    assert (later.think, later.refusal) == (0.0, None)


@pytest.mark.parametrize(
    ("call", "offered", "name", "arguments"),
    [
        (
            Call("shell", "ls"),
            offer("Bash", "command", "description"),
            "Bash",
            {"command": "ls", "description": "What the prompt asks for"},
        ),
        (Call("shell", "ls"), offer("exec_command", "cmd"), "exec_command", {"cmd": "ls"}),
        (
            Call("shell", "ls"),
            offer("shell", command={"type": "array", "items": STRING}),
            "shell",
            {"command": ["bash", "-lc", "ls"]},
        ),
        (
            Call("shell", "ls"),
            offer("run_shell_command", "command", is_background={"type": "boolean"}),
            "run_shell_command",
            {"command": "ls", "is_background": False},
        ),
        (
            Call("write", "a", new="b"),
            offer("write", "filePath", "content"),
            "write",
            {"filePath": "a", "content": "b"},
        ),
        (
            Call("edit", "a", "b", "c"),
            offer("replace", "file_path", "instruction", "old_string", "new_string"),
            "replace",
            {
                "file_path": "a",
                "instruction": "What the prompt asks for",
                "old_string": "b",
                "new_string": "c",
            },
        ),
        (Call("read", "/a"), offer("Read", "file_path"), "Read", {"file_path": "/a"}),
        (
            Call("read", "/a b"),
            offer("shell_command", "command", workdir=STRING),
            "shell_command",
            {"command": "head -n 20 '/a b'", "workdir": "stub"},
        ),
    ],
)
def test_a_tool_is_called_in_the_agents_own_words(
    call: Call, offered: Offer, name: str, arguments: dict[str, Any]
) -> None:
    """By the names of five agents' tools; what a schema further requires is filled."""
    use = tool_use(call, [offer("other", "x"), offered])
    assert use is not None
    assert (use.name, use.arguments) == (name, arguments)


def test_files_are_patched_where_a_patch_is_the_tool() -> None:
    """As text for a tool that takes text."""
    patching = Offer("apply_patch", {}, freeform=True)
    use = tool_use(Call("edit", "f", "old", "new"), [patching])
    assert use is not None
    assert use.text == "*** Begin Patch\n*** Update File: f\n@@\n-old\n+new\n*** End Patch"


def test_no_tool_no_call() -> None:
    """A request without the tool gets none."""
    assert tool_use(Call("shell", "ls"), []) is None
    assert tool_use(Call("ask", "which?"), [offer("Bash", "command")]) is None


def test_a_question_is_asked_with_the_fields_that_the_tool_knows() -> None:
    """Options are offered; fields that the schema lacks are left out."""
    fields = {"question": STRING, "options": {"type": "array"}}
    questions = {"type": "array", "items": {"type": "object", "properties": fields}}
    use = tool_use(Call("ask", "Which?"), [offer("AskUserQuestion", questions=questions)])
    assert use is not None
    (question,) = use.arguments["questions"]
    assert question["question"] == "Which?"
    assert [one["label"] for one in question["options"]] == ["Red", "Blue"]
    assert set(question) == {"question", "options"}


def test_data_is_given_by_the_tool_for_it() -> None:
    """What the prompt says, else the least that the schema allows."""
    tool = offer("StructuredOutput", "name", age={"type": "integer"})
    given = structured_output('{"name": "x", "age": 3}', [tool])
    made = structured_output(None, [tool])
    assert given is not None
    assert made is not None
    assert given.arguments == {"name": "x", "age": 3}
    assert made.arguments == {"name": "stub", "age": 1}
    assert structured_output("{}", [offer("Bash", "command")]) is None


def test_the_least_value_of_a_schema() -> None:
    """Choices, references, nesting and types that shout."""
    schema = {
        "type": "OBJECT",
        "required": ["a", "b", "c", "d"],
        "properties": {
            "a": {"enum": ["first", "second"]},
            "b": {"$ref": "#/$defs/list"},
            "c": {"anyOf": [{"type": "null"}, STRING]},
            "d": {"type": ["number", "null"], "minimum": 2},
        },
        "$defs": {"list": {"type": "array", "minItems": 2, "items": {"type": "BOOLEAN"}}},
    }
    assert instance(schema) == {"a": "first", "b": [False, False], "c": None, "d": 2.0}


def test_what_agents_add_to_a_prompt_is_not_the_prompt() -> None:
    """Reminders and contexts are left out; a person's own tags stay."""
    typed = "look at <system-reminder>this</system-reminder> please"
    added = "<system-reminder>\nbe good\n</system-reminder>\n"
    context = "<environment_context>\n  <cwd>/x</cwd>\n</environment_context>"
    assert spoken([added, context, typed, "<b>bold</b>"]) == [typed, "<b>bold</b>"]


def test_each_request_costs_something_else_and_the_same_again() -> None:
    """A sum over requests proves that each was counted once."""
    costs = [tokens.count(number, 1000, "hi") for number in range(1, 20)]
    assert len({(one.input, one.output, one.cache_read) for one in costs}) == len(costs)
    assert costs == [tokens.count(number, 1000, "hi") for number in range(1, 20)]
    assert all(one.reasoning < one.output for one in costs)


def test_the_journal_tells_what_was_done_when() -> None:
    """Silence, answer, tool, failure and rest, each from the moment that it began."""
    journal = Journal()
    turn = Turn("messages", "m", "hi", [], offers=(offer("Bash", "command"),))
    tool, failure, open_ = (journal.write("anthropic", turn, {}, 2, at) for at in (10, 20, 30))
    side = journal.write("anthropic", Turn("messages", "m", "title", []), {}, 2, 26)
    tool.first, tool.ended, tool.end, tool.call = 11, 12, "answered", "Bash"
    failure.first, failure.ended, failure.end = 21, 21, "refused"
    side.ended = 40
    open_.first = 31
    seen = [doing(journal.entries, at)["doing"] for at in (9, 10, 11, 12, 20.5, 25, 27, 30, 33)]
    assert seen == [
        "nothing",
        "thinking",
        "streaming",
        "tool",
        "thinking",
        "failed",
        "failed",
        "thinking",
        "streaming",
    ]
    open_.ended, open_.end = 34, "answered"
    assert doing(journal.entries, 35) == {"doing": "idle", "number": 3}
