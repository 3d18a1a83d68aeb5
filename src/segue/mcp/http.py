"""Messages over HTTP ("streamable HTTP"), on this machine's loopback alone: a POST each, an id for each client's session.

An answer is a stream of events where the client wants to know how far it is. What it subscribed to comes on the stream that it
GETs, or as the answer that never ends to the request that asked for it.
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
from segue.mcp.streams import EventStream, Visitor, relay
from segue.mcp.subscriptions import LISTEN
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
        self.listening = threading.BoundedSemaphore(max(1, connections // 2))
        """Places for those who listen: others are still answered."""
        self.over = threading.Event()

    @property
    def url(self) -> str:
        """What clients are told."""
        return f"http://127.0.0.1:{self.server_address[1]}{PATH}"

    def forever(self) -> None:
        """Serve until this thread is interrupted, or `shutdown` is called in another."""
        self.serve_forever(poll_interval=0.2)

    def shutdown(self) -> None:
        """See `socketserver`; streams end."""
        self.over.set()
        super().shutdown()

    def server_close(self) -> None:
        """See `socketserver`; streams end."""
        self.over.set()
        super().server_close()

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
        self._guarded(self._listen)

    def do_PUT(self) -> None:
        self._guarded(self._not_allowed)

    def do_DELETE(self) -> None:
        self._guarded(self._delete)

    do_PATCH = do_HEAD = do_OPTIONS = do_PUT  # noqa: N815

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
        raise Refused(405, "POST messages, GET what is told, DELETE the session", Allow="GET, POST, DELETE")

    def _listen(self) -> None:
        """Tell a client what it subscribed to, as it comes, until it goes, listens elsewhere, or is forgotten."""
        version, accepts = self.headers.get(_VERSION, ""), ",".join(self.headers.get_all("Accept", []))
        if version and version not in revisions.HANDSHAKE:
            raise Refused(405, f"revision {version[:40]!r} has no stream to GET; POST {LISTEN}", Allow="POST")
        if "text/event-stream" not in accepts and "*/*" not in accepts:
            raise Refused(406, "who listens accepts text/event-stream")
        peer = self._peer(version)
        with self._place():
            self.close_connection = True

            def goes_on() -> bool:
                return not self.server.over.is_set() and not self._is_gone()

            relay(peer, lambda: EventStream(self), goes_on, lambda: self.server.visits.find(self.headers.get(_SESSION, "")))

    @contextlib.contextmanager
    def _place(self) -> Iterator[None]:
        """Take a place of those who listen. Raises Refused."""
        if not self.server.listening.acquire(blocking=False):
            raise Refused(503, "too many clients listen at once", Retry_After="5")
        try:
            yield
        finally:
            self.server.listening.release()

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

    def _peer(self, version: str) -> Visitor:
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
        peer = Visitor(self.server.answers.now())
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
        with self._place() if message["method"] == LISTEN else contextlib.nullcontext():
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
        stream: EventStream | None = None
        last = False
        try:
            while not last:
                try:
                    last, message = came.get(timeout=_LOOK)
                except Empty:
                    if self._is_gone():
                        raise
                    continue
                if not last and stream is None:
                    stream = EventStream(self)
                if stream is not None:
                    stream.send(message, last=last)
                else:
                    self._answer(peer, message)
        except (Empty, OSError):
            self.close_connection = True
        finally:
            if not last:
                peer.cancel(messages.id_of(found))

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
