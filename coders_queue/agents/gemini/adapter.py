"""Gemini CLI's adapter: its command line, its environment, the meaning of its end.

Headless, the prompt goes to standard input: any size, and exact to the byte (tried up to 1 MB with
0.47 and 0.61). In the terminal it is the argument of ``--prompt-interactive``, or a file when it is
too long for one. An ``@path`` of an existing file in it is Gemini CLI's own way to attach the file,
and ``/`` at its start a command, in either mode.

=========== ========================== ================================================
permission  headless                   terminal
=========== ========================== ================================================
default     ``auto_edit``              the user's own default: it asks
edit        ``auto_edit``              ``auto_edit``
full        ``yolo``                   ``yolo``
=========== ========================== ================================================

Headless nobody can be asked: without ``yolo`` there is no tool for commands at all.
"""

from __future__ import annotations

import glob
import re
import uuid
from collections.abc import Mapping, Sequence

from coders_queue import errors, ids
from coders_queue.agents import ending
from coders_queue.agents.adapter import MAX_ARGUMENT_BYTES, Delivery, LaunchFacts, Package
from coders_queue.agents.dialog import Dialog
from coders_queue.agents.gemini import dialog, home, render, stream, traits, transcript
from coders_queue.agents.gemini import screen as look
from coders_queue.agents.request import encode_prompt, is_prompt, refuse_reserved, unsent
from coders_queue.agents.screen import Screen, one_line, plain
from coders_queue.agents.tool import NETWORK_ENV, Tool
from coders_queue.models.launch import ExitStatus, LaunchPlan, Reading, SeedFile
from coders_queue.models.observation import Observation
from coders_queue.models.spec import Mode, SessionSpec

#: Namespace of the conversation ids that are fixed before the start.
_CONVERSATIONS = uuid.UUID("0d9c3f53-0d52-5c8e-9f0e-7a0b1f1d6a42")

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

TASK_FILE = "task.md"
#: Options that the reading of the output rests on.
_RESERVED = (
    *("-p", "--prompt", "-i", "--prompt-interactive"),
    *("-o", "--output-format", "--session-id", "-r", "--resume", "--session-file"),
)
#: What its exit statuses mean, where they mean one thing only.
_EXITS = {
    41: "no way to log in: set GEMINI_API_KEY, or run gemini once and log in",
    42: "the input or an option is wrong",
    44: "the sandbox does not work",
    52: "its configuration is wrong",
    53: "the limit of turns is reached",
    54: "a tool failed for good",
    55: "the directory is not trusted",
    130: "cancelled",
}


