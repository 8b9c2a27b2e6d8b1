"""Files that describe agents: what is said of a wrong one, and where they are found."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from coders_queue import described_agents, errors
from coders_queue.agents import registry
from coders_queue.agents.described.publish import published
from coders_queue.described_agents import DescribedAgents

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "config/examples/agents").glob("*.toml"))

GOOD = """\
name = "mine"
program = "mine"

[headless]
prompt = "stdin"
argv = ["--go"]

[headless.output]
format = "jsonl"

[[headless.output.lines]]
when = { "/type" = "start" }
starts = true

[[headless.output.lines]]
when = { "/type" = "end" }
done = true
result = "/text"
"""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A directory of agents' files that the registry looks in."""
    directory = tmp_path / "agents"
    directory.mkdir()
    registry.look_in(DescribedAgents((directory, tmp_path / "system")))
    yield directory
    registry.look_in(None)


def load(tmp_path: Path, text: str) -> str:
    """What is said of a file."""
    file = tmp_path / "mine.toml"
    file.write_text(text)
    with pytest.raises(errors.ConfigError) as raised:
        described_agents.load(file)
    said = str(raised.value)
    assert "\n" not in said
    assert said.startswith(str(file))
    return said.removeprefix(str(file))


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_an_example_is_right_and_short(file: Path) -> None:
    """It loads as it is, under its own name, and has fewer than 40 lines."""
    assert described_agents.load(file).name == file.stem
    assert len(file.read_text().splitlines()) < 40


@pytest.mark.parametrize("name", published())
def test_what_is_published_is_current(name: str) -> None:
    """Run ``python -m coders_queue.agents.described.publish`` after a change to the model."""
    assert (ROOT / name).read_text(encoding="utf-8") == published()[name]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("program =", "progam =", ":2: there is no key 'progam' (and 1 more) (did you mean progr"),
        ("done =", "don =", ":17: there is no key 'headless.output.lines.1.don' (did you mean do"),
        ("starts =", "begin =", ":13: there is no key 'headless.output.lines.0.begin' (there are"),
        ('"stdin"', '"stdn"', ":5: headless.prompt should be 'argument', 'stdin' or 'file', not"),
        ('"--go"', '"{task}"', ":4: headless argv should have neither {task} nor {task_file}: pr"),
        ('"--go"', '"{tsk}"', ":6: headless.argv.0 has an unknown placeholder {tsk}; did you mea"),
        ('"--go"', '"a{cwd}"', ":6: headless.argv.0 has {cwd} as a part of a word: make it a wo"),
        ('"--go"', '"a\\u0000"', ":6: headless.argv.0 holds a NUL byte, which no argument can c"),
        ("done = true", "", ":4: headless nothing tells that a run is complete: give output a re"),
        ('"jsonl"', '"yaml"', ':8: headless.output needs format = "jsonl" or "text"'),
        ('"/text"', '"text"', ":18: headless.output.lines.1.result should be a path such as /us"),
        ('"mine"\n', '"Mine"\n', ":1: name should match pattern"),
        ('name = "mine"', 'name = "claude"', ":1: claude is a built-in agent (choose another nam"),
        ('program = "mine"', 'program = "./mine"', ":2: program should be a name that is looked"),
        ('name = "mine"', "", ": name is missing"),
        ("[headless]", "[headless", ":4: not TOML: "),
        ("[headless]", "[home]\noverlay = '../x'\n[headless]", ":5: home.overlay should be a path"),
        ("[headless]", "[env]\nA = '{task}'\n[headless]", ":4: env A may hold {cwd}, {home} or {"),
        ("[headless]", "[env]\n'A=B' = ''\n[headless]", ":4: env 'A=B' cannot name an environmen"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    """One line: file, line, key, what is wrong, and the nearest right key."""
    assert load(tmp_path, GOOD.replace(old, new, 1)).startswith(said)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\ufeff",
        "name = 1",
        "headless = []",
        "name = 'mine'\nprogram = 'p'",
        "x = " + "[" * 5000,
        "x = " + "9" * 5000,
        "a.b.c.d.e = 1",
        "[[headless]]",
        "[headless.output.lines]",
        "headless = {output = {format = 'text', failed = ['(a+)+']}}",
    ],
)
def test_a_hostile_file_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    """Whatever it holds."""
    load(tmp_path, text)


