"""Messages over a pair of pipes: one a line. The client started us, and ends us by closing our input."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import partial
from typing import IO, TYPE_CHECKING, Any

from segue.mcp.messages import LONGEST, PARSE_ERROR, RpcError, dumps
from segue.mcp.peer import Exchange, Peer
from segue.mcp.server import Server

if TYPE_CHECKING:
    from segue.app import App

_CHUNK = 65_536
_OWN_ID = "CLAUDE_CODE_SESSION_ID"
"""In which variable Claude Code tells the servers that it starts which session it is in."""


def serve(app: "App", given: IO[bytes], taken: IO[bytes], *, everything: bool = False) -> None:
    """Serve the client at the other end of *given* and *taken* until it closes its end; what it asked for is answered first."""
    server = Server(app, everything=everything)
    lock = threading.Lock()

    def send(message: Any) -> None:
        with lock, suppress(BrokenPipeError, ValueError):  # it went away: its input ends next
            taken.write(dumps(message) + b"\n")
            taken.flush()

    def answer(message: Any) -> None:
        if message is not None:
            send(message)

    def notify(method: str, params: Mapping[str, Any]) -> None:
        send({"jsonrpc": "2.0", "method": method, "params": params})

    peer, exchange = Peer(server.now(), send, app.env.get(_OWN_ID, ""), notify), Exchange(answer, notify)
    for line in _lines(given, partial(_refuse, answer)):
        server.receive(peer, line, exchange)
    server.close()


def _refuse(answer: Any) -> None:
    answer(RpcError(PARSE_ERROR, f"a message has at most {LONGEST:,} bytes").answer(None))


def _lines(stream: IO[bytes], refuse: Any) -> Iterator[bytes]:
    """Yield the lines that are not blank, the last one whether it was ended or not; of one that is too long nothing is kept."""
    kept = bytearray()
    lost = False
    while chunk := stream.readline(_CHUNK):
        if not lost:
            kept += chunk
        if len(kept) > LONGEST:
            kept.clear()
            lost = True
        if not chunk.endswith(b"\n"):
            continue
        if lost:
            refuse()
        elif kept.strip():
            yield bytes(kept)
        kept.clear()
        lost = False
    if kept.strip():
        yield bytes(kept)
