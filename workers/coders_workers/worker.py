"""The worker process of a machine: everything it is made of, started and stopped in order.

Exactly one runs for a state directory (its process lock), and one for a host's name (a lease, held
in the name of the state directory, so that a restarted worker has its name back at once).
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import structlog
from celery import bootsteps
from kombu.exceptions import OperationalError
from structlog.contextvars import clear_contextvars

from coders_queue import errors, ids
from coders_queue.queue import tasks as control_tasks
from coders_queue.queue.app import CodersApp, make_app
from coders_queue.queue.fallback import Fallback
from coders_queue.queue.queues import queue
from coders_queue.queue.rule_actions import RuleActions
from coders_queue.queue.rule_engine import RuleEngine
from coders_queue.settings.masking import mask_url
from coders_queue.settings.paths import Paths
from coders_queue.settings.schema import Settings
from coders_workers import identity
from coders_workers import tasks as host_tasks
from coders_workers.approvals.desk import Desk
from coders_workers.approvals.press import Presser
from coders_workers.bulletin import Bulletin
from coders_workers.cleanup.cleaner import Cleaner
from coders_workers.follow import CeleryFollow
from coders_workers.heartbeat.census import Census
from coders_workers.heartbeat.heart import Heart
from coders_workers.in_session.service import SessionService
from coders_workers.local_store.store import LocalStore
from coders_workers.rounds import Duty, Rounds
from coders_workers.ruling import Ruling
from coders_workers.runtimes.base import Runtime
from coders_workers.server.socket_server import SocketServer
from coders_workers.server.station import Station
from coders_workers.server.verbs import Verbs
from coders_workers.supervisor import session_program
from coders_workers.supervisor.host import Host
from coders_workers.supervisor.supervisor import Supervisor
from coders_workers.turns import Turns
from coders_workers.watchdog import Loop, Watchdog
from coders_workers.watchers.consequences import Consequences
from coders_workers.watchers.probe import Probe
from coders_workers.watchers.reactions import Reactions
from coders_workers.watchers.watchers import Watchers

log = structlog.get_logger(__name__)

_SWEEP_EVERY = 5.0
_DEADLINES_EVERY = 0.5
_MESSAGES_EVERY = 1.0
#: How long the loop that takes messages may stand still while the broker answers, and the rounds,
#: seconds. Celery waits for up to half a minute before it connects again.
_MESSAGES_STALL, _ROUNDS_STALL = 90.0, 60.0
#: Threads for what ends and starts outside of Celery's pool.
_BACKGROUND_THREADS = 8


class Worker:
    """One machine's worker."""

    def __init__(
        self,
        settings: Settings,
        paths: Paths,
        broker_url: str,
        store: LocalStore,
        runtime: Runtime,
        *,
        embedded: bool,
        environ: dict[str, str],
    ) -> None:
        self._settings = settings
        self._paths = paths
        self._store = store
        self._runtime = runtime
        self._holder = identity.of(paths)
        self._lease = f"host:{settings.host.name}"
        self.app: CodersApp = make_app(
            settings, broker_url, store, fleet=store.fleet, away=lambda: store.away
        )
        # one for all threads, of which each request on the socket has one of its own: what of it is
        # not safe for that is the waiting for results, which no worker does
        self.app.conf.result_backend_thread_safe = True
        self._pool = ThreadPoolExecutor(_BACKGROUND_THREADS, thread_name_prefix="host")
        # apart from the ends: starts that hang must not keep ended agents from being seen
        self._starts = ThreadPoolExecutor(settings.host.threads, thread_name_prefix="start")
        follow = CeleryFollow(self.app, settings.host.name)
        self._host = Host(
            name=settings.host.name,
            store=store,
            runtime=runtime,
            settings=settings,
            paths=paths,
            follow=follow,
            submit=self._submit,
            environ=environ,
        )
        self.supervisor = Supervisor(self._host)
        presser = Presser(self._host, self.supervisor.deliverer)
        self.desk = Desk(self._host, self.supervisor.watched.refs, presser)
        self.watchers = Watchers(
            self._host,
            self.supervisor.watched,
            Reactions(Consequences(self._host, self.supervisor.stopper), self.desk),
        )
        probe_every = settings.supervision.probe_every
        probe = Probe(self._host, self.watchers, self.supervisor.watched, probe_every)
        self._bulletin = Bulletin(store)
        ttl = settings.host.lease_ttl
        # apart from the sweeps: a slow one must not cost the host its name
        self._renewals = Rounds("renewals", [Duty("lease", ttl / 3, self._renew)])
        census = Census(
            self.supervisor.watched.refs,
            lambda ref: self._host.attempt_path(*ids.parse_attempt_ref(ref)),
            self.watchers.pulses,
        )
        self._heart = Heart(
            store,
            settings.host.name,
            census,
            period=min(settings.host.heartbeat, ttl / 3),
            ttl=ttl,
            info=lambda: {"capacity": settings.host.capacity, "pid": os.getpid()},
        )
        self._rounds = Rounds(
            "rounds",
            [
                Duty(
                    "sweep",
                    _SWEEP_EVERY,
                    lambda: self.supervisor.sweep_unless_done(_SWEEP_EVERY),
                ),
                Duty("deadlines", _DEADLINES_EVERY, self.supervisor.deadlines),
                Duty("messages", _MESSAGES_EVERY, self.supervisor.pusher.turn),
                Duty("probe", probe_every / 3, probe.run_if_late),
            ],
        )
        self._fallback = Fallback(store, settings)
        self._turns = Turns(self._tell_limits, self._next_turns)
        cleaner = Cleaner(replace(self._host, store=store.fleet), lambda: store.presence)
        station = Station(
            host=self._host,
            app=self.app,
            bulletin=self._bulletin,
            broker=mask_url(broker_url),
            embedded=embedded,
            started_at=time.time(),
            degraded=store.degraded,
            stalled=lambda: sorted(self._watchdog.stalled),
            preheat=lambda session_id, spec: self._starts.submit(
                self.supervisor.preheat, session_id, spec
            ),
            forget=self.supervisor.forget,
            spawn=lambda session_id, attempt: self._submit(
                lambda: self.supervisor.spawn(session_id, attempt), self._starts
            ),
            end=lambda session_id, attempt: self._submit(
                lambda: self.supervisor.stop(session_id, attempt)
            ),
            stop=lambda: os.kill(os.getpid(), signal.SIGTERM),
            census=census,
            clean=cleaner.clean,
            deliverer=self.supervisor.deliverer,
        )
        self._sessions = SessionService(station, self.supervisor.watched)
        self._host.sayings.heard = self.watchers.heard
        self._watchdog = Watchdog()
        self._server: SocketServer | None = None
        self._refused: errors.CodersError | None = None
        self._verbs = Verbs(station)
        control_tasks.register(self.app)
        host_tasks.register(self.app, self.supervisor, cleaner, probe, self.desk)
        self._ruling: Ruling | None = None
        if settings.rules and "control" in settings.host.roles:
            # a store of the fleet's alone: no rule acts on what one host knows
            engine = RuleEngine(store.fleet, settings.rules, RuleActions(self.app))
            self._ruling = Ruling(store.fleet, engine, settings.rules, self._holder)

    def run(self) -> int:
        """Work until told to stop; the exit code. Raises Conflict for a taken name."""
        self._take_name()
        host = self._settings.host
        queues = [queue(ids.host_queue(host.name))] if "host" in host.roles else []
        if "control" in host.roles:
            queues.append(queue(ids.CONTROL_QUEUE))
        self.app.conf.task_queues = queues
        self.app.conf.worker_consumer = "coders_workers.consumer:SteadyConsumer"
        self.app.steps["worker"].add(_step_for(self))
        celery_worker = self.app.Worker(
            hostname=f"coders@{host.name}",
            pool_cls="threads",
            concurrency=host.threads,
            queues=[one.name for one in queues],
            without_gossip=True,
            without_mingle=True,
            loglevel=self._settings.log.level.upper(),
        )
        self.app.announcer = _announcer(celery_worker)
        self._watch(celery_worker)
        celery_worker.start()
        if self._refused is not None:
            raise self._refused
        return int(celery_worker.exitcode or 0)

    def open(self) -> None:
        """Adopt what runs, then let people in.

        Raises SystemExit, which Celery takes for a quiet end; :meth:`run` then raises what is
        wrong: the broker went away, say.
        """
        try:
            self._open()
        except errors.CodersError as error:
            self._refused = error
            raise SystemExit(error.exit_code) from None

    def _open(self) -> None:
        self._store.start()
        if "host" in self._settings.host.roles:
            session_program.provide(self._paths)
            self._sessions.start()
            self.supervisor.sweep(starting=True)
            self._sessions.tidy()
            self.watchers.start()
            self.desk.start()
        self._bulletin.start()
        self._renewals.start()
        if "host" in self._settings.host.roles:
            self._heart.start()
            self._rounds.start()
            self.supervisor.due.start()
        self._watchdog.start()
        if "control" in self._settings.host.roles:
            self.app.dispatch.later = self._turns.later
            self._turns.start()
            if self._ruling is not None:
                self._ruling.start()
        self._server = SocketServer(self._paths.host_socket, self._verbs.handle, self._verbs.note)
        self._server.start()
        log.info("worker_ready", host=self._host.name, pid=os.getpid())

    def close(self) -> None:
        """Let go of everything; sessions live on."""
        self._watchdog.stop()
        if self._server is not None:
            self._server.stop()
        self._sessions.stop()
        if self._ruling is not None:
            self._ruling.stop()
        self._turns.stop()
        self._rounds.stop()
        self.watchers.stop()
        self.desk.stop()
        self.supervisor.due.stop()
        self._renewals.stop()
        self._heart.stop()
        self._bulletin.stop()
        for pool in (self._starts, self._pool):
            pool.shutdown(wait=False, cancel_futures=True)
        self._runtime.close()
        try:
            self._store.release_lease(self._lease, self._holder)
        except errors.Unavailable as error:
            log.warning("lease_not_released", cause=str(error))
        log.info("worker_stopped", host=self._host.name)

    def _watch(self, celery_worker: Any) -> None:
        """Have the loops watched that everything hangs on."""
        started = time.monotonic()

        def turned_at() -> float:
            return float(getattr(celery_worker.consumer, "turned_at", started))

        self._watchdog.watch(
            Loop(
                "messages",
                _MESSAGES_STALL,
                turned_at,
                excused=lambda: self._store.away,
                # killed, it is started again; a loop that hangs would not end in another way
                give_up=lambda: os.kill(os.getpid(), signal.SIGKILL),
            )
        )
        if "host" in self._settings.host.roles:
            self._watchdog.watch(Loop("rounds", _ROUNDS_STALL, lambda: self._rounds.turned_at))

    def _take_name(self) -> None:
        if self._store.acquire_lease(self._lease, self._holder, self._settings.host.lease_ttl):
            return
        raise errors.Conflict(
            f"another worker serves host {self._settings.host.name!r} on this broker",
            "give this one a name of its own: host.name in the configuration, or CODERS_HOST_NAME",
        )

    def _renew(self) -> None:
        settings = self._settings.host
        if not self._store.acquire_lease(self._lease, self._holder, settings.lease_ttl):
            log.critical(
                "name_lost", host=settings.name, holder=self._store.lease_holder(self._lease)
            )
            os.kill(os.getpid(), signal.SIGTERM)

    def _next_turns(self) -> None:
        self._fallback.look()
        self.app.dispatch.fill()

    def _tell_limits(self) -> None:
        settings = self._settings
        if self._store.configure(settings.host.name, settings.limits, settings.shares):
            log.info("limits_told", host=settings.host.name)

    def _submit(self, work: Callable[[], object], pool: ThreadPoolExecutor | None = None) -> object:
        try:
            return (pool or self._pool).submit(_logged(work))
        except RuntimeError:  # shutting down: the next worker's first sweep does it
            return None


