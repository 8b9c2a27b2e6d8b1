"""The model of a file that describes a tool.

Every key with its meaning; what is wrong within one file is found here. The adapter that acts on it
is :mod:`~coders_queue.agents.described.adapter`.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from coders_queue.agents.adapter import Delivery
from coders_queue.agents.described import patterns, words
from coders_queue.agents.described.output import Output
from coders_queue.agents.described.patterns import pattern
from coders_queue.models.base import Model

_NAME = r"^[a-z][a-z0-9_-]{0,30}$"
_PACKAGE = re.compile(r"(@[A-Za-z0-9_][\w.~-]*/)?[A-Za-z0-9_][\w.~-]*", re.ASCII)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

Word = Annotated[str, AfterValidator(words.checked)]
Words = tuple[Word, ...]


def _regex(text: str) -> str:
    pattern(text)
    return text


def _inside(path: str) -> str:
    parts = path.split("/")
    if "\0" in path or any(part in ("", ".", "..") for part in parts):
        raise ValueError("should be a path inside a directory, such as config/settings.json")
    return path


Regex = Annotated[str, AfterValidator(_regex)]
Inside = Annotated[str, AfterValidator(_inside)]


class PackageSource(Model):
    """Where the program comes from."""

    registry: Literal["npm", "pypi"]
    """`coders agents install` installs from npm alone."""
    name: str = Field(min_length=1, max_length=214)
    """As the registry spells it."""

    @field_validator("name")
    @classmethod
    def _is_the_registrys(cls, name: str) -> str:
        # to npm a dash begins an option, and an address or USER/REPOSITORY is another source
        if _PACKAGE.fullmatch(name) is None:
            raise ValueError("should be a package's name alone, such as @scope/tool")
        return name


class Home(Model):
    """A directory of the session's own for the tool's configuration: `{home}`."""

    variable: str | None = None
    """The environment variable that points the tool at it."""
    overlay: Inside | None = None
    """The user's directory that it shows, relative to the user's home. What of it is decided by
    `agents.NAME.carry` of the configuration: all, the login alone, or nothing. The user's own files
    are never written."""
    login: tuple[Inside, ...] = ()
    """The entries that are the login."""
    keep: tuple[Inside, ...] = ()
    """Directories of conversations, which outlive the session."""
    files: dict[Inside, str] = Field(default_factory=dict)
    """Files in it, by path: they stand in front of the user's."""


class Permissions(Model):
    """What is added to the command line for each permission."""

    default: Words = ()
    """For what the tool may do unasked by default."""
    edit: Words = ()
    """It may edit files."""
    full: Words = ()
    """It may do anything."""


class Run(Model):
    """A command line, without the program."""

    argv: Words
    """The arguments. No shell is involved."""
    model: Words = ()
    """Added when a model is asked for: has `{model}`. Without it, asking for one is refused."""
    resume: Words = ()
    """Added when a conversation is resumed: has `{resume}`."""
    permission: Permissions = Permissions()

    @model_validator(mode="after")
    def _names_its_values(self) -> Run:
        for key, given in (("model", self.model), ("resume", self.resume)):
            if given and key not in words.used(given):
                raise ValueError(f"{key} lacks the word {{{key}}}")
        return self


class Log(Model):
    """Files in which the tool writes down what it does."""

    files: tuple[str, ...] = ("{log_file}",)
    """Absolute patterns, or ones that begin with `{home}/` or `~/`; or `{log_file}`."""
    read: Output
    """How they are read, as one text."""

    @field_validator("files")
    @classmethod
    def _are_found(cls, files: tuple[str, ...]) -> tuple[str, ...]:
        for one in files:
            if one != "{log_file}" and not one.startswith(("/", "~/", "{home}/")):
                raise ValueError(
                    f"{one!r} should be {{log_file}}, or begin with /, ~/ or {{home}}/"
                )
        return files


class Headless(Run):
    """A run without a terminal, with an end of its own."""

    prompt: Literal["argument", "stdin", "file"]
    """How the prompt gets there: `{task}` in `argv`, standard input, or `{task_file}` in `argv`."""
    output: Output
    """How its standard output is read."""
    log: Log | None = None
    """What else is read when it is over. What the output tells counts more."""

    @model_validator(mode="after")
    def _is_whole(self) -> Headless:
        wanted = {"argument": "task", "file": "task_file"}.get(self.prompt)
        told = [name for name in words.used(self.argv) if name in ("task", "task_file")]
        if told != ([wanted] if wanted else []):
            where = f"{{{wanted}}} once" if wanted else "neither {task} nor {task_file}"
            raise ValueError(f"argv should have {where}: prompt is {self.prompt!r}")
        if not (self.output.tells_end or (self.log and self.log.read.tells_end)):
            raise ValueError(
                "nothing tells that a run is complete: give output a result, or a line with done"
            )
        return self


