"""Subscriptions: a client hears that a resource changed, and reads it again where it cares.

Up to 2025-11-25 a client subscribes to one URI after the other (`resources/subscribe`) and hears of them on its connection. From
2026-07-28 on a request (`subscriptions/listen`) names all that it wants to hear of, and what it hears names that request.
"""

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, Final

from segue.mcp import resources, revisions
from segue.mcp.call import Call, Notify
from segue.mcp.lane import Job, Lane
from segue.mcp.messages import INVALID_PARAMS, Id, Message, RpcError, object_of, text_of
from segue.mcp.peer import Exchange, Peer
from segue.mcp.watching import Interest, ListInterest, SessionInterest, Watch

LISTEN: Final = "subscriptions/listen"
MOST: Final = 100
"""Resources that one client hears of."""
_BUSY: Final = -32000
_META_ID: Final = "io.modelcontextprotocol/subscriptionId"
_UPDATED: Final = "notifications/resources/updated"
_LISTED: Final = "notifications/resources/list_changed"


class Subscriptions:
    """What clients want to hear of. All but `close` is called in the lane."""

    def __init__(self, lane: Lane) -> None:
        """Begin with none."""
        self._lane, self._watch = lane, Watch()
        self._listening: list[tuple[threading.Event, Callable[[], None]]] = []

    def subscribe(self, peer: Peer, call: Call, params: Message) -> Message:
        """Have *peer* hear of a resource from now on; once is enough. Raises RpcError."""
        uri = text_of(params, "uri")
        if uri in peer.subscribed:
            return {}
        self._check_room(len(peer.subscribed) + 1, 1)
        cancelled = threading.Event()
        interest = self._interest(call, uri, cancelled, peer.notify, listed=True)
        if peer.subscribe(uri, cancelled):
            self._watch.add([interest])
        return {}

    @staticmethod
    def unsubscribe(peer: Peer, _call: Call, params: Message) -> Message:
        """Have *peer* hear of a resource no longer, if it did. Raises RpcError."""
        peer.unsubscribe(text_of(params, "uri"))
        return {}

    def listen(self, peer: Peer, call: Call, message: Message, exchange: Exchange, job: Job) -> None:
        """Have *exchange* hear of what a request asks for, until *job* is cancelled. What is not to be had is left out.

        Raises RpcError: too much is asked for.
        """
        id_, wanted = message["id"], object_of(message.get("params", {}), "notifications")
        uris, listed = _uris(wanted), wanted.get("resourcesListChanged") is True
        self._check_room(len(uris), len(uris) + 1)

        def notify(method: str, params: Mapping[str, Any]) -> None:
            if not job.cancelled.is_set():
                exchange.notify(method, {**params, "_meta": {_META_ID: id_}})

        interests: dict[str, Interest] = {}
        for uri in uris:
            with suppress(RpcError):
                interests[uri] = self._interest(call, uri, job.cancelled, notify, listed=False)
        honoured: Message = {"resourceSubscriptions": list(interests)} if uris else {}
        more = [self._list_interest(call, job.cancelled, None, partial(notify, _LISTED, {}))] if listed else []
        if listed:
            honoured["resourcesListChanged"] = True
        notify("notifications/subscriptions/acknowledged", {"notifications": honoured})
        if peer.listens(id_, job):
            self._listening = [(event, end) for event, end in self._listening if not event.is_set()]
            self._listening.append((job.cancelled, partial(_end, exchange, id_)))
            self._watch.add([*interests.values(), *more])

    def close(self) -> None:
        """Tell nothing more, and end the requests that listen."""
        self._watch.close()
        for cancelled, end in self._listening:
            if not cancelled.is_set():
                end()

    def _check_room(self, of_client: int, more: int) -> None:
        if of_client > MOST:
            raise RpcError(_BUSY, f"at most {MOST} resources: unsubscribe from some, or subscribe to session:// for all")
        if not self._watch.has_room(more):
            raise RpcError(_BUSY, "others subscribed to too much; try again later")

    def _interest(self, call: Call, uri: str, cancelled: threading.Event, notify: Notify, *, listed: bool) -> Interest:
        """Return the interest in a resource, and where that is the list and *listed* in there being others. Raises RpcError."""

        def tell() -> None:
            notify(_UPDATED, {"uri": uri})

        session = resources.session_of(call, uri)
        if session is not None:
            return SessionInterest(call.app.store, session, cancelled, tell)
        return self._list_interest(call, cancelled, tell, partial(notify, _LISTED, {}) if listed else lambda: None)

    def _list_interest(
        self, call: Call, cancelled: threading.Event, changed: Callable[[], None] | None, others: Callable[[], None]
    ) -> Interest:
        def find() -> list[str]:
            return [row.id for row in call.scope.again().rows]

        return ListInterest(call.app.store, find, self._lane, cancelled, changed, others)


def _uris(wanted: Mapping[str, Any]) -> list[str]:
    uris = wanted.get("resourceSubscriptions")
    if uris is None:
        return []
    if not isinstance(uris, list) or not all(isinstance(uri, str) for uri in uris):
        raise RpcError(INVALID_PARAMS, "resourceSubscriptions is no list of strings")
    return list(dict.fromkeys(uris))


def _end(exchange: Exchange, id_: Id) -> None:
    result = revisions.stateless(LISTEN, {"_meta": {_META_ID: id_}})
    exchange.answer({"jsonrpc": "2.0", "id": id_, "result": result})
