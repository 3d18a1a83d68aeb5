"""What an import makes of one session: what was appended, what is new, what could not be read."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from segue.core.errors import InvalidEventError
from segue.core.log.events import Commit, Draft
from segue.core.session.limits import LIMITED
from segue.ports import Noted, Store

if TYPE_CHECKING:
    from segue.engine.capture.carrying import Link

_NAMED: Final = 20_000
"""Losses of a session that an import names; those beyond are counted. All of them are events."""


class Gathered:
    """What an import makes of one session."""

    def __init__(self, store: Store, session: str) -> None:
        """Begin with nothing."""
        self._store = store
        self.session = session
        self.new = 0
        self.head = 0
        """The number of its last event, as far as this import wrote it."""
        self._losses: list[Noted] = []
        self._more = 0
        self.link: Link | None = None
        self.position: dict[str, Any] | None = None
        """How far the file was read when the session was begun with that."""
        self.limited = False
        """An agent stopped at a limit, and that is new."""

    def append(self, drafts: Sequence[Draft]) -> None:
        """Append *drafts*; of one that cannot be written, the record is kept."""
        try:
            commit = self._store.append(self.session, drafts)
        except (InvalidEventError, RecursionError) as e:
            if len(drafts) == 1:
                self._append_whatever(drafts[0], str(e))
                return
            half = len(drafts) // 2  # one event that cannot be written hides no other
            self.append(drafts[:half])
            self.append(drafts[half:])
            return
        self.add(drafts, commit)

    def add(self, drafts: Sequence[Draft], commit: Commit) -> None:
        """Take in what became of an append of *drafts*."""
        self.head = commit.head.seq
        for draft, entry in zip(drafts, commit.entries, strict=True):
            if not entry.new:
                continue
            self.new += 1
            self.limited = self.limited or (draft.kind == "agent.set" and draft.body.get("status") == LIMITED)
            if draft.kind == "loss" and draft.body.get("piece", 1) == 1:
                self.lose(Noted(draft.body["where"], draft.body["reason"]))

    def lose(self, noted: Noted) -> None:
        """Note a loss: by name, or of a file that is all damage at least in number."""
        if len(self._losses) < _NAMED:
            self._losses.append(noted)
        else:
            self._more += 1

    def told(self) -> tuple[Noted, ...]:
        """Return the losses."""
        more = f"{self._more:,} more places could not be read: segue log {self.session} --kind loss"
        return (*self._losses, *([Noted(self.session, more)] if self._more else []))

    def _append_whatever(self, draft: Draft, reason: str) -> None:
        """Keep the record of an event that cannot be written: its place in the conversation, and its bytes."""
        source = draft.source or {}
        where = f"{source.get('file', '')}:{source.get('line', 0)}"
        kept = draft._replace(kind="record", body={"type": draft.kind})
        loss = Draft("loss", {"where": where, "reason": f"kept, not interpreted: {reason}"}, draft.actor, at=draft.at)
        for drafts in (
            [kept, loss._replace(key=f"{draft.key}:loss")],
            [loss._replace(key=draft.key, source=draft.source)],
            [loss],
        ):
            try:
                commit = self._store.append(self.session, drafts)
            except (InvalidEventError, RecursionError):
                continue
            self.head = commit.head.seq
            if new := sum(e.new for e in commit.entries):
                self.new += new
                self.lose(Noted(where, loss.body["reason"]))
            return
