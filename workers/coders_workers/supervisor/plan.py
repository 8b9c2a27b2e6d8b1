"""From a record to a launch: workspace, adapter, program, environment, files.

Everything that can be wrong with a request on this machine is found here, before anything runs.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from coders_queue import errors, ids
from coders_queue.agents import registry
from coders_queue.agents.adapter import Adapter, LaunchFacts
from coders_queue.agents.prompt import with_inputs
from coders_queue.models.launch import SeedFile
from coders_queue.models.record import SessionRecord
from coders_workers.runtimes.base import Launch
from coders_workers.supervisor import environment
from coders_workers.supervisor.host import Host
from coders_workers.workspace import Prepared

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


def facts_of(
    host: Host, adapter: Adapter, record: SessionRecord, directory: Path, cwd: str
) -> LaunchFacts:
    """What the adapter is told of this machine and attempt."""
    spec = record.spec
    task = spec.task
    if record.inputs and spec.input == "append" and adapter.takes_prompt and task is not None:
        task = with_inputs(task, record.inputs)
    return LaunchFacts(
        session_id=record.id,
        attempt=record.attempt,
        task=task,
        directory=str(directory),
        cwd=cwd,
        home=host.environ.get("HOME", "/"),
        host_env=environment.host_part(
            host.environ, (*host.settings.session.pass_env, *adapter.pass_env)
        ),
        is_root=os.geteuid() == 0,
    )


def make_launch(host: Host, record: SessionRecord, directory: Path, prepared: Prepared) -> Launch:
    """The launch of the record's current attempt; its files are written.

    Raises a CodersError that says what is wrong and what to do.
    """
    spec = record.spec
    adapter = adapter_for(record)
    facts = facts_of(host, adapter, record, directory, str(prepared.cwd))
    plan = adapter.plan(spec, facts)
    configured = host.settings.agents.get(spec.agent)
    own = {
        "CODERS_SESSION_ID": record.id,
        "CODERS_ATTEMPT": str(record.attempt),
        "CODERS_CORRELATION_ID": spec.correlation_id or record.id,
    }
    if record.inputs:
        inputs = json.dumps(list(record.inputs)).encode()
        _write_private(directory, SeedFile(path=INPUTS_FILE, content=inputs))
        own["CODERS_INPUT"] = str(directory / INPUTS_FILE)
    environ = environment.compose(
        facts.host_env,
        plan.env,
        configured.env if configured else {},
        spec.env,
        own,
        plan.unset,
    )
    program = plan.argv[0]
    if configured and configured.program and program == adapter.program:
        program = configured.program
    argv = plan.argv
    if configured:
        argv = (argv[0], *configured.args, *argv[1:])
    for seed in plan.files:
        _write_private(directory, seed)
    return Launch(
        ref=ids.attempt_ref(record.id, record.attempt),
        directory=directory,
        argv=argv,
        program=find_program(program, environ["PATH"], prepared.cwd, spec.agent),
        cwd=str(prepared.cwd),
        env=environ,
        terminal=plan.terminal,
        merge_stderr=plan.merge_stderr,
        stdin=plan.stdin,
        columns=spec.columns,
        rows=spec.rows,
    )


def find_program(program: str, path: str, cwd: Path, agent: str) -> str:
    """The executable's path. Raises MissingBinary saying where it was looked for."""
    if "/" in program:
        full = program if program.startswith("/") else str(cwd / program)
        if not Path(full).exists():
            raise errors.MissingBinary(f"{agent}: there is no program {full}", "check the path")
        if Path(full).is_dir() or not os.access(full, os.X_OK):
            raise errors.MissingBinary(
                f"{agent}: {full} is not an executable file", "check the path, or chmod +x it"
            )
        return full
    found = shutil.which(program, path=path)
    if found is None:
        raise errors.MissingBinary(
            f"{agent}: no program {program!r} on PATH ({path})",
            f"install it, or give its path: agents.{agent}.program in the configuration",
        )
    return found if found.startswith("/") else str(cwd / found)


def _write_private(directory: Path, seed: SeedFile) -> None:
    target = Path(directory, seed.path)
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = target.with_name(target.name + ".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(seed.content)
    temporary.replace(target)
