"""Streams of events over HTTP: an answer that comes in parts, and what a client is told that it did not ask for just now."""

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from typing import Any, Final

from segue.mcp.messages import dumps
from segue.mcp.peer import Peer

_PATIENCE: Final = 20.0
"""Seconds in which a client takes what it is sent."""
_LOOK: Final = 0.5
"""Seconds between looks at whether it is still there."""
_MOST_KEPT: Final = 200
"""Things that wait until it listens; the oldest make room."""
_BEAT: Final = 15.0
"""Seconds between signs of life."""


class EventStream:
    """The body of an answer as server-sent events."""

    def __init__(self, handler: BaseHTTPRequestHandler) -> None:
        """Begin the answer."""
        self._file = handler.wfile
        handler.connection.settimeout(_PATIENCE)
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.send_header("Cache-Control", "no-store")
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()

    def send(self, message: Any, *, last: bool = False) -> None:
        """Send a message, unless it is None; after the *last* one the stream is over. Raises OSError: nobody is there."""
        self._write(b"" if message is None else b"event: message\r\ndata: " + dumps(message) + b"\r\n\r\n", last=last)

    def beat(self) -> None:
        """Send what says nothing: who is gone without a word is found out. Raises OSError."""
        self._write(b":\r\n\r\n", last=False)

    def _write(self, data: bytes, *, last: bool) -> None:
        self._file.write((b"%x\r\n%b\r\n" % (len(data), data) if data else b"") + (b"0\r\n\r\n" if last else b""))
        self._file.flush()


class Visitor(Peer):
    """A client that comes over HTTP: what it is to be told waits until it listens, each thing once."""

    def __init__(self, since: float) -> None:
        """Take a client that came at *since*, and has nothing to hear yet."""
        super().__init__(since, notify=self._keep)
        self._changed = threading.Condition()
        self._kept: dict[tuple[str, Any], dict[str, Any]] = {}
        self._ear = 0

    def listens_anew(self) -> int:
        """Return who listens now: the one who came last, alone."""
        with self._changed:
            self._ear += 1
            self._changed.notify_all()
            return self._ear

    def next(self, ear: int, patience: float) -> dict[str, Any] | None:
        """Return what *ear* is to be told next; None: nothing came for so long. Raises EOFError: somebody else listens now."""
        with self._changed:
            self._changed.wait_for(lambda: self._kept or self._ear != ear, timeout=patience)
            if self._ear != ear:
                raise EOFError
            return self._kept.pop(next(iter(self._kept))) if self._kept else None

    def _keep(self, method: str, params: Mapping[str, Any]) -> None:
        with self._changed:
            about = method, params.get("uri")
            self._kept.pop(about, None)
            while len(self._kept) >= _MOST_KEPT:
                self._kept.pop(next(iter(self._kept)))
            self._kept[about] = {"jsonrpc": "2.0", "method": method, "params": params}
            self._changed.notify_all()


def relay(visitor: Visitor, answer: Callable[[], EventStream], goes_on: Callable[[], bool], beat: Callable[[], object]) -> None:
    """Tell *visitor* what it is to be told, as it comes, until it leaves or listens elsewhere; *beat* is called now and then.

    It is the one who listens before the *answer* begins: who then asks for another stream comes after it.
    Raises OSError: nobody is there.
    """
    ear, last = visitor.listens_anew(), time.monotonic()
    stream = answer()
    with suppress(EOFError):
        while goes_on() and not visitor.left:
            message = visitor.next(ear, _LOOK)
            if message is not None:
                stream.send(message)
            if time.monotonic() - last >= _BEAT:
                last = time.monotonic()
                beat()
                stream.beat()
    stream.send(None, last=True)
