"""The HTTP side: one thread per request, every request kept."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from . import anthropic, gemini, openai_chat, openai_responses
from .scenario import answer
from .shapes import Answer, Request

_PROVIDERS = (anthropic, openai_responses, openai_chat, gemini)


class ModelServer:
    """A model server on a free port of loopback. Use it as a context manager."""

    def __init__(self, directory: str = ".") -> None:
        """Name the *directory* in which the model's file actions take place."""
        self.directory = directory
        self.requests: list[Request] = []
        self._taken = 0
        self._lock = threading.Lock()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._http.daemon_threads = True
        self._http.model = self  # type: ignore[attr-defined]
        self._thread = threading.Thread(target=self._http.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    @property
    def last(self) -> Request:
        """The last request to the working model: one for a title may come late."""
        return next(request for request in reversed(self.requests) if request.tools)

    def take(self, request: Request) -> Answer:
        """Keep *request* and return what the model does."""
        with self._lock:
            self.requests.append(request)
            self._taken += 1
            number = self._taken
        return answer(request, self.directory, number)

    def forget(self) -> None:
        """Begin a new list of requests."""
        with self._lock:
            self.requests.clear()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def do_HEAD(self) -> None:
        self._send(200, b"")

    def do_GET(self) -> None:
        models = [{"id": "fake-model", "object": "model", "owned_by": "tests", "type": "model", "display_name": "fake"}]
        self._json(200, {"object": "list", "data": models, "has_more": False} if "models" in self.path else {})

    def do_POST(self) -> None:
        body = self._body()
        path, _, query = self.path.partition("?")
        for provider in _PROVIDERS:
            if provider.fits(path):
                self._answer(provider, path, query, body)
                return
        self._json(200, {})

    def _answer(self, provider: Any, path: str, query: str, body: dict[str, Any]) -> None:
        side = provider.aside(path, body)
        if side is not None:
            self._json(200, side)
            return
        request = provider.parse(path, body)
        found: Answer = self.server.model.take(request)  # type: ignore[attr-defined]
        if found.status != 200:
            self._json(found.status, provider.error(found.status))
        elif provider.streams(path, query, body):
            self._stream(provider.events(request, found), found.delay)
        else:
            self._json(200, provider.whole(request, found))

    def _body(self) -> dict[str, Any]:
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        encoding = self.headers.get("Content-Encoding", "")
        if encoding == "gzip":
            import gzip

            data = gzip.decompress(data)
        elif encoding == "zstd":
            import zstandard

            data = zstandard.ZstdDecompressor().decompressobj().decompress(data)
        try:
            found = json.loads(data or b"{}")
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {"list": found}

    def _stream(self, events: Any, delay: float) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        try:
            for name, data, slow in events:
                head = f"event: {name}\n" if name else ""
                text = data if isinstance(data, str) else json.dumps(data)
                self.wfile.write(f"{head}data: {text}\n\n".encode())
                self.wfile.flush()
                if slow and delay:
                    time.sleep(delay)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the agent was killed: that is what some tests are about
        self.close_connection = True

    def _json(self, status: int, body: Any) -> None:
        self._send(status, json.dumps(body).encode(), "application/json")

    def _send(self, status: int, data: bytes, kind: str = "text/plain") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        if status == 429:
            self.send_header("retry-after", "3600")
        self.end_headers()
        self.wfile.write(data)
