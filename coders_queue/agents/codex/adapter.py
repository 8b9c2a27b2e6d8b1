"""Codex CLI's adapter: its command line, its environment, the meaning of its end.

Headless, the prompt goes to standard input, exact to the byte up to the 1,048,576 characters that
Codex takes; in the terminal it is the last argument, in which it ends every line with a newline
alone. One that is too long, or that the terminal would run as a command (``!``), is put into a file
and named.

Permissions; what the person set in ``config.toml`` is Codex's default for what is not named here:

=========== ============================ ==================================================
permission  headless                     terminal
=========== ============================ ==================================================
default     ``workspace-write`` sandbox  the tool's own for a trusted directory: it asks for
                                         what leaves the sandbox
edit        ``workspace-write`` sandbox  ``workspace-write`` sandbox, asks ``on-request``
full        no sandbox, nothing asked    no sandbox, nothing asked
=========== ============================ ==================================================

The sandbox is the system's (bubblewrap, in 0.98 landlock). Where it cannot be made, as in a
container without user namespaces, every command of the agent fails in it: use ``full`` there, the
container is the sandbox.

From 0.156 on the terminal interface starts a server (``codex app-server``) that goes on without it,
shared by all of a user's sessions, with the environment of the first; it is told not to. What is
left behind all the same carries the session's ``CODERS_SESSION_ID`` in its environment.
"""

from __future__ import annotations

import glob
import json
import uuid
from collections.abc import Sequence

from coders_queue import errors
from coders_queue.agents import ending
from coders_queue.agents.adapter import MAX_ARGUMENT_BYTES, Delivery, LaunchFacts, Package
from coders_queue.agents.codex import config, dialog, render, stream, transcript
from coders_queue.agents.codex import screen as look
from coders_queue.agents.codex.traits import TRAITS, Traits
from coders_queue.agents.dialog import Dialog
from coders_queue.agents.request import is_prompt, prompt_of, refuse_reserved, unsent
from coders_queue.agents.screen import Screen, one_line, plain
from coders_queue.agents.tool import NETWORK_ENV, Tool
from coders_queue.models.launch import ExitStatus, LaunchPlan, Reading, SeedFile
from coders_queue.models.observation import Observation
from coders_queue.models.spec import Mode, SessionSpec

TASK_FILE = "task.md"
SCHEMA_FILE = "answer.schema.json"
#: Options that the reading of the output rests on.
_RESERVED = ("--json", "--experimental-json", "--output-schema")
#: Characters; Codex refuses more.
_LONGEST_PROMPT = 1024 * 1024
#: How much of a terminal's end is looked at for its last words, bytes.
_GOODBYE = 4096
#: What a Codex leaves in the environment of its children.
_UNSET = ("CODEX_SESSION_ID", "CODEX_THREAD_ID", "CODEX_CI", "CODEX_SANDBOX")


