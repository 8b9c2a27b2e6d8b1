"""Wrong flows: everything is told before anything starts, with file, line and the way out."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coders_queue import errors
from coders_queue.flows import read
from coders_queue.flows.problem import WrongFlow
from coders_queue.flows.read import MAX_BYTES, of_data

GOOD = """\
flow: review
about: Explore, merge, implement twice, review; a failed review goes back
parameters:
  areas: {type: list, default: [tests, api]}
  depth: 3
defaults: {agent: claude, cwd: .}
on_failure: stop
timeout: 4h
steps:
  explore:
    each: "{{ parameters.areas }}"
    task: "Explore {{ item }}"
    schema: {type: object, properties: {found: {type: string}}}
    retries: 1
    quorum: 2
  findings:
    merge: {strategy: report, of: explore}
  implement:
    needs: [findings]
    each: [small, thorough]
    agent: codex
    worktree: HEAD
    task: |
      Do what was found:
      {{ steps.findings.result }}
      {% if previous.review %}{{ previous.review.result.why }}{% endif %}
  review:
    needs: [implement]
    task: review it
    schema: {type: object, properties: {verdict: {enum: [pass, fail]}, why: {type: string}}}
    go_back: {to: implement, when: "result.verdict == 'fail'", at_most: 2}
  tell:
    when: "steps.review.result.verdict == 'pass'"
    agent: shell
    argv: [git, log, --oneline]
""".replace("  depth: 3\n", "")


def told(tmp_path: Path, text: str, name: str = "flow.yaml") -> tuple[tuple[str, str | None], ...]:
    """All that is said of a file, without the file's name."""
    file = tmp_path / name
    file.write_text(text)
    with pytest.raises(WrongFlow) as caught:
        read.load(file)
    assert "\n" not in str(caught.value)
    return tuple((one.removeprefix(f"{file}:"), hint) for one, hint in caught.value.problems)


def test_a_right_flow_is_read(tmp_path: Path) -> None:
    """The flow of the documentation, in each format."""
    file = tmp_path / "review.yaml"
    file.write_text(GOOD)
    flow = read.load(file)
    assert flow.whole["tell"].agent == "shell"
    assert flow.whole["review"].agent == "claude"
    assert flow.whole["review"].cwd == "."
    assert flow.timeout == 4 * 3600
    toml = tmp_path / "f.toml"
    toml.write_text('flow = "f"\n[steps.a]\nagent = "shell"\nargv = ["true"]\n')
    json = tmp_path / "f.json"
    json.write_text('{"flow": "f", "steps": {"a": {"agent": "shell", "argv": ["true"]}}}')
    assert read.load(toml) == read.load(json)


