"""Qwen Code's adapter: its command line, its environment, the meaning of its end.

The prompt is an argument, exact to the byte. Headless, one that is too long for an argument comes
in two pieces: its start on standard input, its end as the argument, which Qwen Code joins by an
empty line; so it is parted at one. An ``@`` in it is Qwen Code's own way to attach a file: a space
is put before it, and the file is attached where there is one.

=========== ========================== ================================================
permission  headless                   terminal
=========== ========================== ================================================
default     ``auto-edit``              the user's own default
edit        ``auto-edit``              ``auto-edit``
full        ``yolo``                   ``yolo``
=========== ========================== ================================================

Headless nobody can be asked: without ``yolo`` there is no tool for commands at all.
"""

from __future__ import annotations

import glob
import json
import uuid
from collections.abc import Sequence
from dataclasses import replace

from coders_queue import errors, ids
from coders_queue.agents import ending
from coders_queue.agents.adapter import MAX_ARGUMENT_BYTES, Delivery, LaunchFacts, Package
from coders_queue.agents.dialog import Dialog
from coders_queue.agents.gemini import dialog
from coders_queue.agents.gemini.adapter import first_prompt, last_words
from coders_queue.agents.qwen import home, render, stream, transcript
from coders_queue.agents.qwen import screen as look
from coders_queue.agents.request import encode_prompt, is_prompt, refuse_reserved, unsent
from coders_queue.agents.screen import Screen, one_line
from coders_queue.agents.tool import NETWORK_ENV, Tool
from coders_queue.models.launch import ExitStatus, LaunchPlan, Reading, SeedFile
from coders_queue.models.observation import Observation
from coders_queue.models.spec import Mode, SessionSpec

#: Namespace of the conversation ids that are fixed before the start.
_CONVERSATIONS = uuid.UUID("b1a9a6ab-6a0e-5a0d-8a55-0f2f3b1e9d77")

SCHEMA_FILE = "schema.json"
#: Options that the reading of the output rests on.
_RESERVED = (
    *("-p", "--prompt", "-i", "--prompt-interactive", "-c", "--continue"),
    *("-o", "--output-format", "--input-format", "--session-id", "-r", "--resume"),
)
_OPTION = "--prompt="
#: What stands between the piece on standard input and the argument.
_SEAM = b"\n\n"
_EXITS = {
    41: "no way to log in: set OPENAI_API_KEY, or run qwen once and log in",
    42: "the input or an option is wrong",
    44: "the sandbox does not work",
    52: "its configuration is wrong",
    53: "the limit of turns is reached",
    54: "a tool failed for good",
    130: "cancelled",
}