class CodexAdapter(Tool):
    """Codex CLI."""

    name = "codex"
    program: str | None = "codex"
    modes: tuple[Mode, ...] = ("headless", "interactive")
    pass_env: tuple[str, ...] = (
        # not CODEX_*: the marks of an outer Codex would come through
        *("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_ORGANIZATION", "OPENAI_PROJECT"),
        *("CODEX_API_KEY", "CODEX_HOME", "CODEX_SQLITE_HOME", "CODEX_CA_CERTIFICATE"),
        *NETWORK_ENV,
    )
    takes_prompt = True
    resumes: tuple[Mode, ...] = ("headless", "interactive")
    package: Package | None = Package(name="@openai/codex", program="node_modules/.bin/codex")
    tested: tuple[str, ...] = ("0.125.0", "0.159.3", "0.169.0")
    native_schema = True
    delivery = Delivery(box_hides_paste=True, queues=True, commands="/!")

    def config_files(self, spec: SessionSpec, facts: LaunchFacts) -> tuple[str, ...]:
        """The user's settings and login."""
        return config.config_files(facts)

    def transcripts(self, spec: SessionSpec, facts: LaunchFacts) -> tuple[str, ...]:
        """All of the conversations' files: neither names its directory nor its sub-agents."""
        return tuple(
            f"{glob.escape(place)}/**/rollout-*.jsonl" for place in config.conversations(facts)
        )

    def owns_transcripts(self, spec: SessionSpec, facts: LaunchFacts) -> bool:
        """Those of all sessions lie together."""
        return False

    def plan(self, spec: SessionSpec, facts: LaunchFacts) -> LaunchPlan:
        """The command line. Raises UsageError for what Codex cannot be told."""
        prompt = prompt_of(facts.task, "codex")
        refuse_reserved(spec.argv, _RESERVED)
        traits = TRAITS.get(facts.version)
        options = (*_options(spec), *config.overrides(spec, facts, traits))
        if spec.mode == "interactive":
            plan = _in_terminal(options, spec, facts, traits, prompt)
        else:
            plan = _headless(options, spec, facts, prompt)
        return config.furnish(plan.model_copy(update={"unset": _UNSET}), spec, facts)

    def read(
        self,
        spec: SessionSpec,
        facts: LaunchFacts,
        stdout: bytes,
        status: ExitStatus,
        stderr: bytes = b"",
        transcripts: Sequence[bytes] = (),
    ) -> Reading:
        """Success is exit status 0 and a last turn that was no failure.

        Tokens are the transcripts': the stream leaves out those of sub-agents, and counts those
        before a resumption once more.
        """
        if spec.mode == "interactive":
            return _read_terminal(spec, facts, stdout, status, transcripts)
        said = stream.read_stream(stdout)
        message = _failure(spec, said, status, stderr)
        wanted = transcript.Wanted(thread=said.thread or "", since=facts.started_at)
        usage = transcript.read(transcripts, wanted).usage
        if usage is None and spec.resume is None:
            usage = said.usage
        return Reading(
            ok=message is None,
            message=message,
            result=said.result,
            conversation_id=said.thread,
            usage=usage,
        )

    def render(self, line: bytes) -> bytes | None:
        """One line of the stream for a person."""
        return render.render_line(line)

    def tells(self, mode: Mode) -> bool:
        """In either mode."""
        return True

    def observe_screen(self, screen: Screen, version: str | None = None) -> Observation:
        """By structure and place; the same for all versions tried, 0.64.0 to 0.169.0."""
        # of an unknown version it is not believed that it writes a last line under each turn
        return screen.timed(look.observe(screen, TRAITS.get(version or "0")))

    def dialog(self, screen: Screen, version: str | None = None) -> Dialog | None:
        """Letters and numbers choose; Escape denies."""
        return dialog.read(screen)

    def observe_stream(self, line: bytes, version: str | None = None) -> Observation | None:
        """Working until the turn's end."""
        return stream.observe(line)

    def observe_transcript(self, line: bytes, version: str | None = None) -> Observation | None:
        """As the stream, and the limits that the service tells of."""
        return transcript.observe(line)


def _read_terminal(
    spec: SessionSpec,
    facts: LaunchFacts,
    stdout: bytes,
    status: ExitStatus,
    transcripts: Sequence[bytes],
) -> Reading:
    wanted = transcript.Wanted(
        thread=spec.resume if spec.resume is not None and _is_id(spec.resume) else None,
        cwd=facts.cwd,
        task=_typed_prompt(spec, facts),
        since=facts.started_at,
        printed=plain(stdout[-_GOODBYE:].decode("utf-8", "replace")),
    )
    wrote = transcript.read(transcripts, wanted)
    message = f"codex: {wrote.error}" if wrote.error else None
    # with transcripts of others about, which one is its own cannot always be told
    if not transcripts and is_prompt(facts.task, CodexAdapter.delivery.commands):
        message = unsent("codex")
    if not ending.succeeded(status):
        message = f"codex: {ending.describe(status)}"
    return Reading(
        ok=message is None,
        message=message and one_line(message),
        result=wrote.result,
        conversation_id=wrote.thread,
        usage=wrote.usage,
    )


