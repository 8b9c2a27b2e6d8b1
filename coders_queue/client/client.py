"""``Coders``: the Python API, of the same strength as the command line.

Spawning on this machine goes through the host's socket, as the command line does; anything else
goes through the queue. Composition with other Celery tasks starts from :meth:`Coders.session`.
"""

from __future__ import annotations

import builtins
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from celery.canvas import Signature

from coders_queue import described_agents, errors, ids, wire
from coders_queue.agents.registry import get, parse
from coders_queue.client.context import ContextSpace
from coders_queue.client.flow_handle import FlowHandle
from coders_queue.client.handle import SessionHandle
from coders_queue.client.mailbox import Mailbox
from coders_queue.flows import read
from coders_queue.flows.submission import submit
from coders_queue.merging import request
from coders_queue.models.approval import Approval
from coders_queue.models.context import person
from coders_queue.models.context import session as session_named
from coders_queue.models.flow import FlowRecord
from coders_queue.models.heartbeat import HostHealth
from coders_queue.models.message import Message
from coders_queue.models.record import SessionRecord
from coders_queue.models.spec import SessionSpec
from coders_queue.queue import names
from coders_queue.queue.answering import Answering
from coders_queue.queue.app import CodersApp, make_app
from coders_queue.queue.session_task import parse_spec
from coders_queue.settings import pins
from coders_queue.settings.load import load
from coders_queue.settings.paths import Paths
from coders_queue.settings.schema import Settings
from coders_queue.store.base import Store
from coders_queue.store.news import is_installing
from coders_queue.store.open import open_configured

#: How long the local stack may take to come up, seconds.
_UP_TIMEOUT = 120.0


