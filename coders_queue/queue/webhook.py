"""One HTTP request that posts JSON, bounded in time, whatever the other side does.

No redirect is followed and no proxy asked: what is secret in an address goes to its host alone.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Mapping
from urllib.parse import urlsplit

from coders_queue.queue.rule_jobs import ActionFailed

#: The largest body, bytes.
MAX_BODY = 8 * 1024 * 1024
#: Answers after which trying again is of no use: the request itself is what is wrong.
_FINAL = frozenset({400, 401, 403, 404, 405, 406, 410, 411, 413, 414, 415, 422, 431, 501})


def shown(url: str) -> str:
    """The address without what may be secret: its path often is a password."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}/***"


def post(url: str, body: bytes, headers: Mapping[str, str], timeout: float) -> None:
    """Post it; an answer of 2xx is success. Raises ActionFailed."""
    place = shown(url)
    if len(body) > MAX_BODY:
        raise ActionFailed(
            f"{place}: the body is larger than {MAX_BODY} bytes", final=True, kind="too-large"
        )
    parts = urlsplit(url)
    connection = _connection(url, timeout)
    late = threading.Event()

    def end() -> None:
        # a server that drips would otherwise be listened to for ever
        late.set()
        if (there := connection.sock) is not None:
            try:
                there.shutdown(socket.SHUT_RDWR)
            except OSError:
                return

    timer = threading.Timer(timeout, end)
    timer.daemon = True
    timer.start()
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request("POST", target, body, dict(headers))
        status = connection.getresponse().status
    except TimeoutError:
        raise ActionFailed(f"{place}: no answer in {timeout:g} s", kind="timeout") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        if late.is_set():
            raise ActionFailed(f"{place}: no answer in {timeout:g} s", kind="timeout") from None
        # what it complains of may hold anything
        told = error.strerror if isinstance(error, OSError) and error.strerror else ""
        raise ActionFailed(f"{place}: {told or type(error).__name__}", kind="unreachable") from None
    finally:
        timer.cancel()
        connection.close()
    if not 200 <= status < 300:
        raise ActionFailed(
            f"{place}: answered {status}", final=status in _FINAL, kind=f"status-{status}"
        )


def _connection(url: str, timeout: float) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "https":
        return http.client.HTTPSConnection(
            host, parts.port, timeout=timeout, context=ssl.create_default_context()
        )
    return http.client.HTTPConnection(host, parts.port, timeout=timeout)
