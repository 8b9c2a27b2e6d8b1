"""The formats of an attempt's directory, without a process."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import coders_workers.attempt
from coders_workers import attempt_dir, launcher
from coders_workers.attempt import files

WORDS = st.binary(max_size=30).map(lambda data: data.replace(b"\0", b""))
NAMES = WORDS.map(lambda data: b"N" + data.replace(b"=", b""))


@given(
    argv=st.lists(WORDS, min_size=1),
    env=st.dictionaries(NAMES, WORDS),
    cwd=WORDS,
    stdin=WORDS,
    flags=st.tuples(st.booleans(), st.booleans()),
)
def test_a_launch_reads_back_as_written(
    argv: list[bytes], env: dict[bytes, bytes], cwd: bytes, stdin: bytes, flags: tuple[bool, bool]
) -> None:
    """Any words without NUL, empty ones included, survive the launch file."""
    launch = files.Launch(
        terminal=flags[0],
        merge=flags[1],
        columns=80,
        rows=24,
        cwd=cwd,
        stdin=stdin,
        argv=argv,
        env=env,
    )
    assert vars(files.Launch.decode(launch.encode())) == vars(launch)


def test_a_launch_with_nul_is_refused() -> None:
    """No program can be given a NUL; it would be read back as two words."""
    launch = files.Launch(
        terminal=False, merge=False, columns=1, rows=1, cwd=b"/", stdin=b"", argv=[b"a\0b"], env={}
    )
    with pytest.raises(ValueError, match="NUL"):
        launch.encode()


def test_a_launch_of_another_version_is_refused() -> None:
    """A worker and a launcher of different versions do not misread each other."""
    with pytest.raises(ValueError, match="version"):
        files.Launch.decode(b"coders-launch-0\x000\x000")


def test_host_and_launcher_agree_on_names() -> None:
    """The names that the host knows the files by are the ones that the launcher writes."""
    own = {
        value for name, value in vars(files).items() if name.isupper() and isinstance(value, str)
    }
    assert own >= attempt_dir.NAMES


def test_the_launcher_imports_little() -> None:
    """Every spawn pays for the launcher's imports: only modules that load in no time."""
    cheap = {"_signal", "errno", "fcntl", "posix", "select", "sys", "termios", "time"}
    package = Path(coders_workers.attempt.__file__).parent
    found = set()
    for path in package.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {name.name for name in node.names}
            elif isinstance(node, ast.ImportFrom):
                found.add(node.module or "")
    ours = {name for name in found if name.startswith("coders_workers.attempt")}
    # `typing` stands below a TYPE_CHECKING that is never true
    assert found - ours - {"typing"} <= cheap


def test_each_module_of_the_launcher_comes_after_those_it_imports() -> None:
    """The launcher's one file holds every module of its package, in an order that works."""
    package = Path(coders_workers.attempt.__file__).parent
    assert {f"{name}.py" for name in launcher.MODULES} == {
        path.name for path in package.glob("*.py") if path.name != "__init__.py"
    }
    seen: set[str] = set()
    for name in launcher.MODULES:
        tree = ast.parse((package / f"{name}.py").read_text())
        imported = {
            (node.module or "").removeprefix("coders_workers.attempt.")
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("coders_workers")
        }
        assert imported <= seen, name
        seen.add(name)
