"""opencode's adapter: its command line, its environment, the meaning of its end.

Headless, the prompt goes to standard input: any size. In the terminal it is the value of
``--prompt``, which opencode sends by itself; where that would not do (too long, a command of the
terminal's, a conversation that is resumed) the session's plug-in hands it over, see
:mod:`coders_queue.agents.opencode.plugin`. It is exact to the byte in all of these.

Permissions, over which the person's own configuration still has its say:

=========== ============================ ==================================================
permission  headless                     terminal
=========== ============================ ==================================================
default     the tool's own: all in the   the tool's own
            directory; what would ask
            is refused
edit        edits; no commands           edits; it asks for commands
full        all that is not denied       all that is not denied
=========== ============================ ==================================================

An agent whose question is refused stops there, without an answer: such a run is a failure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from coders_queue import errors
from coders_queue.agents import ending
from coders_queue.agents.adapter import MAX_ARGUMENT_BYTES, Delivery, LaunchFacts, Package
from coders_queue.agents.dialog import Dialog
from coders_queue.agents.opencode import config, dialog, plugin, render, screen, stream, transcript
from coders_queue.agents.opencode.traits import TRAITS, Traits
from coders_queue.agents.request import prompt_of, refuse_reserved
from coders_queue.agents.screen import Screen, one_line, plain
from coders_queue.agents.tool import NETWORK_ENV, Tool
from coders_queue.models.launch import ExitStatus, LaunchPlan, Reading
from coders_queue.models.observation import Observation
from coders_queue.models.spec import Mode, SessionSpec

#: Options that the reading of the output rests on.
_RESERVED = (
    *("--format", "--attach", "--pure", "--prompt", "--command", "--mini"),
    *("-s", "--session", "-c", "--continue", "-i", "--interactive"),
)
#: What an opencode leaves in the environment of its children.
_UNSET = (
    *("OPENCODE", "AGENT", "OPENCODE_PID", "OPENCODE_RUN_ID", "OPENCODE_PROCESS_ROLE"),
    *("OPENCODE_CLIENT", "OPENCODE_ROUTE", "OPENCODE_TERMINAL", "CODERS_OPENCODE_PID"),
    # it would leave the session's plug-in out
    "OPENCODE_PURE",
)
#: What it says when two that start at once both make the tables of a store (1.2 to 1.18.33).
_MIGRATING = re.compile(rb"\bCREATE (UNIQUE )?(TABLE|INDEX)\b|\bALTER TABLE\b")
#: Prompts that the terminal interface takes for its own commands.
_LEAVING = frozenset({"exit", "quit", ":q"})


class OpencodeAdapter(Tool):
    """opencode."""

    name = "opencode"
    program: str | None = "opencode"
    modes: tuple[Mode, ...] = ("headless", "interactive")
    pass_env: tuple[str, ...] = (
        # not OPENCODE_*: the marks of an outer opencode would come through
        *("OPENCODE_CONFIG", "OPENCODE_CONFIG_*", "OPENCODE_PERMISSION", "OPENCODE_DB"),
        *("OPENCODE_API_KEY", "OPENCODE_AUTH_CONTENT", "OPENCODE_MODELS_*"),
        *("OPENCODE_DISABLE_*", "OPENCODE_ENABLE_*", "OPENCODE_EXPERIMENTAL*"),
        *("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"),
        *("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY"),
        *("GOOGLE_GENERATIVE_AI_API_KEY", "OPENROUTER_API_KEY", "GROQ_API_KEY"),
        *("DEEPSEEK_API_KEY", "MISTRAL_API_KEY", "XAI_API_KEY", "ANTHROPIC_BASE_URL"),
        *NETWORK_ENV,
    )
    pass_env_when: Mapping[str, tuple[str, ...]] = {}
    takes_prompt = True
    resumes: tuple[Mode, ...] = ("headless", "interactive")
    package: Package | None = Package(name="opencode-ai", program="node_modules/.bin/opencode")
    tested: tuple[str, ...] = ("1.1.65", "1.18.33")
    # the first keys after the first picture can be lost
    delivery = Delivery(box_hides_paste=True, queues=True, settle=0.8, commands="/")

    def config_files(self, spec: SessionSpec, facts: LaunchFacts) -> tuple[str, ...]:
        """The user's settings and the project's: only names of servers are looked for there."""
        return config.users_files(facts) if facts.mcp else ()

    def plan(self, spec: SessionSpec, facts: LaunchFacts) -> LaunchPlan:
        """The command line. Raises UsageError for what opencode cannot be told."""
        prompt = prompt_of(facts.task, "opencode")
        refuse_reserved(spec.argv, _RESERVED)
        traits = TRAITS.get(facts.version)
        facts = facts.model_copy(update={"task": prompt})
        options = _options(spec, traits)
        if spec.mode == "interactive":
            return _in_terminal(options, spec, facts, traits)
        if prompt is None:
            raise errors.UsageError(
                "opencode has nothing to do: a headless run needs a task",
                "give one, or use --interactive",
            )
        # an empty title: the beginning of the task, and no request to a model for it
        title = () if any(word.startswith("--title") for word in spec.argv) else ("--title=",)
        plan = LaunchPlan(
            argv=("opencode", "run", "--format=json", *title, *options, *spec.argv),
            stdin=prompt.encode(),
            unset=_UNSET,
        )
        return config.furnish(plan, spec, facts, traits, shown=None, send=False)

    def transcripts(self, spec: SessionSpec, facts: LaunchFacts) -> tuple[str, ...]:
        """The journal."""
        return (f"{facts.directory}/{plugin.JOURNAL}",)

    def read(
        self,
        spec: SessionSpec,
        facts: LaunchFacts,
        stdout: bytes,
        status: ExitStatus,
        stderr: bytes = b"",
        transcripts: Sequence[bytes] = (),
    ) -> Reading:
        """Success is exit status 0 and a last turn that was completed."""
        journal = transcript.read(transcripts)
        if spec.mode == "interactive":
            return _read_terminal(spec, facts, status, journal)
        said = stream.read_stream(stdout)
        message = _failure(said, status, stderr)
        return Reading(
            ok=message is None,
            message=message,
            result=said.result,
            conversation_id=said.session,
            # the stream has nothing of sub-agents
            usage=journal.usage or said.usage,
        )

    def render(self, line: bytes) -> bytes | None:
        """One line of the stream for a person."""
        return render.render_line(line)

    def tells(self, mode: Mode) -> bool:
        """In either mode."""
        return True

    def observe_screen(self, screen_: Screen, version: str | None = None) -> Observation:
        """What the terminal shows."""
        return screen_.timed(screen.observe(screen_))

    def dialog(self, screen_: Screen, version: str | None = None) -> Dialog | None:
        """Enter for what is marked, Escape to deny; of questions for leave alone."""
        return dialog.read(screen_)

    def observe_stream(self, line: bytes, version: str | None = None) -> Observation | None:
        """Working until the last step's end."""
        return stream.observe(line)

    def observe_transcript(self, line: bytes, version: str | None = None) -> Observation | None:
        """One line of the journal."""
        return transcript.observe(line)


