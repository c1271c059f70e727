"""The cloud's snapshot endpoint, a few lines long, with the faults that networks have."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class SnapshotServer:
    """Serves `body` at every path and breaks off the next `cuts_left` answers; `requests` holds each Range."""

    def __init__(self) -> None:
        self.body = b""
        self.status = 200
        self.cut_after = 0
        self.cuts_left = 0
        self.ranges = True
        self.requests: list[str | None] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/snapshot"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked = self.headers.get("Range")
                server.requests.append(asked)
                if server.status != 200:
                    self.send_response(server.status)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                first = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) if asked and server.ranges else 0  # type: ignore[index]
                part = server.body[first:]
                self.send_response(206 if first else 200)
                if first:
                    self.send_header("Content-Range", f"bytes {first}-{len(server.body) - 1}/{len(server.body)}")
                self.send_header("Content-Length", str(len(part)))
                self.end_headers()
                cut = server.cuts_left > 0
                server.cuts_left -= cut
                self.wfile.write(part[: server.cut_after] if cut else part)

            def log_message(self, format: str, *args: object) -> None:
                pass

        return Handler


@contextmanager
def running_snapshot_server() -> Iterator[SnapshotServer]:
    """A started server that is gone at the end."""
    server = SnapshotServer()
    server._thread.start()
    try:
        yield server
    finally:
        server._server.shutdown()
        server._server.server_close()
        server._thread.join()
