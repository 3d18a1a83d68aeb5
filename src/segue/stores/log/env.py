"""What the logs of one store have in common, and one append as it is asked for."""

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from segue.core.errors import OutcomeUnknownError, SegueError
from segue.core.log.codec import Content, encode_content
from segue.core.log.events import ANY, Commit, Draft, KeyPolicy
from segue.ports import Clock, Ids
from segue.stores.log.blobs import Blobs
from segue.stores.log.cipher import PLAIN, Cipher
from segue.stores.log.files import Sync
from segue.stores.log.locks import DEFAULT_TIMEOUT

if TYPE_CHECKING:
    from segue.core.log.keys import Planned


class Env:
    """The clock, the ids, the blobs, how bytes become durable and unreadable for others, and who is told of closed segments."""

    def __init__(
        self,
        *,
        clock: Clock,
        ids: Ids,
        blobs: Blobs,
        sync: Sync,
        relaxed: bool,
        lock_timeout: float = DEFAULT_TIMEOUT,
        cipher: Cipher = PLAIN,
    ) -> None:
        """Keep them."""
        self.clock = clock
        self.ids = ids
        self.blobs = blobs
        self.sync = sync
        self.relaxed = relaxed
        self.lock_timeout = lock_timeout
        self.cipher = cipher
        self.rolled: Callable[[str], None] = _nobody
        """Told when a segment was closed: there is something to seal."""

    def request(
        self, drafts: Sequence[Draft], expect: int = ANY, on_key: KeyPolicy = "ignore", fence: int | None = None
    ) -> "Request":
        """Return an append of *drafts*, encoded, their large values durable. Raises InvalidEventError."""
        contents = [encode_content(draft, self.ids.salt()) for draft in drafts]
        request = Request(drafts, contents, expect, on_key, fence)
        large = [content.blobs for content in contents if content.blobs]
        if large:
            request.hold = self.blobs.hold()
            try:
                for blobs in large:
                    for name, data in blobs.items():
                        self.blobs.put(name, data)
            except BaseException:
                request.let_go()
                raise
        return request


class Request:
    """One append: what is asked, what was decided, and what became of it."""

    __slots__ = ("begins", "commit", "contents", "drafts", "error", "expect", "fence", "hold", "ids", "on_key", "planned")

    def __init__(
        self, drafts: Sequence[Draft], contents: Sequence[Content], expect: int, on_key: KeyPolicy, fence: int | None
    ) -> None:
        """Ask for *drafts*, whose encoded contents are *contents*."""
        self.drafts = drafts
        self.contents = contents
        self.expect = expect
        self.on_key = on_key
        self.fence = fence
        self.begins: Callable[[], bool] = _wanted
        """See `Asked.begins`."""
        self.planned: list[Planned] = []
        self.ids: list[str] = []
        """The ids of the events that it writes."""
        self.commit: Commit | None = None
        self.error: BaseException | None = None
        self.hold = -1
        """Keeps the large values from being taken away until the events that name them are there: see `Blobs.hold`."""

    def let_go(self) -> None:
        """End what keeps the large values; its outcome is known."""
        if self.hold >= 0:
            os.close(self.hold)
            self.hold = -1

    @property
    def settled(self) -> bool:
        """Whether there is an outcome."""
        return self.commit is not None or self.error is not None

    def fail(self, error: BaseException, *, asked: bool) -> None:
        """End with *error*, unless there is one; *asked*: it came up in the thread that asked for this append."""
        self.commit = None
        if self.error is None:
            known = asked or isinstance(error, (SegueError, OSError))
            self.error = (
                error
                if known
                else OutcomeUnknownError(
                    "append was interrupted: it may or may not be there", hint="append the same events with the same keys again"
                )
            )

    def result(self) -> Commit:
        """Return the commit, or raise what went wrong."""
        if self.error is not None:
            raise self.error
        assert self.commit is not None  # noqa: S101  (set with every outcome)
        return self.commit


def _wanted() -> bool:
    return True


def _nobody(_: str) -> None:
    """Is told, and does nothing."""
