"""Pin files: which one counts, what is wrong with one, how one is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from coders_queue import errors
from coders_queue.settings import pins


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A project's subdirectory; the user's home and a shared file are beside the project."""
    directory = tmp_path / "project" / "src" / "deep"
    directory.mkdir(parents=True)
    return directory


def write(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def test_the_nearest_file_that_names_the_agent_counts(place: Path, tmp_path: Path) -> None:
    """Project before user before shared; a file that does not name the agent is passed over."""
    environ = {"HOME": str(tmp_path / "home")}
    shared = write(tmp_path / "fleet.toml", 'claude = "1.0.0"\ncodex = "1.0.1"\nqwen = "1.0.2"\n')
    user = write(tmp_path / "home/.config/coders/pins.toml", 'claude = "2.0.0"\ncodex = "2.0.1"\n')
    project = write(tmp_path / "project/.coders.pins.toml", '# ours\nclaude = "3.0.0"\n')
    found = pins.in_force(place, environ, str(shared))
    assert {name: (pin.version, pin.where) for name, pin in found.items()} == {
        "claude": ("3.0.0", f"{project}:2"),
        "codex": ("2.0.1", f"{user}:2"),
        "qwen": ("1.0.2", f"{shared}:3"),
    }
    for name, pin in found.items():
        assert pins.resolve(name, place, environ, str(shared)) == pin
    assert pins.resolve("gemini", place, environ, str(shared)) is None
    assert pins.in_force(tmp_path, {"HOME": "/nonexistent"}, None) == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('codex = "1.0"\nclaude = "latest"\n', ":2: claude should be one exact version"),
        ("claude = 2.1\n", ":1: claude should be one exact version in quotes, not 2.1"),
        ('\nclaude = "../../etc"\n', ":2: claude should be one exact version"),
        ('[claude]\nversion = "2.1.197"\n', ":1: claude should be one exact version"),
        ('"Cl aude" = "2.1.197"\n', ":1: 'Cl aude' is not an agent's name"),
        ('claude = "2.1.197\n', ":1: not TOML"),
        ('claude = "1.0"\nclaude = "1.1"\n', "not TOML"),
    ],
)
def test_a_wrong_pin_file_is_named_with_its_line(text: str, said: str, tmp_path: Path) -> None:
    """So that nobody searches for it: file, line, what it should be."""
    file = write(tmp_path / ".coders.pins.toml", text)
    with pytest.raises(errors.ConfigError) as caught:
        pins.resolve("claude", tmp_path, {"HOME": "/nonexistent"}, None)
    assert caught.value.message.startswith(str(file))
    assert said in caught.value.message


def test_a_shared_file_that_is_missing_is_told(tmp_path: Path) -> None:
    """The configuration names it: running something else in silence would be no pin."""
    with pytest.raises(errors.ConfigError, match=r"gone\.toml: cannot be read"):
        pins.resolve("claude", tmp_path, {"HOME": "/x"}, str(tmp_path / "gone.toml"))


def test_writing_a_pin_keeps_all_other_lines(tmp_path: Path) -> None:
    """Comments and other agents stay; a file that is not there is made."""
    file = tmp_path / "new" / "pins.toml"
    assert pins.write(file, "claude", "2.1.197")
    assert pins.read(file)["claude"].version == "2.1.197"
    file.write_text('# why\ncodex = "0.1"  # old\n\n claude="1.0"\n# end')
    assert pins.write(file, "claude", "2.1.197")
    assert file.read_text() == '# why\ncodex = "0.1"  # old\n\nclaude = "2.1.197"\n# end'
    assert not pins.write(file, "claude", "2.1.197")
    assert pins.write(file, "gemini", "0.61.0")
    assert pins.write(file, "claude", None)
    assert not pins.write(file, "claude", None)
    assert file.read_text() == '# why\ncodex = "0.1"  # old\n\n# end\ngemini = "0.61.0"\n'


def test_a_link_to_a_pin_file_stays_a_link(tmp_path: Path) -> None:
    """Dotfiles are often links."""
    real = write(tmp_path / "dotfiles" / "p.toml", 'claude = "1.0"\n')
    link = tmp_path / "pins.toml"
    link.symlink_to(real)
    pins.write(link, "claude", "2.0")
    assert link.is_symlink()
    assert real.read_text() == 'claude = "2.0"\n'
