"""Merging without a machine: parts, strategies, options, the agent, plug-ins."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coders_queue import errors
from coders_queue.agents.adapter import LaunchFacts
from coders_queue.agents.registry import get
from coders_queue.merging import catalog, request, words
from coders_queue.merging.on_host import BestOptions, GitOptions
from coders_queue.merging.part import parts_of
from coders_queue.merging.report import ReportOptions
from coders_queue.merging.strategy import Merge, MergeResult, Options, carry_out
from coders_queue.merging.structured import JsonOptions
from coders_queue.merging.vote import VoteOptions
from coders_queue.models.launch import ExitStatus
from coders_queue.models.outcome import Cause, Outcome
from coders_queue.models.spec import DirectoryWorkspace, SessionSpec

HERE = Path("/nowhere")
BY_NAME = {one.name: one for one in catalog.PURE}
DONE = ExitStatus(code=0)


def outcome(number: int, result: Any = None, state: str = "succeeded", **more: Any) -> Any:
    """An outcome as a canvas hands it on."""
    cause = None if state == "succeeded" else Cause(kind="exit", message="it\nfell")
    made = Outcome.model_validate(
        {"id": f"{number:08d}-0000", "state": state, "result": result, "cause": cause, **more}
    )
    return made.model_dump(mode="json")


def merged(name: str, results: Sequence[Any], **options: Any) -> tuple[MergeResult, str | None]:
    """What a strategy makes of these results, a chord's."""
    strategy = BY_NAME[name]
    handed = [
        one if isinstance(one, dict) and "state" in one else outcome(number, one)
        for number, one in enumerate(results, 1)
    ]
    told = words.checked(name, strategy.options, options)
    return carry_out(strategy, told, parts_of([handed]), HERE)


class TestParts:
    def test_a_list_is_its_elements(self) -> None:
        """A chord's body has all parts in one input, a session with several inputs as many."""
        three = [outcome(1, "a"), outcome(2, "b", "failed"), "plain"]
        for inputs in ([three], three):
            parts = parts_of(inputs)
            assert [(one.number, one.ok, one.value) for one in parts] == [
                (1, True, "a"),
                (2, False, "b"),
                (3, True, "plain"),
            ]
        assert parts[1].cause == "failed: it fell"
        assert [one.label for one in parts] == ["00000001", "00000002", "part 3"]

    def test_without_an_answer_what_was_printed_counts(self) -> None:
        """Commands answer with what they print."""
        (part,) = parts_of([outcome(1, output="yes\n")])
        assert part.value == "yes\n"

    def test_what_a_newer_version_says_more_does_no_harm(self) -> None:
        """Unknown fields of an outcome are passed over."""
        left = {"path": "/w", "branch": "b", "news": 1}
        (part,) = parts_of([{**outcome(1, "a"), "news": 2, "workspace": left}])
        assert part.workspace is not None
        assert part.workspace.branch == "b"


class TestEveryStrategy:
    def test_failed_parts_are_named_and_counted(self) -> None:
        """The rest is merged all the same."""
        result, problem = merged("report", ["a", outcome(2, "b", "failed"), "c"])
        assert problem is None
        assert (result.parts, result.used) == (3, (1, 3))
        assert [(one.part, one.cause) for one in result.left_out] == [(2, "failed: it fell")]

    def test_fewer_than_needed_is_a_failure_with_its_cause(self) -> None:
        """It says how many there are, how many are needed, and who is missing."""
        result, problem = merged("report", ["a", outcome(2, "b", "cancelled")], at_least=2)
        assert problem == (
            "1 of 2 parts can be merged, 2 are needed; without 00000002 (cancelled: it fell)"
        )
        assert (result.merged, result.used) == (None, ())

    def test_who_cannot_be_used_is_missing_too(self) -> None:
        """A part that succeeded and says nothing of use counts for nothing."""
        _, problem = merged("vote", ["yes", " "], at_least=2)
        assert problem is not None
        assert "00000002 (it gave no answer)" in problem

    def test_nothing_handed_on(self) -> None:
        """Is a failure, said as what it is."""
        assert "nothing to merge" in str(merged("report", [])[1])


