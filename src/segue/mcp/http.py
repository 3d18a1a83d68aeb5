"""Messages over HTTP ("streamable HTTP"), on this machine's loopback alone: a POST each, an id for each client's session.

Nothing is sent to a client that it did not ask for, so there is no stream to GET; an answer is a stream of events where the
client wants to know how far it is.
"""

import contextlib
import io
import select
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler
from queue import Empty, SimpleQueue
from socketserver import TCPServer, ThreadingMixIn
from typing import TYPE_CHECKING, Any, Final

from segue import __version__
from segue.mcp import messages, revisions
from segue.mcp.guard import PATH, Guard, Refused, check_stateless
from segue.mcp.messages import LONGEST, METHOD_NOT_FOUND, RpcError, dumps
from segue.mcp.peer import Exchange, Peer
from segue.mcp.server import Server
from segue.mcp.visits import Visits

if TYPE_CHECKING:
    from segue.app import App

_MOST_CONNECTIONS: Final = 64
_PATIENCE: Final = 20.0
"""Seconds in which a request must be here whole, and its answer taken."""
_IDLE: Final = 60.0
"""Seconds that a connection may be silent between requests."""
_LINGER: Final = 1.0
"""Seconds in which the rest of what a client sends is taken before its connection is closed."""
_LINGERS: Final = 2.0
"""Seconds in which the rest of a refused request is taken."""
_MOST_DROPPED: Final = 64 * 1024 * 1024
_LOOK: Final = 0.5
"""Seconds between looks at whether who waits for an answer is still there."""
_SESSION: Final = "Mcp-Session-Id"
_VERSION: Final = "MCP-Protocol-Version"
_STATUS: Final = {
    messages.PARSE_ERROR: 400,
    messages.INVALID_REQUEST: 400,
    messages.INVALID_PARAMS: 400,
    messages.HEADER_MISMATCH: 400,
    messages.UNSUPPORTED_VERSION: 400,
    METHOD_NOT_FOUND: 404,
}
"""Of a stateless request's error: the status that says it too."""


@contextlib.contextmanager
def listen(app: "App", port: int, token: str, *, everything: bool = False) -> Iterator["Listener"]:
    """Listen on *port* of the loopback, 0: any free one; at the end what was asked for is answered. Raises OSError."""
    server = Server(app, everything=everything)
    try:
        with Listener(server, port, token) as listener:
            yield listener
    finally:
        server.close()


class Listener(ThreadingMixIn, TCPServer):
    """Waits for connections; each is a thread, up to a limit."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128
    block_on_close = False

    def __init__(self, server: Server, port: int, token: str, *, connections: int = _MOST_CONNECTIONS) -> None:
        """Bind, and begin to listen; serve so many *connections* at once."""
        super().__init__(("127.0.0.1", port), _Handler)
        self.answers, self.visits = server, Visits()
        self.guard = Guard(self.server_address[1], token)
        self._room = threading.BoundedSemaphore(connections)

    @property
    def url(self) -> str:
        """What clients are told."""
        return f"http://127.0.0.1:{self.server_address[1]}{PATH}"

    def forever(self) -> None:
        """Serve until this thread is interrupted, or `shutdown` is called in another."""
        self.serve_forever(poll_interval=0.2)

    def process_request(self, request: Any, client_address: Any) -> None:
        """See `socketserver`; who comes when all places are taken is told to come again."""
        if self._room.acquire(blocking=False):
            super().process_request(request, client_address)
            return
        with contextlib.suppress(OSError):
            request.settimeout(1)
            request.sendall(
                b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
            )
        super().shutdown_request(request)

    def shutdown_request(self, request: Any) -> None:
        """See `socketserver`; what a client still sends is taken, or it might never see why it was refused."""
        until, left = time.monotonic() + _LINGER, LONGEST
        with contextlib.suppress(OSError):
            request.shutdown(socket.SHUT_WR)
            while left > 0 and (wait := until - time.monotonic()) > 0:
                request.settimeout(wait)
                left -= len(request.recv(65_536)) or left
        self.close_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """See `socketserver`."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that broke is no news."""