class Coders:
    """A client of the queue.

    Without arguments it reads the configuration as the command line does; when no broker is
    configured it uses the embedded one of this machine, and starts the local stack when nothing
    runs (``start=False`` leaves that to you).
    """

    def __init__(
        self,
        *,
        settings: Settings | None = None,
        state_dir: str | Path | None = None,
        start: bool = True,
    ) -> None:
        environ = dict(os.environ)
        if state_dir is not None:
            environ["CODERS_STATE_DIR"] = str(Path(state_dir).absolute())
        self._environ = environ
        self._start = start
        self.paths = Paths.find(environ)
        self.settings = settings or load(environ, str(Path.cwd())).settings
        described_agents.use(environ)

    @cached_property
    def store(self) -> Store:
        """The state that every view reads."""
        if self.settings.broker.url is None:
            self._ensure_up()
        return open_configured(self._broker_url, self.settings)

    @cached_property
    def app(self) -> CodersApp:
        """The Celery app: its tasks, its backend, its canvas."""
        return make_app(self.settings, self._broker_url, self.store)

    def session(
        self, agent: str, task: str | None = None, *, cwd: str | None = None, **fields: Any
    ) -> Signature[Any]:
        """A session as a Celery signature, for chains, groups and chords.

        Its result is an :class:`~coders_queue.models.outcome.Outcome` as a dictionary. ``fields``
        are those of :class:`~coders_queue.models.spec.SessionSpec`.
        """
        spec = self._spec(agent, task, cwd, fields)
        # the request travels whole in a canvas until Celery publishes it; env values with it
        return self.app.tasks[names.SESSION].s(spec=spec.model_dump(mode="json"))

    def merge(
        self,
        strategy: str,
        *,
        cwd: str | None = None,
        worktree: str = "HEAD",
        session: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Signature[Any]:
        """A merge of what is handed on to it, as a signature: a chord's body, a chain's last.

        ``options`` are the strategy's own. One that needs a worktree gets it in the repository that
        ``cwd`` is in, from the commit ``worktree``. ``session``: further fields of its SessionSpec.
        The outcome's ``result`` is a :class:`~coders_queue.merging.strategy.MergeResult`.
        """
        fields = request.fields(strategy, options, self._directory(cwd), worktree)
        return self.session(fields.pop("agent"), cwd=cwd, **{**fields, **(session or {})})

    def quorum(
        self, sessions: Iterable[Signature[Any]], need: int, *, group: str | None = None
    ) -> list[Signature[Any]]:
        """The same sessions as a header of which ``need`` successes are enough.

        The rest is cancelled then, and a chord's body starts: a cancelled session is a value, too.
        The Celery group they are submitted in is what is counted, each time they are; ``group``
        names it for sessions that no single group holds.
        """
        given = list(sessions)
        if not 1 <= need <= len(given):
            raise errors.UsageError(
                f"{need} of {len(given)} sessions cannot be a quorum", "need one, or at most all"
            )
        return [_with_quorum(one, {"group": group, "need": need}) for one in given]

    def run_flow(
        self,
        flow: str | Path | Mapping[str, Any],
        parameters: Mapping[str, Any] | None = None,
        *,
        cwd: str | None = None,
    ) -> FlowHandle:
        """Begin a flow: a file, or what one holds. ``parameters``: its parameters' values.

        All of it is checked first. Raises ConfigError, UsageError.
        """
        made = read.of_data(flow) if isinstance(flow, Mapping) else read.load(Path(flow))
        submission = submit(made, parameters or {}, self._directory(cwd))
        record = FlowRecord(
            id=ids.new_session_id(),
            name=made.flow,
            owner=self.settings.owner,
            submission=submission.dump(),
            created_at=time.time(),
        )
        self.app.flows.submit(record)
        return FlowHandle(self.app, record.id)

    def flow(self, reference: str) -> FlowHandle:
        """The flow of that id, name or unambiguous prefix. Raises NotFound, Ambiguous."""
        return FlowHandle(self.app, self.store.flows.resolve(reference))

    def spawn(
        self,
        agent: str,
        task: str | None = None,
        *,
        cwd: str | None = None,
        wait: bool = True,
        **fields: Any,
    ) -> SessionHandle:
        """Spawn a session and, with ``wait``, return once its agent lives.

        Raises a SpawnError that says why when it does not come up.
        """
        spec = self._spec(agent, task, cwd, fields)
        session_id = ids.new_session_id()
        try:
            return self._spawn_here(session_id, spec, wait)
        except (wire.NotListening, wire.WentAway):
            if self.settings.broker.url is None:
                self._ensure_up()
                return self._spawn_here(session_id, spec, wait)
        return self._spawn_by_queue(session_id, spec, wait)

    def get(self, reference: str) -> SessionHandle:
        """The session of that id, name or unambiguous prefix. Raises NotFound, Ambiguous."""
        return SessionHandle(self.app, self.store.resolve(reference))

    def list(self, **filters: Any) -> list[SessionRecord]:
        """Records, newest first; filters as of :meth:`coders_queue.store.base.Store.list`."""
        return self.store.list(**filters)

    def context(self, space: str) -> ContextSpace:
        """A space of shared context: ``flow:NAME``, ``team:NAME`` or ``repo:NAME``.

        What is written there is from this session, where the program runs in one, or else from
        the owner that the settings name. Raises UsageError for what names no space.
        """
        return ContextSpace(space, self._self, lambda: self.store)

    def message(self, to: str, text: str, *, key: str | None = None) -> Message:
        """Send a message to a session (id, name, prefix) or a person (``person:NAME``).

        With a ``key`` of your own, sending it again sends nothing twice. Raises NotFound for a
        session that nobody knows, Conflict for one that has ended and for a full mailbox.
        """
        return self.store.mailboxes.send(self._address(to), self._self, text, key=key)

    def inbox(self, who: str | None = None) -> Mailbox:
        """The mailbox of a session or a person; None: of this session, or of the owner."""
        return Mailbox(self._self if who is None else self._address(who), lambda: self.store)

    def approvals(self) -> builtins.list[Approval]:
        """What waits for a person, of all agents and hosts, the oldest first."""
        return Answering(self.store, self.app.publisher).waiting()

    def answer(
        self,
        reference: str,
        choice: str | None = None,
        *,
        deny: bool = False,
        because: str | None = None,
    ) -> Approval:
        """Answer what an agent asks: an approval by its id, or what a session waits for.

        ``choice`` is the number of an answer or what it begins with; without it, the plain yes.
        ``because`` is what the agent is told with a denial. As it is then, ended. Raises NotFound,
        UsageError for an answer there is not, Conflict when it waits no more, Undelivered when
        nothing was pressed, TimedOut when the host did not take it, DeliveryInDoubt.
        """
        return Answering(self.store, self.app.publisher).answer(
            reference, by=self._self, choice=choice, deny=deny, because=because
        )

    def _address(self, who: str) -> str:
        if who.startswith(person("")):
            return who
        return session_named(self.store.resolve(who.removeprefix(session_named(""))))

    def health(self) -> dict[str, HostHealth]:
        """How punctual each host's heartbeats are, and what the last one said, by its name."""
        return self.store.health()

    def close(self) -> None:
        """Let go of connections."""
        if "app" in self.__dict__:
            self.app.close()
        if "store" in self.__dict__:
            self.store.close()

    def __enter__(self) -> Coders:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    @property
    def _self(self) -> str:
        """Who this is to others."""
        session_id = self._environ.get("CODERS_SESSION_ID", "")
        return (
            session_named(session_id)
            if ids.is_session_id(session_id)
            else person(self.settings.owner)
        )

    @property
    def _broker_url(self) -> str:
        return self.settings.broker.url or self.paths.broker_url

    def _spec(
        self, agent: str, task: str | None, cwd: str | None, fields: Mapping[str, Any]
    ) -> SessionSpec:
        name, version = parse(agent)
        data: dict[str, Any] = {
            "owner": self.settings.owner,
            "workspace": {"type": "directory", "path": self._directory(cwd)},
            **fields,
            "agent": name,
            "task": task,
        }
        if version is not None:
            data["version"] = version
        spec = parse_spec(data)
        if spec.provider is not None:
            spec = get(name).lead(spec, {**self._environ, **spec.env})
        if spec.version is not None or get(name).package is None:
            return spec
        # settled here, so that whichever host takes the session runs the same
        pin = pins.resolve(name, spec.place, self._environ, self.settings.programs.pins)
        return spec if pin is None else spec.model_copy(update={"version": pin.version})

    def _directory(self, cwd: str | None) -> str:
        here = str(Path.cwd()) if not cwd or not cwd.startswith("/") else ""
        # no normalising: a/../b is not b when a is a symbolic link
        return os.path.join(here, cwd) if cwd else here  # noqa: PTH118

    def _spawn_here(self, session_id: str, spec: SessionSpec, wait: bool) -> SessionHandle:
        answer = wire.ask(
            str(self.paths.host_socket),
            "spawn",
            {
                "id": session_id,
                "spec": spec.model_dump(mode="python"),
                "environ": dict(self._environ),
                "wait": wait,
            },
            correlation=spec.correlation_id,
            timeout=self.settings.session.spawn_timeout + 10.0,
        )
        return SessionHandle(self.app, answer["id"])

    def _spawn_by_queue(self, session_id: str, spec: SessionSpec, wait: bool) -> SessionHandle:
        result = self.app.tasks[names.SESSION].apply_async(
            task_id=session_id, kwargs={"spec": spec}
        )
        handle = SessionHandle(self.app, str(result.id))
        if not wait:
            return handle
        limit = self.settings.session.spawn_timeout + 10.0
        try:
            record = handle.wait_running(limit)
        except errors.TimedOut:
            if not is_installing(self.store, handle.record):
                raise
            record = handle.wait_running(self.settings.programs.timeout + limit)
        outcome = record.outcome
        if outcome is not None and outcome.started_at is None and outcome.cause is not None:
            raise errors.SpawnError(outcome.cause.message)
        return handle

    def _ensure_up(self) -> None:
        try:
            wire.ask(str(self.paths.host_socket), "status", timeout=10.0)
        except wire.NotListening:
            if not self._start:
                raise
        else:
            return
        try:
            done = subprocess.run(
                [sys.executable, "-P", "-m", "coders_workers", "up"],
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                timeout=_UP_TIMEOUT,
            )
        except subprocess.TimeoutExpired:
            raise errors.TimedOut(
                f"the local stack was not up in {_UP_TIMEOUT:g} s", "look at it: coders doctor"
            ) from None
        if done.returncode != 0:
            said = done.stderr.strip().splitlines()
            raise errors.Unavailable(said[0] if said else "the local stack did not start")


def _with_quorum(session: Signature[Any], quorum: dict[str, Any]) -> Signature[Any]:
    if session.task != names.SESSION or "spec" not in session.kwargs:
        raise errors.UsageError(
            f"a quorum is of sessions, and {session.task} is none",
            "let chains follow what they are of: Coders().quorum([Coders().session(...), ...])",
        )
    spec = parse_spec({**session.kwargs["spec"], "quorum": quorum})
    return session.clone(kwargs={"spec": spec.model_dump(mode="json")})
