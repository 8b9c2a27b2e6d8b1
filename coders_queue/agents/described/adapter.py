"""The adapter of a tool that a file describes: the same promises as a built-in one's.

Its session's own configuration directory, files of the prompt and of what the tool logs lie in the
attempt's directory; the user's are not written.
"""

from __future__ import annotations

import glob
import json
import posixpath
from collections.abc import Sequence

from coders_queue import errors
from coders_queue.agents import ending
from coders_queue.agents.adapter import MAX_ARGUMENT_BYTES, LaunchFacts, Package
from coders_queue.agents.described import reading, screens, words
from coders_queue.agents.described.model import Description, Headless, Interactive
from coders_queue.agents.described.output import JsonLines
from coders_queue.agents.screen import Screen
from coders_queue.agents.tool import NETWORK_ENV, Tool
from coders_queue.models.launch import ExitStatus, LaunchPlan, Overlay, Reading, SeedFile
from coders_queue.models.observation import Observation, Source
from coders_queue.models.spec import Mode, SessionSpec

TASK_FILE = "task.txt"
LOG_FILE = "tool.log"


class DescribedAdapter(Tool):
    """Acts on a description."""

    takes_prompt = True
    program: str | None

    def __init__(self, description: Description) -> None:
        self.description = description
        self.name = description.name
        self.program = description.program
        runs: tuple[tuple[Mode, object], ...] = (
            ("headless", description.headless),
            ("interactive", description.interactive),
        )
        self.modes: tuple[Mode, ...] = tuple(mode for mode, run in runs if run is not None)
        self.resumes: tuple[Mode, ...] = tuple(
            mode for mode, run in runs if getattr(run, "resume", None)
        )
        self.pass_env: tuple[str, ...] = (*description.pass_env, *NETWORK_ENV)
        self.package = _package(description)
        self.version_argv = description.version
        self.tested = description.tested
        self.delivery = description.delivery

    def plan(self, spec: SessionSpec, facts: LaunchFacts) -> LaunchPlan:
        """The command line. Raises UsageError and TaskTooLarge."""
        run = self._run(spec)
        task = self._task(facts.task)
        home = self.description.home
        values = self._values(spec, facts)
        argv = [*run.argv]
        argv += getattr(run.permission, spec.permission)
        argv += self._wanted("model", spec.model, run.model)
        argv += self._wanted("resume", spec.resume, run.resume)
        stdin = None
        files = [
            SeedFile(path=f"{self._home}/{name}", content=text.encode())
            for name, text in home.files.items()
        ]
        if isinstance(run, Headless):
            if task is None:
                raise errors.UsageError(
                    f"{self.name} has nothing to do: a headless run needs a task", "give it one"
                )
            if run.prompt == "stdin":
                stdin = task
            elif run.prompt == "file":
                files.append(SeedFile(path=TASK_FILE, content=task))
            else:
                self._fits(task, argv)
        elif task is not None:
            if not run.task:
                raise errors.UsageError(
                    f"{self.name} takes no first prompt at its terminal",
                    "leave the task out, and coders send it",
                )
            self._fits(task, run.task)
            argv += run.task
        return LaunchPlan(
            argv=(self.description.program, *_spliced(words.fill(argv, values), spec.argv)),
            stdin=stdin,
            env=dict(zip(self.description.env, self._environment(values), strict=True)),
            unset=self.description.unset,
            own_env={home.variable: values["home"]} if home.variable else {},
            overlays=self._overlays(facts),
            files=tuple(files),
            terminal=spec.mode == "interactive",
        )

    def transcripts(self, spec: SessionSpec, facts: LaunchFacts) -> tuple[str, ...]:
        """The files of the log."""
        log = self._run(spec).log
        if log is None:
            return ()
        values = self._values(spec, facts)
        return tuple(_pattern(one, values, facts.home) for one in log.files)

    def owns_transcripts(self, spec: SessionSpec, facts: LaunchFacts) -> bool:
        """Where they lie in the attempt's own directory; elsewhere nobody knows."""
        own = glob.escape(facts.directory)
        return all(one.startswith(f"{own}/") for one in self.transcripts(spec, facts))

    def read(
        self,
        spec: SessionSpec,
        facts: LaunchFacts,
        stdout: bytes,
        status: ExitStatus,
        stderr: bytes = b"",
        transcripts: Sequence[bytes] = (),
    ) -> Reading:
        """Success is exit status 0, no word of a failure and, headless, the mark of the end."""
        run = self._run(spec)
        said = [] if isinstance(run, Interactive) else [reading.read(stdout, run.output)]
        if run.log is not None:
            said.append(reading.read(b"\n".join(transcripts), run.log.read))
        message = self._failure(run, said, status, stderr)
        return Reading(
            ok=message is None,
            message=message,
            result=next((one.result for one in said if one.result is not None), None),
            conversation_id=next((one.conversation for one in said if one.conversation), None)
            or spec.resume,
            usage=next((one.usage for one in said if one.usage is not None), None),
        )

    def render(self, line: bytes) -> bytes | None:
        """Text as it is; of lines of JSON the answers and the failures."""
        output = self.description.headless and self.description.headless.output
        if not isinstance(output, JsonLines):
            return line
        for rule, value in reading.matching(line, output):
            told = reading.failure(rule, value)
            if told is None and rule.result is not None:
                told = reading.at(value, rule.result)
            if told is not None:
                text = told if isinstance(told, str) else json.dumps(told, ensure_ascii=False)
                return text.encode("utf-8", "replace") + b"\n"
        return None

    def tells(self, mode: Mode) -> bool:
        """Where the file has rules for it."""
        if mode == "interactive":
            return bool(self.description.interactive and self.description.interactive.screen)
        run = self.description.headless
        return run is not None and isinstance(run.output, JsonLines)

    def observe_screen(self, screen: Screen, version: str | None = None) -> Observation:
        """By the rules of the file."""
        run = self.description.interactive
        return screens.observe(screen, run.screen if run else ())

    def observe_stream(self, line: bytes, version: str | None = None) -> Observation | None:
        """The first rule of the output that says where a turn stands; any other is of work."""
        run = self.description.headless
        output = run.output if run else None
        if not isinstance(output, JsonLines):
            return None
        said = line.lstrip().startswith(b"{")
        working = Observation(state="working", source="stream") if said else None
        return _observe(line, output, "stream") or working

    def observe_transcript(self, line: bytes, version: str | None = None) -> Observation | None:
        """The same of the terminal's log, else of the headless one."""
        for run in (self.description.interactive, self.description.headless):
            if run is not None and run.log is not None and isinstance(run.log.read, JsonLines):
                return _observe(line, run.log.read, "transcript")
        return None

    @property
    def _home(self) -> str:
        return f"home/{self.name}"

    def _run(self, spec: SessionSpec) -> Headless | Interactive:
        run: Headless | Interactive | None = getattr(self.description, spec.mode)
        if run is None:
            raise errors.UsageError(
                f"{self.name} cannot run {spec.mode}", f"it can run {' or '.join(self.modes)}"
            )
        return run

    def _task(self, task: str | None) -> bytes | None:
        if task is None:
            return None
        if "\0" in task:
            raise errors.UsageError(f"{self.name} cannot be told a NUL byte", "take it out")
        return task.encode("utf-8", "surrogateescape")

    def _values(self, spec: SessionSpec, facts: LaunchFacts) -> dict[str, str]:
        return {
            "task": facts.task or "",
            "task_file": f"{facts.directory}/{TASK_FILE}",
            "model": spec.model or "",
            "resume": spec.resume or "",
            "cwd": facts.cwd,
            "home": f"{facts.directory}/{self._home}",
            "log_file": f"{facts.directory}/{LOG_FILE}",
        }

    def _environment(self, values: dict[str, str]) -> tuple[str, ...]:
        return words.fill(self.description.env.values(), values)

    def _wanted(self, what: str, value: str | None, added: Sequence[str]) -> Sequence[str]:
        if value is None:
            return ()
        if not added:
            how = "a model" if what == "model" else "a conversation to go on with"
            raise errors.UsageError(
                f"{self.name} cannot be told {how}", f"add {what} = [...] to its file"
            )
        if value.startswith("-") and words.bare(added, what):
            raise errors.UsageError(
                f"{self.name} would take {value!r} for an option", "it must not begin with a dash"
            )
        return added

    def _fits(self, task: bytes, argv: Sequence[str]) -> None:
        room = MAX_ARGUMENT_BYTES - max(map(len, argv), default=0)
        if len(task) > room:
            raise errors.TaskTooLarge(
                f"the task has {len(task)} bytes, and {self.name} takes at most {room}",
                "put it into a file, and name that in the task",
            )
        if task.startswith(b"-") and words.bare(argv, "task"):
            raise errors.UsageError(
                f"{self.name} would take a task that begins with a dash for an option",
                'begin it with something else, or write "--option={task}" in its file',
            )

    def _overlays(self, facts: LaunchFacts) -> tuple[Overlay, ...]:
        home = self.description.home
        if home.overlay is None:
            return ()
        source = (home.variable and facts.environ.get(home.variable)) or posixpath.join(
            facts.home, home.overlay
        )
        only = {"all": None, "login": home.login, "none": ()}[facts.carry]
        keep_in = None if facts.carry == "all" or not facts.keep else facts.keep
        return (
            Overlay(path=self._home, source=source, only=only, keep=home.keep, keep_in=keep_in),
        )

    def _failure(
        self,
        run: Headless | Interactive,
        said: Sequence[reading.Said],
        status: ExitStatus,
        stderr: bytes,
    ) -> str | None:
        wrong = next((one.error for one in said if one.error is not None), None)
        why = wrong or next((one.message for one in said if one.message), None)
        if wrong is not None:
            return f"{self.name}: {wrong}"
        how = ending.describe(status)
        if isinstance(run, Interactive):
            return None if ending.succeeded(status) else f"{self.name}: {how}"
        asked = [run.output, *([run.log.read] if run.log else [])]
        done = all(one.done for one, by in zip(said, asked, strict=True) if by.tells_end)
        if done and ending.succeeded(status):
            return None
        last = why or _last_words(stderr)
        tail = f": {last}" if last else ""
        return f"{self.name}: {'' if done else 'ended without a complete answer, '}{how}{tail}"