def test_bytes_that_are_no_text_a_pipe_and_a_directory_are_refused(tmp_path: Path) -> None:
    """None of them hangs or breaks us."""
    broken, pipe, directory = (tmp_path / f"{name}.toml" for name in ("broken", "pipe", "there"))
    broken.write_bytes(b"name = '\xff'")
    os.mkfifo(pipe)
    directory.mkdir()
    for file in (broken, pipe, directory, tmp_path / "none.toml", tmp_path / "other.yaml"):
        with pytest.raises(errors.ConfigError):
            described_agents.load(file)


def test_a_new_and_a_changed_file_count_at_once(place: Path) -> None:
    """A running worker is told of neither."""
    with pytest.raises(errors.UnknownAgent, match=f"no file for it in {place} and "):
        registry.get("mine")
    (place / "mine.toml").write_text(GOOD)
    first = registry.get("mine")
    assert "mine" in registry.names()
    assert registry.get("mine") is first
    (place / "mine.toml").write_text(GOOD.replace('program = "mine"', 'program = "other"'))
    assert registry.get("mine").program == "other"
    (place / "mine.toml").unlink()
    with pytest.raises(errors.UnknownAgent):
        registry.get("mine")
    assert "mine" not in registry.names()


def test_a_wrong_file_is_no_agent_and_harms_no_other(place: Path) -> None:
    """It is not among the names; asked for by name, it says what is wrong."""
    (place / "mine.toml").write_text(GOOD)
    (place / "bad.toml").write_text("name = 1")
    (place / "named.toml").write_text(GOOD)
    (place / "claude.toml").write_text(GOOD)
    (place / "No Name.toml").write_text(GOOD)
    (place / "gone.toml").symlink_to(place / "nowhere")
    assert set(registry.names()) - set(registry.built_in()) == {"mine"}
    assert len(registry.problems()) == 4
    with pytest.raises(errors.ConfigError, match=r"named.toml: describes 'mine' \(call it .*/mine"):
        registry.get("named")
    with pytest.raises(errors.ConfigError, match=r"gone.toml: cannot be read"):
        registry.get("gone")
    assert registry.get("claude").name == "claude"


@pytest.mark.parametrize("name", ["../mine", "a/b", "", ".", "MINE", "mine\n", "\0"])
def test_a_name_leads_to_no_other_place(place: Path, name: str) -> None:
    """It is a file's name, and nothing but."""
    (place.parent / "mine.toml").write_text(GOOD)
    with pytest.raises(errors.UnknownAgent):
        registry.get(name)


def test_the_users_file_stands_before_the_systems(place: Path) -> None:
    """As with the configuration."""
    system = place.parent / "system"
    system.mkdir()
    (system / "mine.toml").write_text(GOOD.replace('program = "mine"', 'program = "theirs"'))
    assert registry.get("mine").program == "theirs"
    (place / "mine.toml").write_text(GOOD)
    assert registry.get("mine").program == "mine"


def test_files_are_looked_for_beside_the_configuration(tmp_path: Path) -> None:
    """Of the user and of the system; a project has none."""
    try:
        described_agents.use({"XDG_CONFIG_HOME": str(tmp_path)})
        with pytest.raises(errors.UnknownAgent) as raised:
            registry.get("zzz")
    finally:
        registry.look_in(None)
    assert f"{tmp_path}/coders/agents and /etc/coders/agents" in str(raised.value)


def test_the_good_file_is_good() -> None:
    """The tests above change one thing each."""
    assert tomllib.loads(GOOD)["name"] == "mine"
