"""From a record to a launch: workspace, adapter, program, environment, files.

Everything that can be wrong with a request on this machine is found here, before anything runs.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import structlog

from coders_queue import errors, ids, restarting
from coders_queue.agents import answer, registry
from coders_queue.agents.adapter import Adapter, LaunchFacts
from coders_queue.agents.prompt import with_inputs
from coders_queue.agents.shared_context import with_context
from coders_queue.agents.tool import env_patterns
from coders_queue.in_session.access import SOCKET, TOKEN
from coders_queue.models.record import SessionRecord
from coders_workers.programs import chosen
from coders_workers.programs.installs import Say
from coders_workers.programs.locate import Program, Programs, find_program
from coders_workers.providers import ollama
from coders_workers.runtimes.base import Launch
from coders_workers.supervisor import (
    environment,
    first_run,
    given_context,
    overlay,
    private_file,
    session_program,
    session_socket,
    tool_files,
)
from coders_workers.supervisor.host import Host
from coders_workers.workspace import Prepared

log = structlog.get_logger(__name__)

#: In the attempt's directory: results handed on by a canvas, for agents that read files.
INPUTS_FILE = "inputs.json"


def adapter_for(record: SessionRecord) -> Adapter:
    """The adapter of the record's agent. Raises UnknownAgent, UsageError for a mode it lacks."""
    adapter = registry.get(record.spec.agent)
    if record.spec.mode not in adapter.modes:
        raise errors.UsageError(
            f"{record.spec.agent} cannot run {record.spec.mode}",
            f"it can run {' or '.join(adapter.modes)}",
        )
    return adapter


def as_attempted(record: SessionRecord) -> SessionRecord:
    """The record with its request as its current attempt carries it out, resumed where it can."""
    adapter = registry.get(record.spec.agent)
    return restarting.as_attempted(record, resumes=record.spec.mode in adapter.resumes)


def program_for(
    host: Host, adapter: Adapter, record: SessionRecord, path: str, cwd: str
) -> Program | None:
    """The program that the record's version asks for. Raises MissingBinary."""
    programs = Programs(host.settings, host.paths, host.environ)
    return programs.locate(adapter, record.spec.version, path, Path(cwd))


def provide_program(host: Host, record: SessionRecord, say: Say) -> None:
    """See to it that :func:`program_for` finds an exact version. Raises SpawnError."""
    if record.spec.version is None:
        return
    spec = record.spec
    adapter = registry.get(spec.agent)
    environ = {**host.environ, **host.settings.agent(spec.agent).env, **spec.env}
    programs = Programs(host.settings, host.paths, host.environ)
    programs.provide(adapter, spec.version, environment.path_of(environ), Path(spec.place), say)


def facts_of(
    host: Host, adapter: Adapter, record: SessionRecord, directory: Path, cwd: str
) -> LaunchFacts:
    """What the adapter is told of this machine and attempt, but for the program's version."""
    spec = record.spec
    task = spec.task
    if record.inputs and spec.input == "append" and adapter.takes_prompt and task is not None:
        task = with_inputs(task, record.inputs)
    if spec.context and adapter.takes_prompt and task is not None:
        given = given_context.recall(directory)
        task = task if given is None else with_context(task, given)
    if spec.output_schema is not None:
        _check_answer(adapter, spec.output_schema)
        if task is not None and not (adapter.native_schema and spec.mode == "headless"):
            task = answer.wish(task, spec.output_schema)
    configured = host.settings.agent(spec.agent)
    patterns = env_patterns(adapter, {**host.environ, **configured.env, **spec.env})
    host_env = environment.host_part(
        host.environ, (*host.settings.session.pass_env, *patterns), host.paths.sessions
    )
    facts = LaunchFacts(
        session_id=record.id,
        attempt=record.attempt,
        task=task,
        directory=str(directory),
        # as getcwd() tells it: tools look their trust and their conversations up by that
        cwd=os.path.realpath(cwd),
        home=host.environ.get("HOME", "/"),
        host_env=host_env,
        environ={**host_env, **configured.env, **spec.env},
        is_root=os.geteuid() == 0,
        carry=configured.carry,
        mcp=_own_server(directory, configured.mcp if spec.mcp is None else spec.mcp),
        keep=str(host.paths.state / "agents" / spec.agent / "conversations"),
    )
    return facts.model_copy(update={"config": tool_files.config(adapter.config_files(spec, facts))})


