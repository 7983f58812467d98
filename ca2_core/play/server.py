"""A web server of a fixed set of paths, for browsers on this machine only."""

import json
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from ca2_core.errors import UserError

HOST = "127.0.0.1"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".bin": "application/octet-stream",
}
# A page loads nothing from other sites, and no other site may embed it
POLICY = "default-src 'self'; img-src 'self' data: blob:; style-src 'self'; worker-src 'self'; frame-ancestors 'self'; base-uri 'none'"
LARGEST_POST = 1_000_000

Content = bytes | Path | Callable[[], bytes]
"""Content of a path: bytes, a file, or a function that makes the bytes at each request."""
Receive = Callable[[Any], Any]
"""Takes the JSON that a page sends and returns the JSON of the answer; raises ``UserError`` for invalid requests."""


def static(folder: Path, prefix: str = "/") -> dict[str, Content]:
    """The files of a folder, by their paths on the server.

    :param prefix: beginning of these paths, with a slash at its end
    """
    return {prefix + path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.suffix in TYPES}


def read(content: Content) -> bytes:
    """The bytes of a path's content."""
    return content.read_bytes() if isinstance(content, Path) else content if isinstance(content, bytes) else content()


def write_site(pages: Mapping[str, Content], folder: Path) -> None:
    """Writes all paths as files, for any static web server; ``/`` becomes index.html."""
    for path, content in pages.items():
        file = folder / (path.lstrip("/") or "index.html")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(read(content))


@contextmanager
def serving(pages: Mapping[str, Content], port: int = 0, receivers: Mapping[str, Receive] | None = None) -> Iterator[str]:
    """Serves pages in other threads during the block. Yields the address.

    :param pages: contents by path; nothing else is served
    :param port: 0 for any free port
    :param receivers: handlers of POST requests, by path
    :raises UserError: if the port can't be used
    """
    try:
        server = _Server((HOST, port), _handler(pages, receivers or {}))
    except (OSError, OverflowError) as error:
        raise UserError(f"port {port} can't be used: {error}. Give another --port, or leave it out to get a free one.") from error
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://{HOST}:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        server.hang_up()


def serve(pages: Mapping[str, Content], port: int, page: str, receivers: Mapping[str, Receive] | None = None, browser: bool = True) -> None:
    """Serves pages until Ctrl-C and opens one of them in a browser.

    :param page: path of the page to open, without the leading slash
    """
    with serving(pages, port, receivers) as address:
        print(f"{address}{page}  (Ctrl-C stops the server)", flush=True)
        if browser and not webbrowser.open(address + page):
            print("No browser could be opened. Open the address above in a browser on this machine.", file=sys.stderr)
        threading.Event().wait()


class _Server(ThreadingHTTPServer):
    """Tracks the connections that browsers keep open and closes them at the end; otherwise their threads would go on answering."""

    daemon_threads = True
    request_queue_size = 256  # with the default of 5, connections of a busy page wait for seconds

    def __init__(self, *arguments: Any):
        self.connections: set[socket.socket] = set()
        super().__init__(*arguments)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self.connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignores browsers that disconnect in the middle of an answer."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def hang_up(self) -> None:
        """Closes all open connections."""
        for connection in list(self.connections):
            with suppress(OSError):  # the browser has closed it
                connection.shutdown(socket.SHUT_RDWR)


def _handler(pages: Mapping[str, Content], receivers: Mapping[str, Receive]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30

        def do_GET(self) -> None:
            path = self._path()
            if path is None:
                return
            if path not in pages:
                self._answer(HTTPStatus.NOT_FOUND, "text/plain; charset=utf-8", b"There is no such page.")
                return
            try:
                body = read(pages[path])
            except (UserError, OSError) as error:
                self._answer(HTTPStatus.UNPROCESSABLE_ENTITY, "text/plain; charset=utf-8", str(error).encode())
                return
            self._answer(HTTPStatus.OK, TYPES.get(Path(path).suffix or ".html", "application/octet-stream"), body)

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_POST(self) -> None:
            path, length = self._path(), self.headers.get("Content-Length", "")
            if path is None:
                return
            if path not in receivers or not length.isdigit() or int(length) > LARGEST_POST:
                self.close_connection = True
                self._answer(HTTPStatus.NOT_FOUND, "text/plain; charset=utf-8", b"Nothing can be sent there.")
                return
            try:
                answer = receivers[path](json.loads(self.rfile.read(int(length))))
                self._answer(HTTPStatus.OK, TYPES[".json"], json.dumps(answer).encode())
            except (UserError, ValueError, RecursionError) as error:
                self._answer(HTTPStatus.UNPROCESSABLE_ENTITY, "text/plain; charset=utf-8", str(error).encode())

        def _path(self) -> str | None:
            """The requested path. None if a page of another site asks; that request has then been refused."""
            own = {f"{name}:{self.connection.getsockname()[1]}" for name in (HOST, "localhost")}
            origin = self.headers.get("Origin")
            if self.headers.get("Host") not in own or (origin is not None and urlsplit(origin).netloc not in own):
                self.close_connection = True
                self._answer(HTTPStatus.FORBIDDEN, "text/plain; charset=utf-8", b"Only pages of this server may ask.")
                return None
            return unquote(urlsplit(self.path).path)

        def _answer(self, status: HTTPStatus, kind: str, body: bytes) -> None:
            self.send_response(status)
            headers = {"Content-Type": kind, "Content-Length": str(len(body)), "Cache-Control": "no-store"}
            headers |= {"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Logs nothing."""

    return Handler
