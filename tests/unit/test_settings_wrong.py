"""Wrong configuration: one line with file, line and the nearest right key."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coders_queue import errors
from coders_queue.documents.document import FORMATS, MAX_BYTES
from coders_queue.documents.parsed import Malformed
from coders_queue.settings.load import load

Fails = Callable[..., errors.ConfigError]


@pytest.fixture
def fails(tmp_path: Path) -> Fails:
    """Load with one user file (or other things), and give back the error."""

    def run(
        text: str | bytes = "", name: str = "config.yaml", flags: object = None, **environ: str
    ) -> errors.ConfigError:
        user = tmp_path / "home" / ".config" / "coders"
        user.mkdir(parents=True, exist_ok=True)
        if text:
            (user / name).write_bytes(text.encode() if isinstance(text, str) else text)
        with pytest.raises(errors.ConfigError) as caught:
            load(
                {"HOME": str(tmp_path / "home"), **environ},
                tmp_path,
                flags or {},  # type: ignore[arg-type]
                system=tmp_path / "etc",
            )
        assert "\n" not in str(caught.value)
        return caught.value

    return run


@pytest.mark.parametrize(
    ("name", "text", "line", "said"),
    [
        ("config.yaml", "log:\n  levle: debug\n", 2, "log.levle (did you mean log.level?)"),
        ("config.yml", "# x\n\nbrokr: {}\n", 3, "brokr (did you mean broker?)"),
        ("config.yaml", "workspace:\n  branch-prefix: x\n", 2, "did you mean workspace.branch_pre"),
        ("config.yaml", "level: debug\n", 1, "level (did you mean log.level?)"),
        ("config.yaml", "broker.url: x\n", 1, "write 'url' below the section 'broker'"),
        ("config.yaml", "zzz: 1\n", 1, "there are: broker, host"),
        ("config.yaml", "agents:\n  claude:\n    programm: x\n", 3, "agents.claude.program?"),
        ("config.json", '{\n "log": {\n\n  "levle": "x"}}', 4, "did you mean log.level?"),
        ("config.json", '{"a\\n\\"b": [1,\n{"x": {}}],\n"log": 1}', 1, "there is no key"),
        ("config.toml", "[log]\n\nlevle = 'x'\n", 3, "did you mean log.level?"),
        ("config.toml", 'log.levle = """\nlevel = 1\n"""\n', 1, "did you mean log.level?"),
        ("config.toml", "[agents.claude]\n'programm' = 1\n", 2, "did you mean agents.claude.pro"),
        ("config.yaml", "limits:\n  fleet:\n    brust: 3\n", 3, "did you mean limits.fleet.burst?"),
        ("config.yaml", "limit:\n  fleet: {rate: 3}\n", 1, "limit (did you mean limits?)"),
    ],
)
def test_an_unknown_key_is_named_with_its_line(
    fails: Fails, name: str, text: str, line: int, said: str
) -> None:
    """And with the key that was most likely meant."""
    message = str(fails(text, name))
    assert f"{name}:{line}: " in message
    assert said in message


@pytest.mark.parametrize(
    ("name", "text", "line", "said"),
    [
        ("config.yaml", "log:\n  level: loud\n", 2, "log.level should be 'debug'"),
        ("config.yaml", "log:\n  level: loud\n", 2, "not 'loud'"),
        ("config.yaml", "host:\n  capacity: yes\n", 2, "host.capacity should be a number"),
        ("config.yaml", "host:\n  threads: 0\n", 2, "greater than or equal to 1, not 0"),
        ("config.yaml", "host:\n  roles:\n    - host\n    - king\n", 4, "host.roles.1 should be"),
        ("config.yaml", "host: {roles: []}\n", 1, "host.roles"),
        ("config.yaml", "host: {roles: [host, host]}\n", 1, "name each role once"),
        ("config.yaml", "host: {name: a b}\n", 1, "host.name should be a letter or digit"),
        ("config.yaml", "session:\n  grace: .inf\n", 2, "session.grace"),
        ("config.yaml", "session:\n  spawn_timeout: -1\n", 2, "session.spawn_timeout"),
        ("config.yaml", "broker:\n  url: http://x\n", 2, "should start with redis://"),
        ("config.yaml", "broker:\n  url: redis://\n", 2, "should name a host"),
        ("config.yaml", "broker:\n  url: redis://h:99999\n", 2, "port between"),
        ("config.yaml", "broker:\n  url: redis+socket://\n", 2, "should name a socket"),
        ("config.yaml", "broker:\n  url: redis+socket://run/x\n", 2, "should name a socket"),
        ("config.yaml", "broker:\n  prefix: '*'\n", 2, "broker.prefix should match"),
        ("config.yaml", "broker: redis://x\n", 1, "broker is a section, not a value (its keys: ur"),
        ("config.yaml", "agents:\n  Claude:\n    program: x\n", 2, "agents.Claude should match"),
        ("config.yaml", "agents:\n  a:\n    env:\n      N: 1\n", 4, "put it in quotes"),
        ("config.yaml", "agents:\n  a:\n    env: [1]\n", 3, "should hold names and values"),
        ("config.yaml", "agents:\n  a:\n    env: {'A=B': x}\n", 3, "cannot name"),
        ("config.yaml", "tmux:\n  program: ''\n", 2, "tmux.program"),
        ("config.yaml", "workspace:\n  branch_prefix: --force/\n", 2, "not start with -"),
        ("config.yaml", "workspace:\n  branch_prefix: a//b\n", 2, "legal git branch"),
        ("config.json", '{"host":\n {"roles": ["host",\n "king"]}}', 3, "host.roles.1"),
        (
            "config.yaml",
            "limits:\n  f:\n    concurrency: -1\n",
            3,
            "limits.f.concurrency should be g",
        ),
        ("config.yaml", "limits:\n  f: {rate: 0}\n", 2, "limits.f.rate should be greater than 0"),
        ("config.yaml", "limits:\n  f: {rate: no}\n", 2, "limits.f.rate should be a number"),
        ("config.yaml", "limits:\n  f:\n    agent: x\n", 2, "limits.f a limit needs a concurrency"),
        ("config.yaml", "limits:\n  f: {rate: 1, label: x}\n", 2, "limits.f 'x' is not KEY=VALUE"),
        ("config.yaml", "limits:\n  f: {}\n", 2, "limits.f: a limit needs a concurrency"),
        ("config.yaml", "limits:\n  f:\n", 2, "limits.f: a limit needs a concurrency"),
        ("config.yaml", "limits:\n  f: 3\n", 2, "limits.f is a section, not a value"),
        ("config.yaml", "limits:\n  F: {rate: 1}\n", 2, "limits.F should match"),
        ("config.yaml", "shares:\n  ann: 2\n  bob: -1\n", 3, "shares.bob should be greater than 0"),
        ("config.yaml", "shares: 3\n", 1, "shares should hold names and values"),
        ("config.toml", "[host]\nthreads = 0\n", 2, "host.threads"),
        ("config.toml", "host = {threads = 0}\n", 1, "host.threads"),
    ],
)
def test_a_wrong_value_is_named_with_its_line(
    fails: Fails, name: str, text: str, line: int, said: str
) -> None:
    """And with what would be right."""
    message = str(fails(text, name))
    assert f"{name}:{line}: " in message
    assert said in message


@pytest.mark.parametrize(
    ("name", "text", "line", "said"),
    [
        ("config.yaml", "log:\n  level: debug\n  level: info\n", 3, "twice (first on line 2)"),
        ("config.yaml", "log: {}\nlog: {}\n", 2, "the key 'log' is given twice"),
        ("config.json", '{"log": {},\n "log": {}}', 2, "twice (first on line 1)"),
        ("config.json", '{"log": {"level": "info",\n "lev\\u0065l": "info"}}', 2, "twice"),
        ("config.toml", "[log]\nlevel = 'info'\nlevel = 'info'\n", 3, "overwrite"),
        ("config.yaml", "log: [\n", 2, "expected"),
        ("config.yaml", "a: 1\n\tb: 2\n", 2, "character"),
        ("config.yaml", "a: &x 1\nb: *x\n", 1, "anchors"),
        ("config.yaml", "log:\n  level: !!python/name:os.system ''\n", 2, "could not determine"),
        ("config.yaml", "log:\n  level: 2026-13-99\n", 2, "month"),
        ("config.yaml", "? [a]\n: 1\n", 1, "plain word"),
        ("config.yaml", "a: 1\n---\nb: 1\n", 2, "expected a single document"),
        ("config.yaml", "- a\n", 1, "should hold keys and values"),
        ("config.yaml", "a: 1\nb: \x01\n", 2, "a character that YAML does not allow"),
        ("config.json", "[1]", 1, "should hold keys and values"),
        ("config.json", '{"log":\n {,}}', 2, "not JSON: "),
        ("config.toml", "a = 1\nb =\n", 2, "not TOML: invalid value"),
        ("config.toml", "a = 1\n[b", 2, "not TOML: "),
    ],
)
def test_a_malformed_file_is_told_with_its_line(
    fails: Fails, name: str, text: str, line: int, said: str
) -> None:
    """So is a key that stands there twice, and anything in YAML beyond plain data."""
    message = str(fails(text, name))
    assert f"{name}:{line}: " in message or "anchors" in said
    assert said in message


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("config.json", '{"host": {"capacity": NaN}}', "NaN is not a JSON value"),
        ("config.json", '{"a": ' + "1" * 5000 + "}", "not JSON"),
        ("config.toml", "a = " + "1" * 5000, "not TOML"),
        ("config.yaml", "a: " + "[" * 20_000, "nested too deeply"),
        ("config.json", '{"a": ' + "[" * 50_000, "nested too deeply"),
        ("config.yaml", "#" * (MAX_BYTES + 1), "is larger than"),
    ],
)
def test_a_hostile_file_is_refused(fails: Fails, name: str, text: str, said: str) -> None:
    """Nothing in a file can crash us or exhaust the machine."""
    assert said in str(fails(text, name))


def test_text_that_is_not_utf8_is_told_with_its_line(fails: Fails) -> None:
    """Rather than read as something else."""
    assert "config.yaml:2: is not UTF-8" in str(fails(b"owner: ada\n# \xff\n"))


def test_a_directory_a_pipe_or_a_dead_link_is_told(fails: Fails, tmp_path: Path) -> None:
    """In place of a configuration file; opening a pipe must not hang."""
    user = tmp_path / "home" / ".config" / "coders"
    file = user / "config.yaml"
    file.mkdir(parents=True)
    assert "is a directory" in str(fails())
    file.rmdir()
    os.mkfifo(file)
    assert "is not a regular file" in str(fails())
    file.unlink()
    file.symlink_to(tmp_path / "nowhere")
    assert "config.yaml: cannot be read: no such file" in str(fails())
    assert fails().hint == "make it readable, or remove it"


def test_an_unreadable_file_is_told(
    fails: Fails, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that we may not read is not passed over: it may say what matters."""

    def deny(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", deny)  # root may read anything
    user = tmp_path / "home" / ".config" / "coders"
    user.mkdir(parents=True)
    os.mknod(user / "config.yaml", 0o100600)
    message = str(fails())
    assert "config.yaml: cannot be read: permission denied" in message


def test_two_files_in_one_place_are_refused(fails: Fails, tmp_path: Path) -> None:
    """Both are named: nobody could say which one counts."""
    (tmp_path / ".coders.yaml").write_text("")
    (tmp_path / ".coders").mkdir()
    (tmp_path / ".coders" / "config.toml").write_text("")
    message = str(fails())
    assert str(tmp_path / ".coders.yaml") in message
    assert str(tmp_path / ".coders" / "config.toml") in message


@pytest.mark.parametrize(
    "text",
    [
        "broker: {url: redis://evil}",
        "broker: {prefix: 'x:'}",
        "host: {name: x}",
        "tmux: {program: ./evil}",
        "agents: {claude: {program: ./evil}}",
        "agents: {claude: {args: [--dangerous]}}",
        "agents: {claude: {env: {ANTHROPIC_BASE_URL: http://evil}}}",
        "session: {pass_env: ['*']}",
        "retention: {archives: 1}",
        "log: {level: error}",
        "owner: somebody",
    ],
)
def test_a_project_may_not_set_what_is_dangerous(fails: Fails, tmp_path: Path, text: str) -> None:
    """A cloned repository must not choose programs, addresses, variables or whose work it is."""
    (tmp_path / ".coders.yaml").write_text("# mine\n" + text)
    message = str(fails())
    assert f"{tmp_path}/.coders.yaml:2: a project's file may not set " in message
    assert ".config/coders/config.yaml" in message


def test_a_secret_in_a_wrong_value_is_not_shown(fails: Fails) -> None:
    """An error about a broker's address or an agent's variable keeps its value to itself."""
    assert "hunter2" not in str(fails("broker: {url: 'http://:hunter2@h'}"))
    assert "hunter2" not in str(fails("agents: {a: {env: {K: [hunter2]}}}"))
    assert "hunter2" not in str(fails("owner: x", CODERS_BROKER_URL="redis://:hunter2@h:x"))


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("CODERS_BROKER_URI", "CODERS_BROKER_URL"),
        ("CODERS_LOGLEVEL", "CODERS_LOG_LEVEL"),
        ("CODERS_HOSTNAME", "CODERS_HOST_NAME"),
        ("CODERS_STATEDIR", "CODERS_STATE_DIR"),
        ("CODERS_TMUX_PROGRAMM", "CODERS_TMUX_PROGRAM"),
    ],
)
def test_a_misspelled_variable_is_refused(fails: Fails, wrong: str, right: str) -> None:
    """It would otherwise be ignored in silence."""
    assert f"no variable {wrong} (did you mean {right}?)" in str(fails(**{wrong: "x"}))


