"""A server that is reached at an address: Streamable HTTP, one POST a message, answered by JSON or by a stream of events.

Nothing is followed elsewhere: where the address redirects or asks for a sign-in, that is said. Proxies of the environment are
not used, so that nothing is sent to anybody but the address that is configured.
"""

import http.client
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from threading import Timer
from typing import Any, Final
from urllib.parse import urlsplit

from segue.core.context.definitions import compact
from segue.host.mcp.asking import MOST_BYTES, REVISION, Failed, Hide, Talk, message_of
from segue.ports.mcp import Listing, Server

_SIGN_IN: Final = {401, 403}
_OLDER: Final = {404, 405}


def ask(server: Server, limit: float, hide: Hide) -> Listing:
    """Return what the server at an address lists, within *limit* seconds. Raises Failed."""
    begun = time.monotonic()
    post = _Post(server, begun + limit, limit)
    talk = Talk(post, hide)
    try:
        return talk.listing()._replace(seconds=time.monotonic() - begun)
    except Failed as e:
        raise Failed("; ".join([str(e), *talk.notes])) from None
    except TimeoutError:
        raise Failed(f"it did not answer within {limit:g} s") from None
    except (OSError, http.client.HTTPException, ValueError) as e:
        if time.monotonic() >= begun + limit:
            raise Failed(f"it did not answer within {limit:g} s") from None
        reason = e.strerror if isinstance(e, OSError) and e.strerror else str(e) or type(e).__name__
        raise Failed(f"it cannot be reached: {hide(reason)}") from None
    finally:
        post.close()


class _Post:
    """See `asking.Line`."""

    def __init__(self, server: Server, until: float, limit: float) -> None:
        self._url = urlsplit(server.url)
        self._server, self._until, self._limit = server, until, limit
        self._session = ""
        self._said = 0

    def ask(self, message: Mapping[str, Any], talk: Talk) -> Mapping[str, Any]:
        with self._sent("POST", message) as response:
            for found in self._messages(response, talk):
                if found.get("id") == message["id"] and "method" not in found:
                    return found
                talk.heard(found)
        if time.monotonic() >= self._until:
            raise TimeoutError
        raise Failed(f"it did not answer {message['method']}")

    def tell(self, message: Mapping[str, Any]) -> None:
        with self._sent("POST", message):
            pass

    def close(self) -> None:
        """Tell the server that its session is over."""
        if self._session:
            with suppress(OSError, http.client.HTTPException, Failed), self._sent("DELETE", None):
                pass

    @contextmanager
    def _sent(self, method: str, message: Mapping[str, Any] | None) -> Iterator[http.client.HTTPResponse]:
        """Send a message and give its answer. At the time limit the connection is cut, however slowly bytes drip."""
        connection = self._connection()
        with closing(connection):
            connection.connect()
            cut = Timer(max(self._until - time.monotonic(), 0), _cut, (connection.sock,))
            cut.daemon = True
            cut.start()
            try:
                yield self._exchanged(connection, method, message)
            finally:
                cut.cancel()

    def _exchanged(
        self, connection: http.client.HTTPConnection, method: str, message: Mapping[str, Any] | None
    ) -> http.client.HTTPResponse:
        headers = {**self._server.headers, "Accept": "application/json, text/event-stream", "MCP-Protocol-Version": REVISION}
        if self._session:
            headers["Mcp-Session-Id"] = self._session
        if message is not None:
            headers["Content-Type"] = "application/json"
        path = (self._url.path or "/") + (f"?{self._url.query}" if self._url.query else "")
        connection.request(method, path, None if message is None else compact(message).encode(), headers)
        response = connection.getresponse()
        if response.status // 100 != 2:
            raise Failed(_status(response))
        self._session = response.getheader("Mcp-Session-Id") or self._session
        return response

    def _connection(self) -> http.client.HTTPConnection:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        host, port = self._url.hostname or "", self._url.port
        if self._url.scheme == "https":
            return http.client.HTTPSConnection(host, port, timeout=left, context=ssl.create_default_context())
        return http.client.HTTPConnection(host, port, timeout=left)

    def _messages(self, response: http.client.HTTPResponse, talk: Talk) -> Iterator[Mapping[str, Any]]:
        """Yield the messages of an answer as they arrive: of a stream each event's, else those of the whole."""
        kind = (response.getheader("Content-Type") or "").partition(";")[0].strip().lower()
        texts = _events(self._lines(response)) if kind == "text/event-stream" else iter([b"".join(self._lines(response))])
        for text in texts:
            found = message_of(text)
            if found is None:
                talk.stray += 1
                continue
            yield from found
        if talk.stray:
            raise Failed(f"it answers with no message ({kind or 'no content type'})")

    def _lines(self, response: http.client.HTTPResponse) -> Iterator[bytes]:
        while True:
            line = response.readline(MOST_BYTES)
            self._said += len(line)
            if self._said > MOST_BYTES:
                raise Failed(f"it said more than {MOST_BYTES // 2**20} MB")
            if not line:
                return
            yield line


def _cut(sock: socket.socket) -> None:
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


def _events(lines: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the data of each event of a stream (`text/event-stream`)."""
    data: list[bytes] = []
    for line in lines:
        text = line.rstrip(b"\r\n")
        if text.startswith(b"data:"):
            data.append(text[5:].removeprefix(b" "))
        elif not text and data:
            yield b"\n".join(data)
            data = []
    if data:
        yield b"\n".join(data)


def _status(response: http.client.HTTPResponse) -> str:
    if response.status in _SIGN_IN:
        return f"it asks for a sign-in (HTTP {response.status})"
    if response.status // 100 == 3:
        where = urlsplit(response.getheader("Location") or "").hostname or "elsewhere"
        return f"it redirects to {where} (HTTP {response.status}), which is not followed"
    if response.status in _OLDER:
        return f"there is no MCP at its address, or an older transport of it (HTTP {response.status})"
    return f"it answers HTTP {response.status}"