def _options(spec: SessionSpec) -> tuple[str, ...]:
    words: list[str] = []
    if spec.model is not None:
        words.append(f"--model={spec.model}")
    if spec.permission == "full":
        words.append("--dangerously-bypass-approvals-and-sandbox")
    elif spec.permission == "edit" or spec.mode == "headless":
        words.append("--sandbox=workspace-write")
        if spec.mode == "interactive":
            words.append("--ask-for-approval=on-request")
    return tuple(words)


def _headless(
    options: tuple[str, ...], spec: SessionSpec, facts: LaunchFacts, prompt: str | None
) -> LaunchPlan:
    if prompt is None:
        raise errors.UsageError(
            "codex has nothing to do: a headless run needs a task",
            "give one, or use --interactive",
        )
    files: tuple[SeedFile, ...] = ()
    if len(prompt) > _LONGEST_PROMPT:
        prompt, files = _in_file(prompt, facts)
    if spec.output_schema is not None:
        content = json.dumps(spec.output_schema).encode()
        files = (*files, SeedFile(path=SCHEMA_FILE, content=content))
        options = (*options, f"--output-schema={facts.directory}/{SCHEMA_FILE}")
    # options stand before ``resume``, which takes few of them itself
    resume = () if spec.resume is None else ("resume", spec.resume)
    words = ("--json", "--skip-git-repo-check", *options, *spec.argv, *resume, "-")
    return LaunchPlan(argv=("codex", "exec", *words), stdin=prompt.encode(), files=files)


def _in_terminal(
    options: tuple[str, ...],
    spec: SessionSpec,
    facts: LaunchFacts,
    traits: Traits,
    prompt: str | None,
) -> LaunchPlan:
    files: tuple[SeedFile, ...] = ()
    if prompt is not None and _is_beyond_argument(prompt):
        prompt, files = _in_file(prompt, facts)
    if traits.daemon:
        options = (*options, "--no-daemon")
    resume = () if spec.resume is None else ("resume", spec.resume)
    words = () if prompt is None else ("--", prompt)
    return LaunchPlan(
        argv=("codex", *options, *spec.argv, *resume, *words), files=files, terminal=True
    )


def _is_beyond_argument(prompt: str) -> bool:
    # one that begins with "!" would be run as a command of the person's, unseen by the model
    return len(prompt.encode()) > MAX_ARGUMENT_BYTES or prompt.lstrip().startswith("!")


def _typed_prompt(spec: SessionSpec, facts: LaunchFacts) -> str | None:
    """The first prompt as it stands in the terminal, where a line ends in one way only."""
    prompt = prompt_of(facts.task, "codex")
    if prompt is not None and _is_beyond_argument(prompt):
        prompt = _in_file(prompt, facts)[0]
    return prompt and prompt.replace("\r\n", "\n").replace("\r", "\n")


def _in_file(prompt: str, facts: LaunchFacts) -> tuple[str, tuple[SeedFile, ...]]:
    path = f"{facts.directory}/{TASK_FILE}"
    text = f"Your task is in the file {path}. Read all of it, then carry it out."
    return text, (SeedFile(path=TASK_FILE, content=prompt.encode()),)


def _failure(
    spec: SessionSpec, said: stream.Stream, status: ExitStatus, stderr: bytes
) -> str | None:
    """Why the run is not a success, in one line; None when it is."""
    if said.error is not None:
        return one_line(f"codex: {said.error}")
    if said.completed and spec.resume is not None and _other(spec.resume, said.thread):
        # some versions begin a new conversation for an id that they do not find
        return one_line(f"codex: it did not resume {spec.resume}, which it does not know here")
    if said.completed and ending.succeeded(status):
        return None
    how = ending.describe(status)
    if said.completed:
        return f"codex: gave its result, then {how}"
    noise = stderr.decode("utf-8", "replace").strip().splitlines() or list(said.noise)
    last = plain(noise[-1]) if noise else ""
    return one_line(f"codex: ended without a result, {how}" + (f": {last}" if last else ""))


def _other(wanted: str, got: str | None) -> bool:
    """Whether it is another conversation; one can be resumed by its name, too."""
    return _is_id(wanted) and wanted.lower() != (got or "").lower()


def _is_id(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True