@pytest.mark.parametrize(
    ("variable", "text", "said"),
    [
        ("CODERS_LOG_LEVEL", "loud", "CODERS_LOG_LEVEL: log.level should be 'debug'"),
        ("CODERS_HOST_CAPACITY", "many", "CODERS_HOST_CAPACITY: host.capacity should be"),
        ("CODERS_SESSION_PASS_ENV", "[oops", "CODERS_SESSION_PASS_ENV: is not a JSON list"),
        ("CODERS_AGENTS_CLAUDE_ENV", "A=B", "CODERS_AGENTS_CLAUDE_ENV: is not a JSON dict"),
        ("CODERS_OWNER", "a\nb", "CODERS_OWNER: owner should have no control characters"),
    ],
)
def test_a_wrong_variable_is_named(fails: Fails, variable: str, text: str, said: str) -> None:
    """With the key that it sets."""
    assert said in str(fails(**{variable: text}))


def test_a_wrong_flag_is_named(fails: Fails) -> None:
    """Both its key and its value are checked."""
    assert "flag: there is no key log.levle (did you mean log.level?)" in str(
        fails(flags={"log.levle": "x"})
    )
    assert "flag log.level: log.level should be" in str(fails(flags={"log.level": "x"}))


def test_a_wrong_value_is_told_even_where_a_higher_source_covers_it(fails: Fails) -> None:
    """A file with a mistake is wrong today, not on the day the variable is gone."""
    assert "config.yaml:1: log.level" in str(fails("log: {level: x}", CODERS_LOG_LEVEL="info"))


@given(
    text=st.text(st.sampled_from(list("a1-: \n\t[]{}'\"#&*!|>%@,.=\\/\0é")), max_size=60)
    | st.text(max_size=60),
    suffix=st.sampled_from(sorted(FORMATS)),
)
def test_any_text_is_parsed_or_malformed(text: str, suffix: str) -> None:
    """No text makes a parser fail in any other way."""
    with contextlib.suppress(Malformed):
        assert FORMATS[suffix](text).lines is not None
