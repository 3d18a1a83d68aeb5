"""The threads of a store: each one's session is found by its id, followed, written to, copied and made smaller."""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from threading import Lock
from typing import Final, TypeVar

from segue.core.errors import ExistsError, HeadMovedError, NotFoundError
from segue.core.log.events import ANY, Commit, Draft, ForkPoint, KeyPolicy
from segue.engine import foreign
from segue.engine.foreign import Foreign
from segue.host.collecting import put_off
from segue.integrations.langgraph import _dropping
from segue.integrations.langgraph._fold import DROPPED
from segue.integrations.langgraph._thread import Made, Thread
from segue.integrations.langgraph._values import Codec
from segue.ports import Clock, Store

R = TypeVar("R")

_AGENT: Final = "langgraph"
_KEPT: Final = 64
"""How many threads' folded checkpoints are kept in memory."""


class Threads:
    """The threads of one store. All methods may be called from many threads of a process at once."""

    def __init__(self, store: Store, clock: Clock) -> None:
        """Know none yet; *clock* dates the names of their sessions."""
        self._store, self._clock = store, clock
        self._known: OrderedDict[str, Thread] = OrderedDict()
        self._lock, self._beginning = Lock(), Lock()

    def ids(self) -> list[str]:
        """Return the ids of all threads."""
        return [name.parts[-1] for _, name in foreign.sessions_of(self._store, _AGENT)]

    def read(self, thread_id: str, look: Callable[[Thread], R]) -> R | None:
        """Return what *look* finds in the thread as it is now, or None where there is no such thread."""
        while (thread := self._find(thread_id)) is not None:
            try:
                with thread.lock, put_off():
                    thread.catch_up(self._store)
                    return thread.ask(self._store, look)
            except NotFoundError:
                self._forget(thread_id)
        return None

    def append(self, thread_id: str, drafts: Sequence[Draft], *, on_key: KeyPolicy) -> None:
        """Append *drafts* to the thread's session, begun where it is not there: they rely on nothing that it holds."""
        while True:
            thread = self._begun(thread_id)
            try:
                self._commit(thread, Made(drafts), ANY, on_key)
            except NotFoundError:  # deleted by another: the thread begins anew
                self._forget(thread_id)
            else:
                return

    def put(self, thread_id: str, describe: Callable[[Thread], Made]) -> None:
        """Append what *describe* makes of the thread. It is asked again where something that it may rely on was taken away.

        What else others append meanwhile does not matter to it: their events take nothing back.
        """
        while True:
            thread = self._begun(thread_id)
            made: Made | None = None
            drops = expect = -1
            try:
                while True:
                    with thread.lock:
                        if made is not None or not thread.seq:
                            thread.catch_up(self._store)
                        if made is None or drops != thread.drops:
                            made, drops = thread.ask(self._store, describe), thread.drops
                        expect = thread.seq
                    try:
                        self._commit(thread, made, expect, "replace")
                    except HeadMovedError:
                        continue
                    return
            except NotFoundError:
                self._forget(thread_id)

    def drop(self, thread_id: str, choose: _dropping.Choose, codec: Codec, *, said: bool) -> None:
        """Take checkpoints away for good, with their writes and, if *said*, with what was said in them alone.

        First one event takes them out of sight and makes whole what is left; then their contents are erased. What is
        interrupted in between is in the way of nobody, and erased by the next drop.
        """
        while (thread := self._find(thread_id)) is not None:
            try:
                with thread.lock:
                    thread.catch_up(self._store)
                    first = self._store.info(thread.session).first
                    decide = partial(_dropping.decide, choose=choose, codec=codec, shared=first - 1, said=said)
                    body, found = thread.ask(self._store, decide)
                    expect = thread.seq
                if body is not None:
                    self._commit(thread, Made([Draft(DROPPED, body, actor=_AGENT, key=foreign.DROPPED)]), expect, "replace")
                self._erase(thread, first, found)
            except HeadMovedError:
                continue
            except NotFoundError:  # deleted: nothing is left to drop
                self._forget(thread_id)
            else:
                return

    def copy(self, source: str, target: str) -> None:
        """Begin the thread *target* with all that *source* has, shared with it. An unknown source is no error.

        Raises:
            ExistsError: there is such a thread already.
        """
        while (thread := self._find(source)) is not None:
            try:
                head = self._store.info(thread.session).head
                origin = {"session": thread.session, "seq": head.seq, "digest": head.digest}
                point = ForkPoint(thread.session, *head)
                begun = foreign.begin(
                    self._store, _name(target), Draft("session.forked", {"parent": origin}), clock=self._clock, fork=point
                )
            except ExistsError as e:
                raise ExistsError("thread", target) from e
            except NotFoundError:
                self._forget(source)
                continue
            if not self._dropped_since(thread.session, head.seq):
                return
            self._store.delete(begun.session)  # what it shares may have been erased before it was there to keep it

    def delete(self, thread_id: str) -> None:
        """Take a thread away. One that is not there is no error."""
        session = foreign.find(self._store, _name(thread_id))
        self._forget(thread_id)
        if session is not None:
            try:
                self._store.delete(session)
            except NotFoundError:
                return  # another was faster

    # --- inside

    def _commit(self, thread: Thread, made: Made, expect: int, on_key: KeyPolicy) -> None:
        if made.drafts:
            commit: Commit = self._store.append(thread.session, made.drafts, expect=expect, on_key=on_key)
            with thread.lock:
                thread.take_own(made, commit)

    def _erase(self, thread: Thread, first: int, said: set[int]) -> None:
        """Erase what nothing needs any more: contents, then earlier drops, which keep them out of sight until then."""
        with thread.lock:
            thread.catch_up(self._store)
            contents, drops = thread.ask(self._store, partial(_dropping.dead, first=first, said=said))
        if not contents and not drops:
            return
        shared = max([first - 1, *self._shared(thread.session)])
        drops = drops if shared < first else set()  # others may read what these keep out of sight
        for seqs in filter(None, ({seq for seq in contents if seq > shared}, drops)):
            self._store.erase(thread.session, sorted(seqs), {"why": "dropped from the thread", "by": _AGENT})

    def _shared(self, session: str) -> Iterator[int]:
        """Yield the positions up to which others share the session's events."""
        for other in self._store.sessions():
            try:
                lineage = self._store.lineage(other)
            except NotFoundError:  # deleted meanwhile
                continue
            yield from (point.seq for point in lineage if point.session == session)

    def _dropped_since(self, session: str, seq: int) -> bool:
        try:
            return any(event.kind == DROPPED for event in self._store.read(session, after=seq, blobs=False))
        except NotFoundError:  # a deleted one keeps what it shares
            return False

    def _begun(self, thread_id: str) -> Thread:
        while (thread := self._find(thread_id)) is None:
            with self._beginning:  # a graph writes from several threads, and each would use a session's number up
                if self._find(thread_id) is None:
                    foreign.ensure(self._store, _name(thread_id), clock=self._clock)
        return thread

    def _find(self, thread_id: str) -> Thread | None:
        with self._lock:
            thread = self._known.get(thread_id)
            if thread is not None:
                self._known.move_to_end(thread_id)
                return thread
        session = foreign.find(self._store, _name(thread_id))
        if session is None:
            return None
        with self._lock:
            thread = self._known.setdefault(thread_id, Thread(session))
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
            return thread

    def _forget(self, thread_id: str) -> None:
        with self._lock:
            self._known.pop(thread_id, None)


def _name(thread_id: str) -> Foreign:
    return Foreign(_AGENT, (thread_id,))