class TestReport:
    def test_all_answers_under_headings(self) -> None:
        """Texts as they are, data in a fence that nothing in it ends."""
        data = {"code": "```"}
        result, _ = merged("report", ["one\n", data], title="All", heading="{number} {label}")
        assert result.merged == (
            "# All\n\n## 1 00000001\n\none\n\n## 2 00000002\n\n"
            '````json\n{\n  "code": "```"\n}\n````\n'
        )


class TestVote:
    def test_the_most_frequent_wins(self) -> None:
        """Case and space make no difference; the first spelling is kept."""
        result, problem = merged("vote", ["Yes", "no", " yes ", "YES\n"])
        assert problem is None
        assert (result.merged["value"], result.merged["votes"], result.merged["of"]) == (
            "Yes",
            3,
            4,
        )
        assert result.merged["tally"][0]["parts"] == [1, 3, 4]

    def test_a_part_of_the_answer_can_be_what_counts(self) -> None:
        """By the names that lead to it, in JSON as text too; who has none does not vote."""
        answers = [{"a": {"b": 1}}, '```json\n{"a": {"b": 1}}\n```', {"a": {"b": True}}, "prose"]
        result, problem = merged("vote", answers, key="a.b")
        assert problem is None
        assert (result.merged["value"], result.merged["votes"]) == (1, 2)
        assert [one.part for one in result.left_out] == [4]

    @pytest.mark.parametrize(
        ("answers", "options", "says"),
        [
            (["a", "b"], {}, 'a tie: "a" and "b" have 1 of 2'),
            (["a", "a", "b", "c"], {"share": "majority"}, "no majority"),
            (["a", "a", "b"], {"share": "all"}, "not all agree"),
            ([""], {}, "nobody voted"),
            (["A", "a", "A", "b"], {"exact": True, "share": "majority"}, "no majority"),
        ],
    )
    def test_no_decision_fails_and_shows_the_count(
        self, answers: list[str], options: dict[str, Any], says: str
    ) -> None:
        """Nobody wins by chance."""
        _, problem = merged("vote", answers, **options)
        assert says in str(problem)

    def test_of_a_tie_the_first_can_win(self) -> None:
        """Where that is asked for."""
        result, problem = merged("vote", ["b", "a"], tie="first")
        assert (problem, result.merged["value"]) == (None, "b")


