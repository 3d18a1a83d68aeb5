"""The protocol: what a client may ask, when, and what it is answered. Knows nothing of how messages are carried."""

import sys
import traceback
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from segue.core.errors import SegueError
from segue.mcp import messages, prompts, resources, revisions
from segue.mcp.call import Call, is_level
from segue.mcp.definitions import TOOLS
from segue.mcp.lane import Job, Lane
from segue.mcp.messages import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    MOST_IN_BATCH,
    UNSUPPORTED_VERSION,
    Message,
    RpcError,
    object_of,
    text_of,
)
from segue.mcp.paging import page
from segue.mcp.peer import Exchange, Peer
from segue.mcp.places import Places
from segue.mcp.subscriptions import LISTEN, Subscriptions
from segue.mcp.tools import call_tool, told

if TYPE_CHECKING:
    from segue.app import App

_LISTED: Final = [tool.listed() for tool in TOOLS]
_MOST_COMPLETED: Final = 100
_HANDSHAKE_ONLY: Final = frozenset({"ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe"})
_STATELESS_ONLY: Final = frozenset({"server/discover", LISTEN})
_BUSY: Final = -32000
_Work = Callable[[Call, Message], Message]


class Server:
    """Answers clients, each for itself; what needs the store is done in one lane."""

    def __init__(self, app: "App", *, everything: bool = False) -> None:
        """Serve the project of *app*, or with *everything* all of its store."""
        self._places, self._everything = Places(app), everything
        self._clock = app.clock
        self.lane = Lane()
        self._subscriptions = Subscriptions(self.lane)
        self._quick: Mapping[str, Callable[[Peer, Message], Message]] = {
            "initialize": self._initialize,
            "ping": lambda _peer, _params: {},
            "server/discover": lambda _peer, _params: revisions.discovered(),
            "logging/setLevel": self._set_level,
            "tools/list": lambda _peer, params: page(_LISTED, params, "tools"),
            "prompts/list": lambda _peer, params: prompts.listed(params),
            "resources/templates/list": lambda _peer, params: resources.templates(params),
        }
        self._slow: Mapping[str, _Work] = {
            "tools/call": call_tool,
            "prompts/get": prompts.get,
            "resources/list": resources.listed,
            "resources/read": resources.read,
            "completion/complete": _complete,
        }
        self._of_peer: Mapping[str, Callable[[Peer, Call, Message], Message]] = {
            "resources/subscribe": self._subscriptions.subscribe,
            "resources/unsubscribe": self._subscriptions.unsubscribe,
        }

    def now(self) -> float:
        """Return seconds since 1970, UTC."""
        return self._clock.now()

    def close(self) -> None:
        """Answer what waits, and let go of the store."""
        self.lane.submit(Job(lambda _: self._subscriptions.close()))
        self.lane.submit(Job(lambda _: self._places.close()))
        self.lane.close()

    # --- messages

    def receive(self, peer: Peer, raw: bytes, exchange: Exchange) -> None:
        """Take what a client sent; *exchange* is told what comes of it, now or later."""
        try:
            found = messages.parse(raw)
            if isinstance(found, list):
                self._batch(peer, found, exchange)
                return
        except RpcError as e:
            exchange.answer(e.answer(None))
            return
        self.take(peer, found, exchange)

    def take(self, peer: Peer, found: Any, exchange: Exchange) -> None:
        """Take one message that was read."""
        id_ = messages.id_of(found)
        try:
            message = messages.check(found)
            if "method" not in message:
                peer.hear(message)
                exchange.answer(None)
            elif "id" not in message:
                self._note(peer, message)
                exchange.answer(None)
            else:
                self._ask(peer, message, exchange)
        except RpcError as e:
            exchange.answer(e.answer(id_))

    def _batch(self, peer: Peer, found: list[Any], exchange: Exchange) -> None:
        """Take several messages at once, where the revision has that; their answers come in one list."""
        if peer.version not in revisions.BATCHES:
            raise RpcError(INVALID_REQUEST, "this revision of the protocol has no batches")
        if not 0 < len(found) <= MOST_IN_BATCH:
            raise RpcError(INVALID_REQUEST, f"a batch has 1 to {MOST_IN_BATCH} messages")
        answers: list[Any] = []
        left = [len(found)]

        def collect(answer: Any) -> None:
            with peer.lock:
                answers.extend([answer] if answer is not None else [])
                left[0] -= 1
                is_last = not left[0]
            if is_last:
                exchange.answer(answers or None)

        for one in found:
            self.take(peer, one, Exchange(collect, exchange.notify))

    def _note(self, peer: Peer, message: Message) -> None:
        """Take a notification; one that nobody knows is passed over."""
        method, params = message["method"], message.get("params", {})
        if method == "notifications/cancelled":
            peer.cancel(params.get("requestId"))
        elif method in {"notifications/initialized", "notifications/roots/list_changed"} and peer.version:
            peer.ask_roots()

    def _ask(self, peer: Peer, message: Message, exchange: Exchange) -> None:
        """Answer a request now, or have it answered. Raises RpcError."""
        method, params, id_ = message["method"], message.get("params", {}), message["id"]
        meta = object_of(params, "_meta")
        stateless = self._era(peer, method, meta)
        if method in self._quick:
            result = self._quick[method](peer, params)
            exchange.answer(_answer(id_, revisions.stateless(method, result) if stateless else result))
            return
        work = partial(self._of_peer[method], peer) if method in self._of_peer else self._slow.get(method)
        if work is None and method != LISTEN:
            raise RpcError(METHOD_NOT_FOUND, f"there is no method {method[:80]!r}")
        if stateless and method == "resources/read":
            work = partial(resources.read, missing=INVALID_PARAMS)
        if self.lane.is_full:
            raise RpcError(_BUSY, "too much is asked at once; try again")
        job = Job(partial(self._do, peer, message, exchange, work))
        if not peer.begin(id_, job):
            raise RpcError(INVALID_REQUEST, f"request {id_!r} is not answered yet")
        self.lane.submit(job)

    def _do(self, peer: Peer, message: Message, exchange: Exchange, work: _Work | None, job: Job) -> None:
        """Do what needs the store, and answer; of what was given up nothing is said. No *work*: it is answered when it ends."""
        method, params, id_ = message["method"], message.get("params", {}), message["id"]
        answer: Message | None = None
        try:
            if not job.cancelled.is_set():
                call = self._call(peer, id_, object_of(params, "_meta"), exchange, job)
                if work is None:
                    self._subscriptions.listen(peer, call, message, exchange, job)
                    return
                result = work(call, params)
                answer = _answer(id_, revisions.stateless(method, result) if peer.stateless else result)
                call.app.tend()
        except RpcError as e:
            answer = e.answer(id_)
        except SegueError as e:
            answer = RpcError(INTERNAL_ERROR, told(e)).answer(id_)
        except Exception as e:  # noqa: BLE001 - a defect ends a request, and no other one
            traceback.print_exc(file=sys.stderr)
            answer = RpcError(INTERNAL_ERROR, f"internal error: {type(e).__name__}").answer(id_)
        peer.end(id_)
        exchange.answer(None if job.cancelled.is_set() else answer)

    def _call(self, peer: Peer, id_: messages.Id, meta: Mapping[str, Any], exchange: Exchange, job: Job) -> Call:
        """Return what a request works with."""

        def notify(method: str, params: Mapping[str, Any]) -> None:
            if not job.cancelled.is_set():
                exchange.notify(method, params)

        token = meta.get("progressToken")
        level = meta.get(revisions.META_LOG) if peer.stateless else peer.level
        app, scope = self._places.of(peer, peer.caller(meta), everything=self._everything)
        return Call(
            app,
            scope,
            f"{peer.id}:{id_}",
            notify,
            token=token if isinstance(token, str | int) and not isinstance(token, bool) else None,
            level=level if isinstance(level, str) and is_level(level) else None,
        )

    # --- agreeing

    def _era(self, peer: Peer, method: str, meta: Mapping[str, Any]) -> bool:
        """Return whether a request is of a revision without a handshake. Raises RpcError: it may not be made (now)."""
        asked = meta.get(revisions.META_VERSION)
        if method == "initialize":
            if peer.stateless:
                raise _unsupported("initialize")
            return False
        if asked is None:
            if peer.stateless or (not peer.version and method != "ping"):
                raise RpcError(INVALID_REQUEST, "the client has not initialized")
            if method in _STATELESS_ONLY:
                raise RpcError(METHOD_NOT_FOUND, f"revision {peer.version or 'none'} of the protocol has no {method}")
            return False
        if peer.version:
            raise RpcError(INVALID_REQUEST, f"revision {peer.version} was agreed on for this connection")
        if not isinstance(asked, str):
            raise RpcError(INVALID_PARAMS, f"{revisions.META_VERSION} is no string")
        if not isinstance(meta.get(revisions.META_CAPABILITIES), dict):
            raise RpcError(INVALID_PARAMS, f"_meta lacks {revisions.META_CAPABILITIES}")
        if asked not in revisions.STATELESS:
            raise _unsupported(asked)
        if method in _HANDSHAKE_ONLY:
            raise RpcError(METHOD_NOT_FOUND, f"revision {asked} of the protocol has no {method}")
        peer.stateless = True
        return True

    def _initialize(self, peer: Peer, params: Message) -> Message:
        if peer.version:
            raise RpcError(INVALID_REQUEST, "the client has initialized already")
        asked = text_of(params, "protocolVersion")
        for name in ("capabilities", "clientInfo"):
            if not isinstance(params.get(name), dict):
                raise RpcError(INVALID_PARAMS, f"{name} is missing, or is no object")
        text_of(params["clientInfo"], "name")
        peer.agree(revisions.agreed(asked), params)
        return revisions.hello(peer.version)

    @staticmethod
    def _set_level(peer: Peer, params: Message) -> Message:
        level = text_of(params, "level")
        if not is_level(level):
            raise RpcError(INVALID_PARAMS, f"there is no level {level[:80]!r}")
        peer.level = level
        return {}


