"""A client: what was agreed with it, who it is, where it works, and what it waits for."""

import secrets
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import unquote, urlsplit

from segue.engine.callers import Caller
from segue.mcp.lane import Job
from segue.mcp.messages import Id, Message
from segue.mcp.revisions import META_CLIENT

ASKED_ROOTS: Final = "segue-roots"
"""The id of our own question where a client works."""
_PATIENCE: Final = 5.0
"""Seconds that its answer is waited for, once."""
_MOST_ROOTS: Final = 20


class Exchange(NamedTuple):
    """How what comes of a message gets back to who sent it."""

    answer: Callable[[Any], None]
    """Is given the answer, or None: nothing will come."""
    notify: Callable[[str, Mapping[str, Any]], None]
    """Sends a notification that is about the message."""


class Peer:
    """A client, for as long as it is connected."""

    def __init__(
        self,
        since: float,
        send: Callable[[Message], None] | None = None,
        foreign_id: str = "",
        notify: Callable[[str, Mapping[str, Any]], None] = lambda _method, _params: None,
    ) -> None:
        """Take a client that connected at *since*; *send* asks it something, where it can be asked.

        *foreign_id*: what it calls its own session, where its environment says so. *notify* tells it what it subscribed to.
        """
        self.id = secrets.token_hex(8)
        self.since, self._send, self._foreign_id = since, send, foreign_id
        self.version = ""
        """The revision that was agreed on."""
        self.stateless = False
        """It speaks a revision without a handshake."""
        self.level: str | None = None
        self.running: dict[Id, Job] = {}
        self.notify = notify
        self.subscribed: dict[str, threading.Event] = {}
        """By URI; who sets the event ends the subscription."""
        self._listening: dict[Id, Job] = {}
        self.left = False
        """It is no longer there."""
        self.lock = threading.Lock()
        self._info: Mapping[str, Any] = {}
        self._roots: tuple[str, ...] = ()
        self._has_roots = False
        self._told_roots = threading.Event()
        self._told_roots.set()

    def agree(self, version: str, params: Mapping[str, Any]) -> None:
        """Keep what was agreed on, and who it says it is."""
        self.version = version
        self._info = _mapping(params.get("clientInfo"))
        self._has_roots = "roots" in _mapping(params.get("capabilities"))

    def caller(self, meta: Mapping[str, Any]) -> Caller:
        """Return who makes a request, of which *meta* is what comes beside its parameters."""
        info = _mapping(meta.get(META_CLIENT)) if self.stateless else self._info
        codex = _mapping(meta.get("x-codex-turn-metadata"))
        told = next((one for one in (codex.get("session_id"), self._foreign_id) if isinstance(one, str) and one), "")
        return Caller(_word(info, "name"), _word(info, "version"), told[:200], self.since)

    # --- where it works

    def ask_roots(self) -> None:
        """Ask where it works, where it can tell."""
        if self._has_roots and self._send is not None:
            self._told_roots.clear()
            self._send({"jsonrpc": "2.0", "id": ASKED_ROOTS, "method": "roots/list"})

    def hear(self, answer: Message) -> None:
        """Take its answer to our question; an answer to none is passed over."""
        if answer.get("id") != ASKED_ROOTS:
            return
        roots = _mapping(answer.get("result")).get("roots")
        found = [_path(root) for root in roots[:_MOST_ROOTS]] if isinstance(roots, list) else []
        self._roots = tuple(dict.fromkeys(path for path in found if path))
        self._told_roots.set()

    def roots(self) -> tuple[str, ...]:
        """Return the directories that it works in, as far as it tells; one that does not answer is waited for once."""
        if not self._told_roots.wait(_PATIENCE):
            self._told_roots.set()
        return self._roots

    # --- what it waits for

    def begin(self, id_: Id, job: Job) -> bool:
        """Note that *job* answers the request *id_*; return whether the id is free."""
        with self.lock:
            if id_ in self.running or id_ in self._listening:
                return False
            self.running[id_] = job
            return True

    def end(self, id_: Id) -> None:
        """Note that a request was answered, or never will be."""
        with self.lock:
            self.running.pop(id_, None)

    def cancel(self, id_: Any) -> None:
        """Give a request up; what it wrote stays."""
        if not isinstance(id_, str | int | float):
            return
        with self.lock:
            job = self._listening.pop(id_, None) or self.running.get(id_)
            if job is not None:
                job.cancelled.set()

    # --- what it wants to hear of

    def listens(self, id_: Id, job: Job) -> bool:
        """Note that the request *id_* goes on until it is given up; return whether it was not yet."""
        with self.lock:
            self.running.pop(id_, None)
            if not job.cancelled.is_set():
                self._listening[id_] = job
            return not job.cancelled.is_set()

    def subscribe(self, uri: str, cancelled: threading.Event) -> bool:
        """Note a subscription; return whether it is still there to hear of it."""
        with self.lock:
            if not self.left:
                self.subscribed[uri] = cancelled
            return not self.left

    def unsubscribe(self, uri: str) -> None:
        """End a subscription, if there is one."""
        with self.lock:
            cancelled = self.subscribed.pop(uri, None)
        if cancelled is not None:
            cancelled.set()

    def leave(self) -> None:
        """End all subscriptions: it is no longer there."""
        with self.lock:
            self.left = True
            ended = list(self.subscribed.values())
            self.subscribed.clear()
        for cancelled in ended:
            cancelled.set()


def _path(root: Any) -> str:
    """Return the directory of a root; empty for one that is none of this machine."""
    uri = _mapping(root).get("uri")
    try:
        parts = urlsplit(uri) if isinstance(uri, str) else None
    except ValueError:
        return ""
    if parts is None or parts.scheme != "file" or parts.netloc not in {"", "localhost"}:
        return ""
    path = unquote(parts.path)
    return path if path.startswith("/") and "\0" not in path else ""


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _word(info: Mapping[str, Any], name: str) -> str:
    found = info.get(name)
    return found[:100] if isinstance(found, str) else ""
