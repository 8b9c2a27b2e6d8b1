"""Claude Code's adapter: its command line, its environment, the meaning of its end.

Headless, the prompt goes to standard input: any size, and exact to the byte (tried up to 1.2 MB
with 2.1.197). In the terminal it is the last argument, or a file when it is too long for one.
A prompt that starts with ``/`` is a slash command to Claude Code in either mode.

Permissions, over which the person's own Claude Code settings still have their say:

=========== ========================== ================================================
permission  headless                   terminal
=========== ========================== ================================================
default     ``acceptEdits``            the tool's own default: it asks
edit        ``acceptEdits``            ``acceptEdits``
full        all allowed                all allowed
=========== ========================== ================================================

Headless nobody can be asked, and the tool's own default then denies every edit: a run that changes
nothing. ``acceptEdits`` lets it work on the files of its directory and still denies other commands.
"""

from __future__ import annotations

import glob
import json
import uuid
from collections.abc import Mapping, Sequence

from coders_queue import errors, ids
from coders_queue.agents import ending
from coders_queue.agents.adapter import MAX_ARGUMENT_BYTES, Delivery, LaunchFacts, Package
from coders_queue.agents.claude import (
    dialog,
    home,
    hooks,
    ollama,
    render,
    servers,
    stream,
    transcript,
)
from coders_queue.agents.claude import screen as look
from coders_queue.agents.dialog import Dialog
from coders_queue.agents.request import encode_prompt, is_prompt, refuse_reserved, unsent
from coders_queue.agents.screen import Screen, one_line, plain
from coders_queue.agents.tool import Tool
from coders_queue.models.launch import ExitStatus, LaunchPlan, Reading, SeedFile
from coders_queue.models.observation import Observation
from coders_queue.models.spec import Mode, SessionSpec

#: Namespace of the conversation ids that are fixed before the start.
_CONVERSATIONS = uuid.UUID("5f6d6a0e-9f5b-5c39-8a60-0d3c3b0f5a11")

TASK_FILE = "task.md"
#: Options that the reading of the output rests on.
_RESERVED = ("--output-format", "--input-format", "--session-id", "--json-schema")
#: As root ``--dangerously-skip-permissions`` is refused; these are the tools that ask, allowed by
#: name. Those of MCP servers cannot be: it takes no pattern there (2.1.197).
_ASKING_TOOLS = "Bash,Edit,Write,NotebookEdit,Read,WebFetch,WebSearch,Skill,Task"