def _answer(id_: messages.Id, result: Mapping[str, Any]) -> Message:
    return {"jsonrpc": "2.0", "id": id_, "result": result}


def _unsupported(asked: str) -> RpcError:
    data = {"supported": list(revisions.STATELESS), "requested": asked}
    return RpcError(UNSUPPORTED_VERSION, "Unsupported protocol version", data)


def _complete(call: Call, params: Message) -> Message:
    """Return the result of `completion/complete`: names of sessions. Raises RpcError."""
    ref, argument = object_of(params, "ref"), object_of(params, "argument")
    kind, name, value = text_of(ref, "type"), text_of(argument, "name"), text_of(argument, "value")
    if kind == "ref/prompt":
        known = prompts.is_prompt(text_of(ref, "name"), name)
    elif kind == "ref/resource":
        known = f"{{{name}}}" in text_of(ref, "uri") and any(ref["uri"] == one["uriTemplate"] for one in resources.TEMPLATES)
    else:
        raise RpcError(INVALID_PARAMS, f"there is no reference of type {kind[:80]!r}")
    if not known:
        raise RpcError(INVALID_PARAMS, "there is no such prompt, template or argument")
    found = resources.names(call, value) if name == "session" else []
    more = len(found) > _MOST_COMPLETED
    return {"completion": {"values": found[:_MOST_COMPLETED], "total": len(found), "hasMore": more}}
