"""A site on loopback that webhooks are posted to, and that answers as a test wants."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class WebhookSite:
    """What was posted: each with its headers, in small letters, and its body."""

    def __init__(self) -> None:
        self.posts: list[tuple[dict[str, str], Any]] = []
        #: Statuses of the next answers; then 200.
        self.answers: list[int] = []
        #: Seconds until it answers.
        self.delay = 0.0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hook"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                site.posts.append(
                    ({key.lower(): one for key, one in self.headers.items()}, json.loads(body))
                )
                time.sleep(site.delay)
                self.send_response(site.answers.pop(0) if site.answers else 200)
                self.send_header("Location", f"{site.url}/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                return

        return Handler

    @contextmanager
    def open(self) -> Iterator[WebhookSite]:
        """While it is there."""
        thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join(10)