class _Timed(io.RawIOBase):
    """Reads from a socket until a moment: however slowly the bytes come, that is when it ends."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self.until = 0.0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = self.until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(left)
        return self._socket.recv_into(buffer)


class _Handler(BaseHTTPRequestHandler):
    """One connection, request by request."""

    server: Listener
    protocol_version = "HTTP/1.1"
    server_version, sys_version = f"segue/{__version__}", ""

    def setup(self) -> None:
        super().setup()
        self._timed = _Timed(self.connection)
        self._given = self.rfile = io.BufferedReader(self._timed)
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def handle_one_request(self) -> None:
        self._timed.until = time.monotonic() + _IDLE
        try:
            self._given.peek(1)
            self._timed.until = time.monotonic() + _PATIENCE
            super().handle_one_request()
        except OSError:  # too slow, or gone
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: what matters is in the sessions' logs."""

    def do_POST(self) -> None:
        self._guarded(self._post)

    def do_GET(self) -> None:
        self._guarded(self._not_allowed)

    def do_DELETE(self) -> None:
        self._guarded(self._delete)

    do_PUT = do_PATCH = do_HEAD = do_OPTIONS = do_GET  # noqa: N815

    # --- requests

    def _guarded(self, act: Any) -> None:
        headers = self.headers
        try:
            self.server.guard.check(
                self.path,
                headers.get_all("Host", []),
                headers.get_all("Origin", []),
                headers.get_all("Authorization", []),
            )
            act()
        except Refused as e:
            self.close_connection = True  # its body was not read
            self._send(e.status, {"error": e.message}, e.headers)
            self._linger()

    def _linger(self) -> None:
        """Take the rest of a refused request and drop it: who is cut off while he sends does not get to see why."""
        self._timed.until = time.monotonic() + _LINGERS
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
            left = _MOST_DROPPED
            while left > 0 and (data := self._given.read1(1 << 16)):
                left -= len(data)

    def _not_allowed(self) -> None:
        raise Refused(405, "there is no stream to listen to; POST messages, DELETE the session", Allow="POST, DELETE")

    def _delete(self) -> None:
        if not self.server.visits.end(self.headers.get(_SESSION, "")):
            raise Refused(404, "there is no such session")
        self._send(204)

    def _post(self) -> None:
        body = self._body()
        version = self.headers.get(_VERSION, "")
        try:
            found = messages.parse(body)
        except RpcError as e:
            self._send(400, e.answer(None))
            return
        first = found if isinstance(found, dict) else {}
        if first.get("method") == "initialize":
            self._initialize(found)
        elif version and version not in revisions.HANDSHAKE:
            self._stateless(found, version)
        else:
            peer = self._peer(version)
            self._exchange(peer, found)

    def _peer(self, version: str) -> Peer:
        id_ = self.headers.get(_SESSION, "")
        if not id_:
            raise Refused(400, f"{_SESSION} is missing; initialize first")
        peer = self.server.visits.find(id_)
        if peer is None:
            raise Refused(404, "there is no such session; initialize again")
        if version and version != peer.version:
            raise Refused(400, f"revision {peer.version} of the protocol was agreed on")
        return peer

    def _initialize(self, found: Any) -> None:
        peer = Peer(self.server.answers.now())
        answers: list[Any] = []
        self.server.answers.take(peer, found, Exchange(answers.append, lambda _method, _params: None))
        (answer,) = answers
        if peer.version:
            self._send(200, answer, {_SESSION: self.server.visits.admit(peer)})
        else:
            self._send(400, answer)

    def _stateless(self, found: Any, version: str) -> None:
        """Take a request of a revision without a handshake: it is complete in itself."""
        id_ = messages.id_of(found)
        try:
            message = messages.check(found)
            if "id" not in message or "method" not in message:
                self._send(202 if version in revisions.STATELESS else 400)
                return
            check_stateless(message, version, self.headers.get_all("Mcp-Method", []), self.headers.get_all("Mcp-Name", []))
        except RpcError as e:
            self._send(_STATUS.get(e.code, 200), e.answer(id_))
            return
        peer = Peer(self.server.answers.now())
        peer.stateless = True
        self._exchange(peer, found)

    # --- bodies and answers

    def _body(self) -> bytes:
        headers = self.headers
        lengths = headers.get_all("Content-Length", [])
        if headers.get_all("Transfer-Encoding", []) or len(lengths) != 1 or not (lengths[0].isascii() and lengths[0].isdigit()):
            raise Refused(411, "a request says how long it is, once")
        if len(lengths[0]) > 12 or int(lengths[0]) > LONGEST:
            raise Refused(413, f"a message has at most {LONGEST:,} bytes")
        if headers.get_content_type() != "application/json":
            raise Refused(415, "a message is application/json")
        accepts = ",".join(headers.get_all("Accept", []))
        if "*/*" not in accepts and not ("application/json" in accepts and "text/event-stream" in accepts):
            raise Refused(406, "a client accepts application/json and text/event-stream")
        body = self.rfile.read(int(lengths[0]))
        if len(body) < int(lengths[0]):
            raise OSError("the rest of the request did not come")
        return body

    def _exchange(self, peer: Peer, found: Any) -> None:
        """Have a message answered, and send what comes of it as it comes."""
        came: SimpleQueue[tuple[bool, Any]] = SimpleQueue()
        exchange = Exchange(
            lambda answer: came.put((True, answer)),
            lambda method, params: came.put((False, {"jsonrpc": "2.0", "method": method, "params": params})),
        )
        if isinstance(found, list):
            self.server.answers.receive(peer, dumps(found), exchange)
        else:
            self.server.answers.take(peer, found, exchange)
        streams = False
        while True:
            try:
                last, message = came.get(timeout=_LOOK)
            except Empty:
                if self._is_gone():
                    peer.cancel(messages.id_of(found))
                    self.close_connection = True
                    return
                continue
            if not last and not streams:
                streams = True
                self._begin_stream()
            if streams:
                self._event(message, last=last)
            elif last:
                self._answer(peer, message)
            if last:
                return

    def _answer(self, peer: Peer, answer: Any) -> None:
        if answer is None:
            self._send(202)
            return
        error = answer.get("error") if isinstance(answer, dict) else None
        refused = error and answer.get("id") is None
        self._send(400 if refused else _STATUS.get(error["code"], 200) if error and peer.stateless else 200, answer)

    def _is_gone(self) -> bool:
        ready, _, _ = select.select([self.connection], [], [], 0)
        if not ready:
            return False
        try:
            return not self.connection.recv(1, socket.MSG_PEEK)
        except OSError:
            return True

    def _begin_stream(self) -> None:
        self.connection.settimeout(_PATIENCE)
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def _event(self, message: Any, *, last: bool) -> None:
        data = b"" if message is None else b"event: message\r\ndata: " + dumps(message) + b"\r\n\r\n"
        self.wfile.write((b"%x\r\n%b\r\n" % (len(data), data) if data else b"") + (b"0\r\n\r\n" if last else b""))
        self.wfile.flush()

    def _send(self, status: int, document: Any = None, headers: Mapping[str, str] = {}) -> None:
        self.connection.settimeout(_PATIENCE)
        data = b"" if document is None else dumps(document)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if data:
            self.send_header("Content-Type", "application/json")
        self.send_header("Cache-Control", "no-store")
        if status != 204:
            self.send_header("Content-Length", str(len(data)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(data if self.command != "HEAD" else b"")