class GeminiAdapter(Tool):
    """Gemini CLI."""

    name = "gemini"
    program: str | None = "gemini"
    modes: tuple[Mode, ...] = ("headless", "interactive")
    pass_env: tuple[str, ...] = (
        *("GEMINI_API_KEY", "GEMINI_MODEL", "GEMINI_CLI_HOME", "GOOGLE_API_KEY"),
        *("GOOGLE_GEMINI_BASE_URL", "GOOGLE_VERTEX_BASE_URL", "CODE_ASSIST_ENDPOINT"),
        *("GOOGLE_GENAI_USE_*", "GOOGLE_GENAI_API_VERSION"),
        *("GOOGLE_CLOUD_PROJECT", "GOOGLE_CLOUD_PROJECT_ID", "GOOGLE_CLOUD_LOCATION"),
        *NETWORK_ENV,
    )
    pass_env_when: Mapping[str, tuple[str, ...]] = {
        "GOOGLE_GENAI_USE_VERTEXAI": ("GOOGLE_APPLICATION_CREDENTIALS", "CLOUDSDK_*"),
        "GOOGLE_GENAI_USE_GCA": ("GOOGLE_CLOUD_ACCESS_TOKEN",),
    }
    takes_prompt = True
    names_conversation = True
    resumes: tuple[Mode, ...] = ("headless", "interactive")
    delivery = Delivery(pause=0.5, box_hides_paste=True, queues=True, commands="/!?")
    package: Package | None = Package(name="@google/gemini-cli", program="node_modules/.bin/gemini")
    tested: tuple[str, ...] = ("0.47.0", "0.61.0")

    def config_files(self, spec: SessionSpec, facts: LaunchFacts) -> tuple[str, ...]:
        """The user's settings, trusted folders and login."""
        return home.config_files(facts)

    def plan(self, spec: SessionSpec, facts: LaunchFacts) -> LaunchPlan:
        """The command line. Raises UsageError for what Gemini CLI cannot be told."""
        prompt = encode_prompt(facts.task, "gemini")
        refuse_reserved(spec.argv, _RESERVED)
        if spec.mode == "headless" and prompt is None:
            raise errors.UsageError(
                "gemini has nothing to do: a headless run needs a task",
                "give one, or use --interactive",
            )
        argv = ["gemini", *_options(spec, facts)]
        files = home.seeds(facts, spec.mode)
        if spec.mode == "headless":
            argv += ["--output-format=stream-json", *spec.argv]
        else:
            words, more = first_prompt(prompt, facts)
            argv += [*spec.argv, *words]
            files += more
        return LaunchPlan(
            argv=tuple(argv),
            stdin=prompt if spec.mode == "headless" else None,
            env=_ENV,
            unset=_UNSET,
            own_env={"GEMINI_CLI_HOME": f"{facts.directory}/{home.HOME}"},
            overlays=home.overlays(facts),
            files=files,
            terminal=spec.mode == "interactive",
        )

    def transcripts(self, spec: SessionSpec, facts: LaunchFacts) -> tuple[str, ...]:
        """The conversation's file, and the session's own record of side calls."""
        # a file's name has the first 8 digits of the id; the id may also be a word: "latest"
        known = conversation_id(spec, facts)
        start = f"*{known[:8]}" if known is not None and _UUID.fullmatch(known) else "*"
        return (
            f"{glob.escape(home.conversations(facts))}/*/chats/session-{start}.json*",
            f"{glob.escape(facts.directory)}/{home.CALLS_FILE}",
        )

    def owns_transcripts(self, spec: SessionSpec, facts: LaunchFacts) -> bool:
        """Where the conversation's id is known, which is in the names."""
        known = conversation_id(spec, facts)
        return known is not None and _UUID.fullmatch(known) is not None

    def read(
        self,
        spec: SessionSpec,
        facts: LaunchFacts,
        stdout: bytes,
        status: ExitStatus,
        stderr: bytes = b"",
        transcripts: Sequence[bytes] = (),
    ) -> Reading:
        """Success is exit status 0 and, headless, a result that is no error."""
        if spec.mode == "interactive":
            # a file that was found by its conversation's id is the right one
            cwd = facts.cwd if conversation_id(spec, facts) is None else None
            wrote = transcript.read(transcripts, facts.started_at, cwd)
            message = f"gemini: {wrote.error}" if wrote.error else None
            if wrote.session_id is None and is_prompt(facts.task, self.delivery.commands):
                message = unsent("gemini")
            if not ending.succeeded(status):
                message = f"gemini: {_how(status)}"
            return Reading(
                ok=message is None,
                message=message and one_line(message),
                result=wrote.result,
                # without a file there is nothing to resume
                conversation_id=wrote.session_id,
                usage=wrote.usage,
            )
        said = stream.read_stream(stdout)
        message = _failure(said, status, stderr)
        return Reading(
            ok=message is None,
            message=message,
            result=said.result,
            conversation_id=said.session_id,
            usage=said.usage,
        )

    def render(self, line: bytes) -> bytes | None:
        """One line of the stream for a person."""
        return render.render_line(line)

    def tells(self, mode: Mode) -> bool:
        """In either mode."""
        return True

    def observe_screen(self, screen: Screen, version: str | None = None) -> Observation:
        """By structure and place; the same for all versions tried."""
        return screen.timed(look.observe(screen))

    def dialog(self, screen: Screen, version: str | None = None) -> Dialog | None:
        """Numbers choose; Escape denies."""
        return dialog.read(screen)

    def observe_stream(self, line: bytes, version: str | None = None) -> Observation | None:
        """What one line of a headless run's output says."""
        return stream.observe(line)

    def observe_transcript(self, line: bytes, version: str | None = None) -> Observation | None:
        """What one line of the conversation's file says."""
        return transcript.observe(line)