def _package(description: Description) -> Package | None:
    source = description.package
    if source is None:
        return None
    where = "node_modules/.bin" if source.registry == "npm" else "bin"
    program = f"{where}/{posixpath.basename(description.program)}"
    return Package(registry=source.registry, name=source.name, program=program)


def _spliced(argv: tuple[str, ...], more: tuple[str, ...]) -> tuple[str, ...]:
    """The request's own arguments stand before ``--``, after which nothing is an option."""
    at = argv.index("--") if "--" in argv else len(argv)
    return (*argv[:at], *more, *argv[at:])


def _pattern(one: str, values: dict[str, str], home: str) -> str:
    if one == "{log_file}":
        return glob.escape(values["log_file"])
    if one.startswith("{home}/"):
        return glob.escape(values["home"]) + one.removeprefix("{home}")
    return glob.escape(home) + one.removeprefix("~") if one.startswith("~/") else one


def _observe(line: bytes, output: JsonLines, source: Source) -> Observation | None:
    for rule, value in reading.matching(line, output):
        wrong = reading.failure(rule, value)
        if wrong is not None:
            return Observation(state="error", source=source, message=wrong)
        if rule.done:
            result = None if rule.result is None else reading.at(value, rule.result)
            return Observation(state="idle", source=source, result=result)
        if rule.starts:
            return Observation(state="working", source=source)
    return None


def _last_words(stderr: bytes) -> str | None:
    lines = stderr[-4096:].decode("utf-8", "replace").split("\n")
    return next((told for line in reversed(lines) if (told := reading.one_line(line))), None)