@pytest.mark.parametrize(
    ("old", "new", "line", "said", "hint"),
    [
        ("    retries: 1", "    retrys: 1", 13, "no key 'steps.explore.retrys'", "mean retries?"),
        ("    quorum: 2", "    quorum: yes", 14, "quorum should be a number", None),
        ("    quorum: 2", "    quorum: 0", 14, "greater than or equal to 1", None),
        ("timeout: 4h", "timeout: 4 hours", 7, "timeout should be a span of time", None),
        ("{{ item }}", "{{ itm }}", 11, "explore.task: there is no itm", "did you mean item?"),
        ("item }}", "item }", 11, "explore.task: not an expression: unexpected '}'", None),
        ("agent: codex", "agent: cdex", 20, "there is no agent 'cdex'", "did you mean codex"),
        ("agent: codex", "agent: codex@new", 20, "'new' is not one exact version", "codex@"),
        ("findings.result", "findngs.result", 24, "there is no step findngs", "mean findings?"),
        ("findings.result", "findings.reslt", 24, "steps.findings has no reslt", "mean result?"),
        ("result.why", "result.wy", 25, "has no wy by its schema", "did you mean why?"),
        ("previous.review.result", "steps.review.result", 17, "implement → review", "previous"),
        ("to: implement", "to: tell", 30, "review does not wait for tell", "one of: explore"),
        ("to: implement", "to: implment", 30, "there is no step implment", "mean implement?"),
        ("at_most: 2", "at_most: 0", 30, "at_most should be greater", None),
        ("result.verdict == 'fail'", "result.verdict = 'fail'", 30, "not an expression", None),
        ("result.verdict == 'fail'", "verdict == 'fail'", 30, "there is no verdict", None),
        ("needs: [findings]", "needs: [findngs]", 18, "there is no step findngs", "findings?"),
        ("of: explore", "of: [explore, x]", 16, "merge.of: there is no step x", "there are"),
        ("parameters.areas", "parameters.area", 10, "no parameter area", "mean areas?"),
        ("default: [tests, api]", "default: tests", 4, "areas.default should be a list", None),
        ("type: list", "type: lst", 4, "areas.type should be 'text'", None),
        ("enum: [pass, fail]", "enum: pass", 29, "is no JSON schema", "json-schema"),
        ("argv: [git", "argv: [5", 34, "argv.0 should be a text; put it in quotes", None),
        ("argv: [git, log, --oneline]", "argv: git log", 34, "a list of words", "[PROGRAM"),
        ("    argv: [git, log, --oneline]\n", "", 31, "tell needs argv, or a task", None),
        ("agent: claude, cwd: .", "cwd: .", 9, "explore.agent is missing", "in defaults"),
        ("[small, thorough]", "'{{ round }} x'", 19, "each should be a list, or one", "write"),
        ("flow: review", "flow: re-view", 1, "flow should be a letter", None),
        ("  tell:", "  te-ll:", 31, "te-ll should be a letter", None),
        ("strategy: report", "strategy: reprt", 16, "no merge strategy 'reprt'", "mean report?"),
        ("of: explore", "of: explore, options: {x: '{{ round }}'}", 16, "no option x", "there are"),
        ("of: explore", "of: explore, options: {at_least: x}", 16, "--at-least: Input", None),
        ("findings.result", "findings.result.mergd", 24, "it is of a merge", "mean merged?"),
        (
            "    worktree: HEAD",
            "    branch: x",
            21,
            "items would share one branch",
            "x-{{ index }}",
        ),
        ("cwd: .}", "cwd: ~/x}", 5, "defaults.cwd: no shell reads it", "write it out"),
        ("report, of", "report, agent: x, of", 16, "no key 'steps.findings.merge.agent'", None),
        ("    merge:", "    task: x\n    merge:", 16, "a merge step takes no task", None),
        ("{{ steps.findings.result }}", "{% set x = 1 %}", 24, "set is not allowed", "if, for"),
        ("{{ steps.findings.result }}", "{{ x() }}", 24, "nothing can be called", "use a filter"),
        ("{{ steps.findings.result }}", "{{ 1 | lenght }}", 24, "no filter lenght", "length?"),
        ("{{ steps.findings.result }}", "{{ steps.tell.result }}", 24, "gives no result", "output"),
        ("{{ steps.findings.result }}", "{{ steps.explore.result.x }}", 24, "is a list", "map("),
        ("{{ steps.findings.result }}", "{{ steps[item] }}", 24, "a step is to be named", None),
        ("{{ steps.findings.result }}", "{{ steps.findings }}", 24, "not a value", ".result"),
        ("{{ steps.findings.result }}", "{{ steps.findings.outcome.x }}", 24, "no x", "there are"),
        ("{{ steps.findings.result }}", "{{ previous.tell.result }}", 24, "in no loop", None),
        ("    quorum: 2", "    quorum: 2\n    after: [explore]", 9, "waits for itself", "go_back"),
        ("steps.review.result.verdict ==", "item ==", 32, "item has no meaning here", None),
    ],
)
def test_a_mistake_is_told_with_its_line(
    tmp_path: Path, old: str, new: str, line: int, said: str, hint: str | None
) -> None:
    """And with the nearest right name, or what to write instead."""
    assert old in GOOD
    problems = told(tmp_path, GOOD.replace(old, new))
    mine = [one for one in problems if said in one[0]]
    assert mine, problems
    assert mine[0][0].startswith(f"{line}: "), problems
    assert hint is None or hint in (mine[0][1] or ""), mine


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    """In the order of their lines; the error itself is the first of them."""
    text = GOOD.replace("findings.result", "x.result").replace("agent: codex", "agent: cdex")
    problems = told(tmp_path, text.replace("{{ item }}", "{{ itm }}"))
    assert [one[0].partition(":")[0] for one in problems] == ["11", "20", "24"]
    with pytest.raises(WrongFlow, match=r"and 2 more"):
        read.load(tmp_path / "flow.yaml")