def check_environment(host: Host, record: SessionRecord) -> dict[str, str]:
    """The environment of a session's check: the agent's, but for what its tool needs."""
    spec = record.spec
    configured = host.settings.agent(spec.agent)
    host_env = environment.host_part(
        host.environ, host.settings.session.pass_env, host.paths.sessions
    )
    return environment.compose(
        host_env,
        {},
        configured.env,
        spec.env,
        {"CODERS_SESSION_ID": record.id, "CODERS_ATTEMPT": str(record.attempt)},
        (),
    )


def _check_answer(adapter: Adapter, schema: dict[str, Any]) -> None:
    if not adapter.takes_prompt:
        raise errors.UsageError(
            f"{adapter.name} gives no answer that a schema could be for", "leave the schema out"
        )
    answer.check_schema(schema)


def make_launch(host: Host, record: SessionRecord, directory: Path, prepared: Prepared) -> Launch:
    """The launch of the record's current attempt; its files are written.

    Raises a CodersError that says what is wrong and what to do.
    """
    spec = record.spec
    adapter = adapter_for(record)
    configured = host.settings.agent(spec.agent)
    if spec.provider == "ollama" and spec.model is not None:
        ollama.check(spec.env, spec.model)
    facts = facts_of(host, adapter, record, directory, str(prepared.cwd))
    path = environment.path_of(facts.environ)
    program = program_for(host, adapter, record, path, facts.cwd)
    if program is not None:
        chosen.remember(directory, program)
        if program.warning is not None:
            log.warning(
                "agent_untested",
                session=record.id,
                attempt=record.attempt,
                agent=spec.agent,
                version=program.version,
                cause=program.warning,
            )
        facts = facts.model_copy(update={"version": program.version})
    plan = adapter.plan(spec, facts)
    own = {
        "CODERS_SESSION_ID": record.id,
        "CODERS_ATTEMPT": str(record.attempt),
        "CODERS_CORRELATION_ID": spec.correlation_id or record.id,
    }
    own |= _session_environment(host, record, directory)
    if record.inputs:
        inputs = json.dumps(list(record.inputs)).encode()
        private_file.write(directory, INPUTS_FILE, inputs)
        own["CODERS_INPUT"] = str(directory / INPUTS_FILE)
    if spec.context:
        own["CODERS_CONTEXT"] = str(directory / given_context.CONTEXT_FILE)
    environ = environment.compose(
        facts.host_env,
        plan.env,
        configured.env,
        spec.env,
        {**plan.own_env, **own},
        plan.unset,
    )
    environ["PATH"] = session_program.with_program(host.paths, environ["PATH"])
    argv = (plan.argv[0], *configured.args, *plan.argv[1:])
    seeded = frozenset(Path(directory, seed.path) for seed in plan.files)
    for one in plan.overlays:
        overlay.make(directory, one, seeded)
    for seed in plan.files:
        private_file.write(directory, seed.path, seed.content)
    if program is not None and plan.argv[0] == adapter.program:
        executable = program.path
    else:
        executable = find_program(plan.argv[0], environ["PATH"], prepared.cwd, spec.agent)
    if plan.first_run is not None:
        marks = host.paths.state / "agents" / spec.agent / "first-runs"
        first_run.ensure(marks, plan.first_run, executable, environ, directory)
    return Launch(
        ref=ids.attempt_ref(record.id, record.attempt),
        directory=directory,
        argv=argv,
        program=executable,
        cwd=str(prepared.cwd),
        env=environ,
        terminal=plan.terminal,
        merge_stderr=plan.merge_stderr,
        stdin=plan.stdin,
        columns=spec.columns,
        rows=spec.rows,
    )


def _own_server(directory: Path, wanted: bool) -> tuple[str, ...]:
    """The command of the session's MCP server. It finds its host by a file: some tools hand on
    less than their own environment."""
    if not wanted:
        return ()
    module = "coders_queue.in_session.mcp_server"
    return (sys.executable, "-E", "-P", "-m", module, str(directory / session_socket.FILE))


def _session_environment(host: Host, record: SessionRecord, directory: Path) -> dict[str, str]:
    """What leads the agent to its session's socket."""
    ref = ids.attempt_ref(record.id, record.attempt)
    access = session_socket.provide(host.paths, directory, ref)
    return {SOCKET: access.socket, TOKEN: access.token}
