"""An attempt from claim to exit.

Owns the order of events: nothing starts twice, the recording is open before the agent starts, and
how it ended is on the disk before the launcher is gone. All it says is in the files of `files.py`.
"""

import errno
import posix
import time

from coders_workers.attempt.agent import Agent, StartFailed
from coders_workers.attempt.files import (
    EXIT,
    LAUNCH,
    LIFE,
    STARTED,
    Launch,
    asked_to_stop,
    launch_is_there,
    take,
    write_whole,
)
from coders_workers.attempt.pane import Pane
from coders_workers.attempt.processes import kill, members, stat_fields
from coders_workers.attempt.recording import Recording
from coders_workers.attempt.relay import Relay, watch_signals


def start() -> tuple[Recording, Pane, Agent]:
    """Read the launch and bring the agent up. Raises StartFailed."""
    if asked_to_stop() is not None:
        raise StartFailed(errno.ECANCELED, "stop")
    try:
        with open(LAUNCH, "rb") as file:
            launch = Launch.decode(file.read())
        posix.unlink(LAUNCH)
    except (OSError, ValueError) as error:
        raise StartFailed(getattr(error, "errno", 0) or 0, "launch") from error
    try:
        recording = Recording()
        # Room for the last words, should the disk be full by then.
        with open(EXIT + ".new", "xb", opener=lambda n, f: posix.open(n, f, 0o600)) as file:
            file.write(bytes(512))
    except OSError as error:
        raise StartFailed(error.errno or 0, "record") from error
    pane = Pane(launch.terminal)
    if asked_to_stop() is not None:
        raise StartFailed(errno.ECANCELED, "stop")
    try:
        agent = Agent(launch, pane.size(), pane.before)
    except OSError as error:
        raise StartFailed(error.errno or 0, "prepare") from error
    return recording, pane, agent


def main(directory: str) -> int:
    """Run the attempt in ``directory`` from claim to exit."""
    posix.chdir(directory)
    try:
        posix.mkfifo(LIFE, 0o600)
    except FileExistsError:
        pass
    life = posix.open(LIFE, posix.O_RDWR | posix.O_NONBLOCK)
    wake = watch_signals()
    if not (launch_is_there() or asked_to_stop() is not None) or not take():
        return 0
    try:
        recording, pane, agent = start()
    except StartFailed as failed:
        message = posix.strerror(failed.number) if failed.number else "not understood"
        if failed.where:
            message += f": {failed.where.decode('utf-8', 'surrogateescape')!r}"
        text = f"error {failed.number} {failed.what} {time.time():.6f} {message}\n"
        write_whole(EXIT, text, sync=True)
        posix.write(life, b"failed\n")
        return 1
    try:
        born = (stat_fields(agent.pid) or [b"0"] * 20)[19].decode()
        write_whole(STARTED, f"{agent.pid} {time.time():.6f} {born}\n")
        posix.write(life, b"started\n")
        status = Relay(agent, recording, pane, wake).run()
    except BaseException:
        # Without us it would hang, or go on unseen: better lost than at large.
        kill(members(agent.pid))
        raise
    text = f"{status} {time.time():.6f}\n"
    recording.sync()
    if recording.error is not None:
        text += f"recording {recording.error.errno} {recording.error.strerror}\n"
    write_whole(EXIT, text, sync=True)
    pane.close()
    return 0