def test_a_schema_may_stand_in_a_file_beside(tmp_path: Path) -> None:
    """Found from the flow's file, not from where one is; a wrong one is told with its name."""
    flow = tmp_path / "f.yaml"
    flow.write_text("flow: f\nsteps:\n  a:\n    agent: claude\n    task: x\n    schema: s.json\n")
    with pytest.raises(WrongFlow, match=r"f.yaml:6: steps.a.schema: .*s.json: cannot be read"):
        read.load(flow)
    (tmp_path / "s.json").write_text('{"type": "object"}')
    assert read.load(flow).whole["a"].output_schema == {"type": "object"}
    (tmp_path / "s.json").write_text("[]")
    with pytest.raises(WrongFlow, match="should hold keys and values"):
        read.load(flow)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("f.yaml", "", "flow is missing"),
        ("f.yaml", "flow: f\nsteps: {}\n", "steps should have at least 1 item"),
        ("f.yaml", "flow: f\nsteps: [a]\n", "steps should be a mapping"),
        ("f.yaml", "flow: f\nresult: 2026-01-01\nsteps: {a: {}}\n", "holds a date"),
        ("f.yaml", "a: " + "[" * 100_000, "nested too deeply"),
        ("f.yaml", "a: " + "- " * 20_000, "not YAML"),
        ("f.yaml", "a: &a [1]\nb: *a\n", "anchors and aliases are not allowed"),
        ("f.json", '{"a": ' * 100_000, "nested too deeply"),
        ("f.yaml", "#" * (MAX_BYTES + 1), "is larger than 1048576 bytes"),
        ("f.txt", "flow: f", "does not tell its format"),
        ("f.yaml", "flow: f\nsteps: {a: {agent: claude, task: '" + "{{ (" * 5000 + "'}}", "nested"),
        (
            "f.yaml",
            "flow: f\nsteps: {a: {agent: claude, task: '{% for x in 5 %}'}}",
            "not an expre",
        ),
    ],
)
def test_a_hostile_file_is_refused(tmp_path: Path, name: str, text: str, said: str) -> None:
    """In one line, whatever it holds, and soon."""
    file = tmp_path / name
    file.write_text(text)
    begun = time.monotonic()
    with pytest.raises(errors.ConfigError) as caught:
        read.load(file)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert time.monotonic() - begun < 10


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ("task", "each", "merge", "go_back", "needs", "when", "argv", "to", "x")
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=20,
    )
)
def test_any_data_is_a_flow_or_refused(step: Any) -> None:
    """Never anything but a flow or an error that names what is wrong."""
    with contextlib.suppress(errors.ConfigError):
        of_data({"flow": "f", "defaults": {"agent": "claude", "task": "t"}, "steps": {"a": step}})


@given(st.text(max_size=40), st.sampled_from(("{{", "{%", "{{ steps.", "{{ item | ")))
def test_any_template_is_read_or_refused(text: str, begin: str) -> None:
    """The parser of templates never escapes with an error of its own."""
    step = {"task": f"{begin}{text}", "each": ["a"]}
    with contextlib.suppress(errors.ConfigError):
        of_data({"flow": "f", "defaults": {"agent": "claude"}, "steps": {"a": step}})


def test_a_thousand_steps_are_checked_in_time(tmp_path: Path) -> None:
    """Within a second on a machine that is not busy; here three times that is allowed."""
    lines = ["flow: big", "defaults: {agent: shell}", "steps:"]
    for number in range(1000):
        lines += [f"  s{number}:", f"    argv: [echo, a{number}]"]
        if number:
            lines += [
                f"    needs: [s{number // 2}]",
                f"    when: steps.s{number - 1}.output != 'x'",
            ]
    file = tmp_path / "big.yaml"
    file.write_text("\n".join(lines))
    begun = time.process_time()
    read.load(file)
    assert time.process_time() - begun < 3


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        (
            "f.yaml",
            "flow: f\nsteps:\n  a:\n    agent: claude\n    task: |\n      x\n      {{ y }}\n",
            7,
        ),
        ("f.yaml", 'flow: f\nsteps:\n  a:\n    agent: claude\n    task: "x\\n{{ y }}"\n', 5),
        (
            "f.json",
            '{"flow": "f", "steps":\n{"a": {"agent": "claude",\n"task": "x\\n{{ y }}"}}}',
            3,
        ),
        ("f.toml", 'flow = "f"\n[steps.a]\nagent = "claude"\ntask = """\nx\n{{ y }}\n"""\n', 6),
    ],
)
def test_a_line_within_a_text_is_told(tmp_path: Path, name: str, text: str, line: int) -> None:
    """Where the text is written line by line; else the line of its key."""
    assert told(tmp_path, text, name)[0][0] == f"{line}: steps.a.task: there is no y"