class TestJson:
    def test_by_type_where_the_schema_says_no_more(self) -> None:
        """Objects by property, lists joined; what differs is a conflict that is told."""
        schema = {"type": "object", "properties": {"tags": {"type": "array", "uniqueItems": True}}}
        result, problem = merged(
            "json",
            [
                {"tags": ["a", "b"], "n": 1, "deep": {"x": 1}},
                {"tags": ["b", "c"], "n": 2, "deep": {}},
            ],
            json_schema=schema,
        )
        assert problem is None
        assert result.merged == {
            "data": {"tags": ["a", "b", "c"], "n": 1, "deep": {"x": 1}},
            "conflicts": [{"at": "n", "values": [1, 2]}],
        }

    @pytest.mark.parametrize(
        ("rule", "values", "expected"),
        [
            ("first", [3, 1, 1], 3),
            ("last", [3, 1, 2], 2),
            ("vote", [3, 1, 1], 1),
            ("min", [3, 1, 2], 1),
            ("max", [3, 1, 2], 3),
            ("sum", [3, 1, 2], 6),
            ("mean", [3, 1, 2], 2),
            ("join", ["a", "b", "a"], "a\nb"),
            ("concat", [[1], [1]], [1, 1]),
            ("union", [[1, True], [1]], [1, True]),
            ({"by": "id"}, [[{"id": 1, "t": ["a"]}], [{"id": 1, "t": ["b"]}, {"no": 0}]],
             [{"id": 1, "t": ["a", "b"]}, {"no": 0}]),
        ],
    )  # fmt: skip
    def test_by_rule(self, rule: Any, values: list[Any], expected: Any) -> None:
        """Each word of the keyword does what it says."""
        schema = {"properties": {"it": {"x-merge": rule}}}
        result, problem = merged("json", [{"it": one} for one in values], json_schema=schema)
        assert problem is None
        assert result.merged == {"data": {"it": expected}, "conflicts": []}

    def test_references_are_followed(self) -> None:
        """Within the schema, and no further."""
        schema = {
            "$defs": {"total": {"type": "number", "x-merge": "sum"}},
            "properties": {"n": {"$ref": "#/$defs/total"}},
        }
        result, _ = merged("json", [{"n": 1}, {"n": 2}], json_schema=schema)
        assert result.merged["data"] == {"n": 3}

    def test_a_wrong_answer_spoils_no_other(self) -> None:
        """It is left out, with what is wrong with it."""
        schema = {"type": "object", "properties": {"n": {"type": "integer", "x-merge": "max"}}}
        result, problem = merged("json", ["prose", '{"n": 1}', {"n": "x"}], json_schema=schema)
        assert problem is None
        assert (result.merged["data"], result.used) == ({"n": 1}, (2,))
        assert "not valid at n" in result.left_out[1].cause

    @pytest.mark.parametrize(
        ("schema", "answers", "says"),
        [
            ({"maxItems": 1}, [[1], [2]], "together is not valid"),
            ({"x-merge": "sum"}, ["1", '"a"'], "not all are numbers"),
            ({"x-merge": "sum"}, [1e308, 1e308], "no finite number"),
            ({"x-merge": "join"}, [1], "not all are texts"),
            ({"x-merge": "concat"}, [1], "not all are lists"),
            ({"$ref": "#/a", "a": {"$ref": "#/a"}}, [1], "cannot be applied"),
        ],
    )
    def test_what_cannot_be_merged_says_so(
        self, schema: Any, answers: list[Any], says: str
    ) -> None:
        """In one line."""
        _, problem = merged("json", answers, json_schema=schema)
        assert says in str(problem)
        assert "\n" not in str(problem)

    def test_conflicts_can_fail_it(self) -> None:
        """With the places."""
        _, problem = merged("json", [{"a": 1}, {"a": 2}], json_schema={}, conflicts="fail")
        assert problem == "the answers do not agree at a"

    @given(st.lists(st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=3),
        lambda inner: st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=2), inner, max_size=3),
        max_leaves=10,
    ), min_size=1, max_size=4))  # fmt: skip
    def test_any_data_is_merged(self, values: list[Any]) -> None:
        """Without a word in the schema nothing is refused, and a part alone stays as it is."""
        handed = [outcome(number, one) for number, one in enumerate(values)]
        answers = [one if one is not None else {} for one in values]
        handed = [outcome(number, json.dumps(one)) for number, one in enumerate(answers)]
        strategy = BY_NAME["json"]
        options = JsonOptions(json_schema={})
        result, problem = carry_out(strategy, options, parts_of([handed]), HERE)
        assert problem is None
        if len(values) == 1:
            assert result.merged == {"data": answers[0], "conflicts": []}