#: The directory is trusted for this session alone: whoever spawns into it has decided that.
_ENV = {"GEMINI_CLI_TRUST_WORKSPACE": "true"}
#: What a Gemini CLI leaves in the environment of its children.
_UNSET = ("GEMINI_CLI", "SANDBOX", "GEMINI_CLI_IDE_SERVER_PORT", "GEMINI_CLI_IDE_WORKSPACE_PATH")


def conversation_id(spec: SessionSpec, facts: LaunchFacts) -> str | None:
    """The conversation's id, known before the start: the resumed one, else the attempt's own.

    None where this version makes one up itself.
    """
    if spec.resume is not None:
        return spec.resume
    if not traits.of(facts.version).names_conversation:
        return None
    return str(uuid.uuid5(_CONVERSATIONS, ids.attempt_ref(facts.session_id, facts.attempt)))


def first_prompt(
    prompt: bytes | None, facts: LaunchFacts
) -> tuple[tuple[str, ...], tuple[SeedFile, ...]]:
    """The words of the command line, and the files, that hand over an interactive task."""
    if prompt is None:
        return (), ()
    # with "=", a prompt that starts with "-" stays a prompt
    option = "--prompt-interactive="
    if len(option) + len(prompt) <= MAX_ARGUMENT_BYTES:
        return (option + prompt.decode(),), ()
    path = f"{facts.directory}/{TASK_FILE}"
    words = f"Your task is in the file {path}. Read all of it, then carry it out."
    # without the directory it may not be read: it is outside of the workspace
    return (
        (f"--include-directories={facts.directory}", option + words),
        (SeedFile(path=TASK_FILE, content=prompt),),
    )


def _options(spec: SessionSpec, facts: LaunchFacts) -> list[str]:
    words = []
    known = conversation_id(spec, facts)
    if spec.resume is not None:
        words.append(f"--resume={spec.resume}")
    elif known is not None:
        words.append(f"--session-id={known}")
    if spec.model is not None:
        words.append(f"--model={spec.model}")
    if spec.permission == "full":
        words.append("--approval-mode=yolo")
    elif spec.permission == "edit" or spec.mode == "headless":
        words.append("--approval-mode=auto_edit")
    return words


def _failure(said: stream.Stream, status: ExitStatus, stderr: bytes) -> str | None:
    """Why the run is not a success, in one line; None when it is."""
    if said.finished and said.is_error:
        return one_line(f"gemini: {said.error or 'it does not say why'}")
    if said.finished and ending.succeeded(status):
        return None
    if said.finished:
        return f"gemini: gave its result, then {_how(status)}"
    last = last_words(stderr, said.noise)
    tail = f": {last}" if last else ""
    return one_line(f"gemini: ended without a result, {_how(status)}{tail}")


def _how(status: ExitStatus) -> str:
    how = ending.describe(status)
    told = _EXITS.get(status.code) if status.code is not None else None
    return f"{how} ({told})" if told else how


#: Lines of the standard error output that say nothing of a failure.
_IDLE_TALK = ("Warning:", "Ripgrep is not available", "YOLO mode is enabled", "[STARTUP]", "at ")


def last_words(stderr: bytes, noise: Sequence[str]) -> str:
    """The line that most likely says why it failed."""
    lines = [plain(line).strip() for line in stderr.decode("utf-8", "replace").splitlines()]
    telling = [line for line in lines if line and not line.startswith(_IDLE_TALK)]
    marked = [line for line in telling if "rror" in line]
    if marked:
        return marked[0]
    chosen = telling or [plain(line) for line in noise if line.strip()]
    return chosen[-1] if chosen else ""