def _logged(work: Callable[[], object]) -> Callable[[], object]:
    def run() -> object:
        clear_contextvars()
        try:
            return work()
        except errors.Unavailable as error:  # the sweep goes on from what is on the disk
            log.warning("background_work_delayed", cause=str(error))
            return None
        except Exception:
            log.exception("background_work_failed")
            return None

    return run


def _announcer(celery_worker: Any) -> Callable[[str, str, dict[str, Any]], None]:
    def announce(kind: str, task_id: str, fields: dict[str, Any]) -> None:
        consumer = getattr(celery_worker, "consumer", None)
        dispatcher = getattr(consumer, "event_dispatcher", None)
        if dispatcher is None or not dispatcher.enabled:
            return
        try:
            dispatcher.send(kind, uuid=task_id, **fields)
        except (OperationalError, ConnectionError, OSError) as error:
            # monitors may miss an event; the record does not
            log.warning("event_not_told", type=kind, task=task_id, cause=str(error))

    return announce


def _step_for(worker: Worker) -> type[bootsteps.StartStopStep]:
    class HostStep(bootsteps.StartStopStep):
        """Opens the worker before it consumes, and closes it after."""

        requires = ("celery.worker.components:Pool",)

        def start(self, parent: Any) -> None:
            worker.open()

        def stop(self, parent: Any) -> None:
            worker.close()

        def terminate(self, parent: Any) -> None:
            worker.close()

    return HostStep
