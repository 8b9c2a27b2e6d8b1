"""Which processes belong to an agent, read from ``/proc``.

Owns nothing; it looks and, when told, kills.
"""

import _signal  # type: ignore[import-not-found]  # `signal` builds enums on import, 4 ms
import posix


def stat_fields(pid: int) -> list[bytes] | None:
    """``/proc/<pid>/stat`` from the state on: state, parent, group, session, ...; start at 19."""
    try:
        fd = posix.open(f"/proc/{pid}/stat", posix.O_RDONLY)
    except OSError:
        return None
    try:
        data = posix.read(fd, 4096)
    except OSError:
        return None
    finally:
        posix.close(fd)
    return data[data.rindex(b")") + 2 :].split()


def members(leader: int) -> set[int]:
    """The living processes of a leader's session or group, and the descendants of them all."""
    found = {leader}
    parents: dict[int, int] = {}
    for name in posix.listdir("/proc"):
        fields = stat_fields(int(name)) if name.isdigit() else None
        if fields is None or fields[0] in b"ZX":
            continue
        parents[int(name)] = int(fields[1])
        if leader in (int(fields[2]), int(fields[3])):
            found.add(int(name))
    grown = True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in found} - found
        found |= more
        grown = bool(more)
    return found & parents.keys()


def kill(pids: set[int]) -> None:
    """SIGKILL them all."""
    for pid in pids:
        try:
            posix.kill(pid, _signal.SIGKILL)
        except OSError:
            pass