class TestOptions:
    @pytest.mark.parametrize(
        "options",
        [
            ReportOptions(title="a b=c", at_least=3),
            VoteOptions(key="a.b", exact=True, share="all"),
            JsonOptions(json_schema={"type": "object"}),
            BestOptions(check=("sh", "-c", "--"), timeout=1.5),
            GitOptions(conflicts="keep"),
        ],
    )
    def test_as_words_and_back(self, options: Options) -> None:
        """They come back as they were, and only what was given is spelled out."""
        written = words.write(options)
        assert words.parse("x", type(options), written) == options
        assert sum(word.startswith("--") for word in written) <= len(options.model_fields_set) + 1

    def test_with_and_without_an_equals_sign(self) -> None:
        """As people write them."""
        given_words = ["--key", "a", "--exact", "--at-least=2"]
        assert words.parse("vote", VoteOptions, given_words) == VoteOptions(
            key="a", exact=True, at_least=2
        )

    @pytest.mark.parametrize(
        ("model", "given_words", "says"),
        [
            (VoteOptions, ["--kye", "a"], "did you mean --key"),
            (VoteOptions, ["a"], "no option 'a'"),
            (VoteOptions, ["--key"], "needs a value"),
            (VoteOptions, ["--key=a", "--key=b"], "given twice"),
            (VoteOptions, ["--at-least", "two"], "not JSON"),
            (VoteOptions, ["--at-least", "0"], "--at-least: Input should be"),
            (VoteOptions, ["--share", "some"], "--share"),
            (VoteOptions, ["--", "x"], "no option '--'"),
            (BestOptions, [], "--check"),
            (GitOptions, ["--how=octopus", "--conflicts=ours"], "can only report"),
            (JsonOptions, ["--json-schema", '{"type": 1}'], "no JSON schema"),
            (JsonOptions, ["--json-schema", '{"x-merge": "add"}'], "is none of same"),
            (JsonOptions, ["--json-schema", "[" * 100_000], "not JSON"),
        ],
    )
    def test_a_wrong_one_is_one_clear_line(
        self, model: type[Options], given_words: list[str], says: str
    ) -> None:
        """It names the option and what is wrong."""
        with pytest.raises(errors.UsageError) as error:
            words.parse("x", model, given_words)
        assert says in str(error.value)
        assert "\n" not in str(error.value)


def spec(*argv: str, **fields: Any) -> SessionSpec:
    return SessionSpec.model_validate(
        {"agent": "merge", "argv": argv, "workspace": DirectoryWorkspace(path="/w"), **fields}
    )


FACTS = LaunchFacts(session_id="s", attempt=1, task=None, directory="/a", cwd="/w", home="/h")
WORKTREE = {"type": "worktree", "repository": "/r"}


class TestAgent:
    def test_the_request_is_in_a_file(self) -> None:
        """Nothing of it is in the arguments, where everybody sees it."""
        plan = get("merge").plan(spec("vote", "--key=secret"), FACTS)
        assert plan.argv[-1] == "/a/merge.json"
        assert json.loads(plan.files[0].content) == {
            "argv": ["vote", "--key=secret"],
            "worktree": False,
        }

    @pytest.mark.parametrize(
        ("asked", "says"),
        [
            (spec(), "needs a strategy"),
            (spec("vote", "--nope"), "no option '--nope'"),
            (spec("git"), "worktree of its own"),
            (spec("vote", task="do"), "takes no task"),
        ],
    )
    def test_a_wrong_request_never_starts(self, asked: SessionSpec, says: str) -> None:
        """It is refused in one line before anything runs."""
        with pytest.raises(errors.UsageError, match=says):
            get("merge").check(asked)

    def test_the_last_line_is_the_answer(self) -> None:
        """With what is wrong, if something is; the result is there all the same."""
        merge = get("merge")
        answer = b'noise\n{"result": {"merged": 1}, "problem": null}\n'
        reading = merge.read(spec("vote"), FACTS, answer, DONE)
        assert (reading.ok, reading.result) == (True, {"merged": 1})
        failed = answer.replace(b"null", b'"a tie"')
        reading = merge.read(spec("vote"), FACTS, failed, ExitStatus(code=1))
        assert (reading.ok, reading.message, reading.result) == (False, "a tie", {"merged": 1})

    @pytest.mark.parametrize("printed", [b"", b"prose", b"{}", b"[" * 100_000, b'{"result": 1}\n'])
    def test_without_an_answer_it_failed(self, printed: bytes) -> None:
        """Whatever the status; the last it said on standard error is told."""
        reading = get("merge").read(spec("vote"), FACTS, printed, DONE, b"a\nkilled\n")
        assert not reading.ok
        assert reading.message == "the merge failed: exit status 0: killed"

    def test_people_see_what_was_made(self) -> None:
        """A report as its text, data as data."""
        merge = get("merge")
        line = json.dumps({"result": {"merged": "# Report\n"}, "problem": None}).encode()
        assert merge.render(line) == b"# Report\n"
        assert merge.render(b"other\n") == b"other\n"