class ClaudeAdapter(Tool):
    """Claude Code."""

    name = "claude"
    program: str | None = "claude"
    modes: tuple[Mode, ...] = ("headless", "interactive")
    pass_env: tuple[str, ...] = (
        # not CLAUDE_*: what is taken along counts as asked for and is stored with the session, so
        # the marks of an outer Claude Code would come through; nor IS_SANDBOX, which is true of
        # the spawning machine only; AWS_* and GOOGLE_* only for those who reach the model that way
        "ANTHROPIC_*",
        "CLAUDE_CONFIG_DIR",
        "CLAUDE_CODE_OAUTH_*",
        "CLAUDE_CODE_USE_*",
        "CLAUDE_CODE_SKIP_*_AUTH",
        "CLAUDE_CODE_MAX_*",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "NO_PROXY",
        "ALL_PROXY",
        "http_proxy",
        "https_proxy",
        "no_proxy",
        "all_proxy",
        "NODE_EXTRA_CA_CERTS",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
    )
    pass_env_when: Mapping[str, tuple[str, ...]] = {
        "CLAUDE_CODE_USE_BEDROCK": ("AWS_*",),
        "CLAUDE_CODE_USE_VERTEX": ("GOOGLE_*", "CLOUDSDK_*", "CLOUD_ML_REGION", "VERTEX_REGION_*"),
    }
    takes_prompt = True
    names_conversation = True
    resumes: tuple[Mode, ...] = ("headless", "interactive")
    native_schema = True
    delivery = Delivery(box_hides_paste=True, queues=True, commands="/!")
    hook_directory: str | None = hooks.DIRECTORY
    package: Package | None = Package(
        name="@anthropic-ai/claude-code", program="node_modules/.bin/claude"
    )
    tested: tuple[str, ...] = ("2.0.76", "2.1.197", "2.1.330")

    def plan(self, spec: SessionSpec, facts: LaunchFacts) -> LaunchPlan:
        """The command line. Raises UsageError for what Claude Code cannot be told."""
        prompt = encode_prompt(facts.task, "claude")
        refuse_reserved(spec.argv, _RESERVED)
        options = _options(spec, facts)
        if spec.mode == "interactive":
            return self._in_terminal(options, spec, facts, prompt)
        if prompt is None and not spec.argv:
            raise errors.UsageError(
                "claude has nothing to do: a headless run needs a task",
                "give one, or use --interactive",
            )
        argv = ("claude", "-p", "--output-format", "stream-json", "--verbose", *options, *spec.argv)
        plan = LaunchPlan(argv=argv, stdin=prompt, env=_ENV, unset=_UNSET)
        return home.furnish(plan, spec, facts, servers.seeds(facts))

    def _in_terminal(
        self,
        options: tuple[str, ...],
        spec: SessionSpec,
        facts: LaunchFacts,
        prompt: bytes | None,
    ) -> LaunchPlan:
        files: tuple[SeedFile, ...] = ()
        own_env: dict[str, str] = {}
        if not any(word.partition("=")[0] == "--settings" for word in spec.argv):
            settings = hooks.settings(facts.version)
            files = (SeedFile(path=hooks.SETTINGS_FILE, content=settings),)
            options = (*options, f"--settings={facts.directory}/{hooks.SETTINGS_FILE}")
            own_env = {hooks.VARIABLE: f"{facts.directory}/{hooks.DIRECTORY}"}
        words: tuple[str, ...] = ()
        if prompt is not None and len(prompt) <= MAX_ARGUMENT_BYTES:
            words = ("--", prompt.decode())
        elif prompt is not None:
            path = f"{facts.directory}/{TASK_FILE}"
            files = (*files, SeedFile(path=TASK_FILE, content=prompt))
            # without the rule it would ask whether it may read outside its directory
            options = (*options, f"--allowedTools=Read(/{path})")
            words = ("--", f"Your task is in the file {path}. Read all of it, then carry it out.")
        plan = LaunchPlan(
            argv=("claude", *options, *spec.argv, *words),
            env=_ENV,
            unset=_UNSET,
            own_env=own_env,
            files=files,
            terminal=True,
        )
        return home.furnish(plan, spec, facts, servers.seeds(facts))

    def lead(self, spec: SessionSpec, environ: Mapping[str, str]) -> SessionSpec:
        """To Ollama."""
        return ollama.settle(spec, environ)

    def config_files(self, spec: SessionSpec, facts: LaunchFacts) -> tuple[str, ...]:
        """The user's ``.claude.json``."""
        return (home.users_state(facts),) if facts.carry == "all" else ()

    def transcripts(self, spec: SessionSpec, facts: LaunchFacts) -> tuple[str, ...]:
        """The conversation's, its subagents', and the totals in the session's own state."""
        own = glob.escape(home.own_directory(facts))
        conversation = conversation_id(spec, facts)
        return (
            f"{own}/projects/*/{glob.escape(conversation)}.jsonl",
            f"{own}/projects/*/{glob.escape(conversation)}/**/*.jsonl",
            f"{own}/{home.STATE_FILE}",
        )

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
        conversation = conversation_id(spec, facts)
        if spec.mode == "interactive":
            # a terminal's bytes hold no answer that could be told from the rest
            wrote = transcript.read(transcripts, conversation, facts.cwd, facts.started_at)
            message = f"claude: {wrote.error}" if wrote.error else None
            # a command of its own (/help) is no prompt
            due = is_prompt(facts.task, "/!#")
            if due and wrote.prompts == 0 and wrote.result is None:
                message = unsent("claude")
            if not ending.succeeded(status):
                message = f"claude: {ending.describe(status)}"
            return Reading(
                ok=message is None,
                message=message and one_line(message),
                result=wrote.result,
                conversation_id=conversation,
                usage=wrote.usage,
            )
        said = stream.read_stream(stdout)
        message = _failure(said, status, stderr)
        return Reading(
            ok=message is None,
            message=message,
            result=said.result,
            # a run that ended before it began has no conversation to resume
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
        """By structure and place; the same for all versions tried, 2.0.76 to 2.1.330."""
        return screen.timed(look.observe(screen))

    def dialog(self, screen: Screen, version: str | None = None) -> Dialog | None:
        """Numbers choose; Escape denies."""
        return dialog.read(screen)

    def observe_stream(self, line: bytes, version: str | None = None) -> Observation | None:
        """Working until its result; a limit with its reset time."""
        return stream.observe(line)

    def observe_hook(self, line: bytes, version: str | None = None) -> Observation | None:
        """What the session's own hooks tell."""
        return hooks.observe(line)

    def observe_transcript(self, line: bytes, version: str | None = None) -> Observation | None:
        """The last message's word."""
        return transcript.observe(line)


#: No update and no telemetry from under a running session.
_ENV = {"DISABLE_AUTOUPDATER": "1", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"}
#: What a Claude Code leaves in the environment of its children: spawned from inside one, the new
#: session is not part of it.
_UNSET = ("CLAUDECODE", "CLAUDE_CODE_ENTRYPOINT", "CLAUDE_CODE_SSE_PORT", "CLAUDE_CODE_SESSION_ID")


def conversation_id(spec: SessionSpec, facts: LaunchFacts) -> str:
    """The conversation's id, known before the start: the resumed one, else the attempt's own."""
    if spec.resume is not None:
        return spec.resume
    return str(uuid.uuid5(_CONVERSATIONS, ids.attempt_ref(facts.session_id, facts.attempt)))


def _options(spec: SessionSpec, facts: LaunchFacts) -> tuple[str, ...]:
    # the form with "=" keeps a value that starts with "-" a value
    words = [
        f"--resume={spec.resume}"
        if spec.resume is not None
        else f"--session-id={conversation_id(spec, facts)}"
    ]
    if spec.model is not None:
        words.append(f"--model={spec.model}")
    if spec.output_schema is not None and spec.mode == "headless":
        schema = json.dumps(spec.output_schema)
        if len(schema) > MAX_ARGUMENT_BYTES - 100:
            raise errors.UsageError(
                f"claude takes no schema of {len(schema)} bytes: it has to be one argument",
                "shorten its descriptions",
            )
        words.append(f"--json-schema={schema}")
    if spec.permission == "full":
        words += _everything(spec, facts)
    elif spec.permission == "edit" or spec.mode == "headless":
        words.append("--permission-mode=acceptEdits")
    return (*words, *servers.options(facts))


def _everything(spec: SessionSpec, facts: LaunchFacts) -> list[str]:
    # IS_SANDBOX lifts the refusal, but it is the user's word on where this runs, not ours to give
    sandbox = spec.env.get("IS_SANDBOX", facts.host_env.get("IS_SANDBOX"))
    if not facts.is_root or sandbox in ("1", "true"):
        return ["--dangerously-skip-permissions"]
    return ["--permission-mode=acceptEdits", f"--allowedTools={_ASKING_TOOLS}"]


def _failure(said: stream.Stream, status: ExitStatus, stderr: bytes) -> str | None:
    """Why the run is not a success, in one line; None when it is."""
    if said.finished and said.is_error:
        told = said.result if isinstance(said.result, str) and said.result else None
        reason = told or "; ".join(said.errors) or said.subtype or "it does not say why"
        # a text of its own mostly holds the status already
        service = said.api_status is not None and str(said.api_status) not in reason
        return one_line(f"claude: {reason}" + (f" (HTTP {said.api_status})" if service else ""))
    if said.finished and said.unknown_command:
        return one_line(
            f"claude: {said.result}: a task that starts with / is a command to it; "
            "begin with another word"
        )
    if said.finished and ending.succeeded(status):
        return None
    how = ending.describe(status)
    if said.finished:
        return f"claude: gave its result, then {how}"
    noise = stderr.decode("utf-8", "replace").strip().splitlines() or list(said.noise)
    last = plain(noise[-1]) if noise else ""
    return one_line(f"claude: ended without a result, {how}" + (f": {last}" if last else ""))