def _options(spec: SessionSpec, traits: Traits) -> tuple[str, ...]:
    words: list[str] = []
    if spec.model is not None:
        if "/" not in spec.model:
            raise errors.UsageError(
                f"{spec.model!r} is no model of opencode's",
                "write it as PROVIDER/MODEL (opencode models lists them)",
            )
        words.append(f"--model={spec.model}")
    if spec.permission == "full" and traits.auto:
        words.append("--auto")
    if spec.resume is not None:
        words.append(f"--session={spec.resume}")
    return tuple(words)


def _in_terminal(
    options: tuple[str, ...], spec: SessionSpec, facts: LaunchFacts, traits: Traits
) -> LaunchPlan:
    prompt, shown = facts.task, None
    words: tuple[str, ...] = ()
    if prompt is not None and spec.resume is None:
        long = len(prompt.encode()) > MAX_ARGUMENT_BYTES - len("--prompt=")
        if long or prompt.lstrip()[:1] in ("/", "!") or prompt.strip() in _LEAVING:
            # what it would read if the plug-in did not put the task itself in its place
            path = f"{facts.directory}/{plugin.TASK}"
            shown = f"Your task is in the file {path}. Read all of it, then carry it out."
        words = (f"--prompt={shown or prompt}",)
    plan = LaunchPlan(argv=("opencode", *options, *spec.argv, *words), unset=_UNSET, terminal=True)
    return config.furnish(plan, spec, facts, traits, shown=shown, send=spec.resume is not None)


def _read_terminal(
    spec: SessionSpec, facts: LaunchFacts, status: ExitStatus, journal: transcript.Journal
) -> Reading:
    message: str | None = None
    if journal.error is not None:
        message = one_line(f"opencode: {journal.error}")
    elif not ending.succeeded(status):
        message = f"opencode: {ending.describe(status)}"
    elif facts.task and facts.task.strip() and not journal.prompts:
        message = "opencode: ended before its task was sent"
    return Reading(
        ok=message is None,
        message=message,
        result=journal.result,
        conversation_id=journal.session or spec.resume,
        usage=journal.usage,
    )


def _failure(said: stream.Stream, status: ExitStatus, stderr: bytes) -> str | None:
    """Why the run is not a success, in one line; None when it is."""
    if said.error is not None:
        return one_line(f"opencode: {said.error}")
    if said.finished and ending.succeeded(status):
        return None
    how = ending.describe(status)
    if said.finished:
        return f"opencode: gave its answer, then {how}"
    if _MIGRATING.search(stderr):
        return (
            "opencode: it could not set up its database, which another opencode was setting up "
            "at the same time: try again"
        )
    noise = stderr.decode("utf-8", "replace").strip().splitlines() or list(said.noise)
    last = said.refused or (plain(noise[-1]) if noise else "")
    return one_line(f"opencode: ended without an answer, {how}" + (f": {last}" if last else ""))