class TestRequest:
    def test_a_git_merge_gets_a_worktree(self) -> None:
        """In the repository it is asked for in, from the commit that is asked for."""
        fields = request.fields("git", {"conflicts": "ours"}, "/r", "main")
        assert fields["workspace"] == {"type": "worktree", "repository": "/r", "ref": "main"}
        assert fields["argv"] == ("git", "--conflicts=ours")
        assert request.fields("report", {}, "/r")["workspace"]["type"] == "directory"

    def test_it_goes_where_its_parts_are(self) -> None:
        """When it needs their machine, they are on one, and nobody said otherwise."""
        on = [outcome(1, host="a"), outcome(2, host="a"), outcome(3, host="b", state="failed")]
        git = spec("git", workspace=WORKTREE)
        assert request.placed(git, [on]).host == "a"
        assert request.placed(spec("best"), [on]).host == "a"
        assert request.placed(spec("vote"), [on]).host is None
        assert request.placed(spec("git", workspace=WORKTREE, host="c"), [on]).host == "c"
        assert request.placed(git, [[*on, outcome(4, host="b")]]).host is None
        assert request.placed(git, [[outcome(1, host="a\nb")]]).host is None

    def test_parts_on_several_hosts_are_one_clear_error(self) -> None:
        """It names them."""
        parts = parts_of([outcome(1, host="a"), outcome(2, host="b")])
        with pytest.raises(
            errors.UsageError, match="works on one host, and the parts are on a and b"
        ):
            request.check_hosts("git", parts)


class Longest:
    """A plug-in."""

    name = "longest"
    about = "the longest text"
    options = Options
    needs = "nothing"

    def merge(self, parts: Any, options: Any, place: Path) -> Merge:
        return Merge(merged=max((part.value for part in parts), key=len))


class Nameless(Longest):
    name = "other"


class Optionless(Longest):
    options = dict  # type: ignore[assignment]


class Needy(Longest):
    needs = "everything"


class Useless:
    name = "longest"
    about = "nothing"
    options = Options
    needs = "nothing"


class TestPlugIns:
    @pytest.fixture
    def install(self, monkeypatch: pytest.MonkeyPatch) -> Any:
        def install(target: str) -> None:
            point = metadata.EntryPoint("longest", target, catalog.GROUP)
            monkeypatch.setattr(
                metadata, "entry_points", lambda group: metadata.EntryPoints([point])
            )

        return install

    def test_one_is_found_by_its_name(self, install: Any) -> None:
        """And is asked for like any other."""
        install(f"{__name__}:Longest")
        known = catalog.find("longest")
        assert (known.about, known.needs) == ("the longest text", "nothing")
        assert request.fields("longest", {"at_least": 2}, "/r")["argv"] == (
            "longest",
            "--at-least=2",
        )
        plug = catalog.plug_in("longest")
        result, _ = carry_out(plug, Options(), parts_of(["a", "bbb"]), HERE)
        assert result.merged == "bbb"

    @pytest.mark.parametrize(
        ("target", "says"),
        [
            ("no.such.module:Thing", "ModuleNotFoundError"),
            (f"{__name__}:Nothing", "AttributeError"),
            (f"{__name__}:Nameless", "its name is 'other'"),
            (f"{__name__}:Optionless", "no subclass"),
            (f"{__name__}:Needy", "none of nothing"),
            (f"{__name__}:Useless", "no method"),
        ],
    )
    def test_a_bad_one_is_one_clear_line(self, install: Any, target: str, says: str) -> None:
        """It says whose it is and what is wrong; the others are not bothered."""
        install(target)
        with pytest.raises(errors.UsageError, match=says) as error:
            catalog.find("longest")
        assert "the merge strategy 'longest' of" in error.value.message
        assert "\n" not in str(error.value)
        assert catalog.find("vote").name == "vote"

    def test_an_unknown_one_names_the_nearest(self) -> None:
        """Or those that there are."""
        with pytest.raises(errors.UsageError, match="did you mean vote"):
            catalog.find("vot")
        with pytest.raises(errors.UsageError, match="best, git, json, report, vote"):
            catalog.find("xyz")