class QwenAdapter(Tool):
    """Qwen Code."""

    name = "qwen"
    program: str | None = "qwen"
    modes: tuple[Mode, ...] = ("headless", "interactive")
    pass_env: tuple[str, ...] = (
        *("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL"),
        *("DASHSCOPE_API_KEY", "BAILIAN_CODING_PLAN_API_KEY"),
        *("QWEN_MODEL", "QWEN_HOME", "QWEN_RUNTIME_DIR", "QWEN_CODE_MAX_*"),
        *("QWEN_CODE_SYSTEM_SETTINGS_PATH", "QWEN_CODE_SYSTEM_DEFAULTS_PATH"),
        *NETWORK_ENV,
    )
    takes_prompt = True
    names_conversation = True
    resumes: tuple[Mode, ...] = ("headless", "interactive")
    # it takes a prompt while it works, but one that stood there when it asked a question was lost
    delivery = Delivery(box_hides_paste=True, commands="/!?")
    native_schema = True
    package: Package | None = Package(name="@qwen-code/qwen-code", program="node_modules/.bin/qwen")
    tested: tuple[str, ...] = ("0.15.10", "0.21.10")

    def config_files(self, spec: SessionSpec, facts: LaunchFacts) -> tuple[str, ...]:
        """The machine's settings and the user's."""
        return home.config_files(facts)

    def plan(self, spec: SessionSpec, facts: LaunchFacts) -> LaunchPlan:
        """The command line. Raises UsageError for what Qwen Code cannot be told."""
        prompt = encode_prompt(facts.task, "qwen")
        refuse_reserved(spec.argv, _RESERVED)
        if spec.mode == "headless" and prompt is None:
            raise errors.UsageError(
                "qwen has nothing to do: a headless run needs a task",
                "give one, or use --interactive",
            )
        options, files = _options(spec, facts)
        files += home.seeds(facts)
        stdin = None
        if spec.mode == "headless":
            stdin, words = _in_pieces(prompt or b"")
            options = (*options, "--output-format=stream-json", *spec.argv, *words)
        else:
            words, more = first_prompt(prompt, facts)
            options = (*options, *spec.argv, *words)
            files += more
        return LaunchPlan(
            argv=("qwen", *options),
            stdin=stdin,
            env=_ENV,
            unset=_UNSET,
            own_env=home.environment(facts),
            overlays=home.overlays(facts),
            files=files,
            terminal=spec.mode == "interactive",
        )

    def transcripts(self, spec: SessionSpec, facts: LaunchFacts) -> tuple[str, ...]:
        """The conversation's file."""
        name = glob.escape(f"{conversation_id(spec, facts)}.jsonl")
        return (f"{glob.escape(home.conversations(facts))}/*/chats/{name}",)

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
        wrote = transcript.read(transcripts, facts.started_at)
        if spec.mode == "interactive":
            message = f"qwen: {wrote.error}" if wrote.error else None
            if wrote.session_id is None and is_prompt(facts.task, self.delivery.commands):
                message = unsent("qwen")
            if not ending.succeeded(status):
                message = f"qwen: {_how(status)}"
            return Reading(
                ok=message is None,
                message=message and one_line(message),
                result=wrote.result,
                # without a file there is nothing to resume
                conversation_id=wrote.session_id,
                usage=wrote.usage,
            )
        said = stream.read_stream(stdout)
        if said.error is None and wrote.error is not None:
            said = replace(said, error=wrote.error, result=None)
        message = _failure(said, status, stderr)
        return Reading(
            ok=message is None,
            message=message,
            result=said.result,
            conversation_id=said.session_id,
            # the stream counts what was before a resume, too
            usage=wrote.usage or said.usage,
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
        """Numbers choose; Escape denies, as in the tool it was forked from."""
        return dialog.read(screen)

    def observe_stream(self, line: bytes, version: str | None = None) -> Observation | None:
        """What one line of a headless run's output says."""
        return stream.observe(line)

    def observe_transcript(self, line: bytes, version: str | None = None) -> Observation | None:
        """What one line of the conversation's file says."""
        return transcript.observe(line)


#: A headless run that may do everything says so on every start, otherwise.
_ENV = {"QWEN_CODE_SUPPRESS_YOLO_WARNING": "1"}
#: What a Qwen Code leaves in the environment of its children.
_UNSET = ("QWEN_CODE", "SANDBOX", "QWEN_CODE_IDE_SERVER_PORT", "QWEN_CODE_IDE_WORKSPACE_PATH")


def conversation_id(spec: SessionSpec, facts: LaunchFacts) -> str:
    """The conversation's id, known before the start: the resumed one, else the attempt's own."""
    if spec.resume is not None:
        return spec.resume
    return str(uuid.uuid5(_CONVERSATIONS, ids.attempt_ref(facts.session_id, facts.attempt)))


def _options(spec: SessionSpec, facts: LaunchFacts) -> tuple[tuple[str, ...], tuple[SeedFile, ...]]:
    words = [
        f"--resume={spec.resume}"
        if spec.resume is not None
        else f"--session-id={conversation_id(spec, facts)}"
    ]
    files: tuple[SeedFile, ...] = ()
    auth = home.auth_type(facts)
    if auth is not None and not any(word.startswith("--auth-type") for word in spec.argv):
        words.append(f"--auth-type={auth}")
    if spec.model is not None:
        words.append(f"--model={spec.model}")
    if spec.permission == "full":
        words.append("--approval-mode=yolo")
    elif spec.permission == "edit" or spec.mode == "headless":
        words.append("--approval-mode=auto-edit")
    if spec.output_schema is not None and spec.mode == "headless":
        content = json.dumps(spec.output_schema).encode()
        files = (SeedFile(path=SCHEMA_FILE, content=content),)
        words.append(f"--json-schema=@{facts.directory}/{SCHEMA_FILE}")
    return tuple(words), files


def _in_pieces(prompt: bytes) -> tuple[bytes | None, tuple[str, ...]]:
    """Standard input and arguments that Qwen Code joins to the prompt."""
    room = MAX_ARGUMENT_BYTES - len(_OPTION)
    if len(prompt) <= room:
        return None, (_OPTION + prompt.decode(),)
    # the first seam in reach; one that ends the prompt would leave an argument without a word
    seam = prompt.find(_SEAM, len(prompt) - room - len(_SEAM))
    end = prompt[seam + len(_SEAM) :]
    if seam != -1 and end.strip():
        return prompt[:seam], (_OPTION + end.decode(),)
    # without a seam it comes whole, and Qwen Code puts an empty line behind it
    return prompt, ()


def _failure(said: stream.Stream, status: ExitStatus, stderr: bytes) -> str | None:
    """Why the run is not a success, in one line; None when it is."""
    if said.error is not None:
        return one_line(f"qwen: {said.error}")
    if said.finished and ending.succeeded(status):
        return None
    if said.finished:
        return f"qwen: gave its result, then {_how(status)}"
    last = last_words(stderr, said.noise)
    tail = f": {last}" if last else ""
    return one_line(f"qwen: ended without a result, {_how(status)}{tail}")


def _how(status: ExitStatus) -> str:
    how = ending.describe(status)
    told = _EXITS.get(status.code) if status.code is not None else None
    return f"{how} ({told})" if told else how