class ScreenRule(Model):
    """What the terminal shows in some state. The first rule that fits counts."""

    state: Literal["starting", "dialog", "idle", "working", "waiting", "rate_limited", "error"]
    """What it means then."""
    where: Literal["screen", "last_lines", "footer", "title"] = "last_lines"
    """Where it is looked for: anywhere, in the last lines that are not empty, in the very last one,
    in the title."""
    lines: int = Field(default=8, ge=1, le=200)
    """How many the last lines are."""
    match: Regex
    """Matched with each line of it. Groups named `question`, `message` and `draft` are taken."""
    choices: Regex | None = None
    """Each line of it that this matches is an answer offered: its group `choice`, or all of it."""


class Interactive(Run):
    """A run at the tool's own terminal interface."""

    argv: Words = ()
    """The arguments, without a first prompt."""
    task: Words = ()
    """Added for a first prompt: has `{task}`. Without it, prompts come by `coders send` alone."""
    screen: tuple[ScreenRule, ...] = ()
    """What its screens mean."""
    log: Log | None = None
    """Where its answers, its conversation's id and its usage are read."""

    @model_validator(mode="after")
    def _takes_task(self) -> Interactive:
        if self.task and "task" not in words.used(self.task):
            raise ValueError("task lacks the word {task}")
        if {"task", "task_file"} & set(words.used(self.argv)):
            raise ValueError("argv holds no prompt here: write task = [...] for a first one")
        return self


class Check(Model):
    """How `coders agents check FILE` points the tool at the project's model stub."""

    env: dict[str, str] = Field(default_factory=dict)
    """Variables; `{stub}` in a value is the stub's address, without `/v1`."""
    files: dict[Inside, str] = Field(default_factory=dict)
    """Files in the scratch home; `{stub}` in them too."""
    model: str | None = None
    """The model asked for."""


class Description(Model):
    """A tool."""

    name: str = Field(pattern=_NAME)
    """As in `coders run NAME`, and the file's own name."""
    program: str = Field(min_length=1)
    """The executable: a name on PATH, or an absolute path."""
    package: PackageSource | None = None
    """Where it can be had."""
    version: tuple[str, ...] = ("--version",)
    """The arguments with which it says its version; `[]` when it does not."""
    tested: tuple[str, ...] = ()
    """Versions that it was tried with; running another one is warned of."""
    pass_env: tuple[str, ...] = ()
    """Shell patterns of variables taken along from the person who spawns: keys, addresses."""
    env: dict[str, Word] = Field(default_factory=dict)
    """Variables it gets; placeholders as in a command line."""
    unset: tuple[str, ...] = ()
    """Variables of the host that must not reach it."""
    home: Home = Home()
    """Its configuration of the session's own."""
    headless: Headless | None = None
    """How it runs headless; without it, it does not."""
    interactive: Interactive | None = None
    """How it runs at a terminal; without it, it does not."""
    delivery: Delivery = Delivery()
    """How prompts are typed into its terminal."""
    check: Check | None = None
    """How the file itself is tested."""

    @field_validator("program")
    @classmethod
    def _can_be_found(cls, program: str) -> str:
        if "\0" in program or ("/" in program and not program.startswith("/")):
            raise ValueError("should be a name that is looked up on PATH, or an absolute path")
        return program

    @field_validator("env")
    @classmethod
    def _are_variables(cls, env: dict[str, str]) -> dict[str, str]:
        for name, value in env.items():
            if _VARIABLE.fullmatch(name) is None:
                raise ValueError(f"{name!r} cannot name an environment variable")
            if {"task", "task_file", "model", "resume"} & set(words.used([value])):
                raise ValueError(f"{name} may hold {{cwd}}, {{home}} or {{log_file}} alone")
        return env

    @field_validator("delivery")
    @classmethod
    def _is_bounded(cls, delivery: Delivery) -> Delivery:
        patterns.pattern(delivery.placeholder)
        return delivery

    @model_validator(mode="after")
    def _runs(self) -> Description:
        if self.headless is None and self.interactive is None:
            raise ValueError("it needs a table [headless] or [interactive]")
        return self
