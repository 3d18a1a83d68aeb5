"""The index that is not kept: every question is answered from the logs themselves. Obvious, slow, correct.

It serves where Python came without SQLite's full text.
"""

import re
from collections.abc import Iterator
from typing import Any, Final, Literal, NamedTuple

from segue.core.errors import NotFoundError
from segue.core.log.dating import happened
from segue.core.log.events import Event
from segue.core.session.catalogue import PlaceRow, SessionRow, place_rows, session_row
from segue.core.session.refs import Target, resolve
from segue.core.session.words import is_about
from segue.engine.loading import load
from segue.ports import EVERYTHING, Filters, Hit, Hits, IndexStatus, Ranking, Spot, Store

_AROUND: Final = 80
_NOT_SAID: Final = frozenset({"id", "role", "type", "message_id", "finish_reason", "digest", "hash"})
_QUERY = re.compile(r'"([^"]*)"|(\S+)')


class _Which(NamedTuple):
    """Which events are looked at."""

    kind: str | None
    role: str | None
    file: str | None

    def has(self, event: Event) -> bool:
        """Return whether *event* is one of them."""
        if (self.kind and event.kind != self.kind) or (self.role and event.body.get("role") != self.role):
            return False
        return self.file is None or is_about(event, self.file)


class ScanIndex:
    """An `Index` that keeps nothing."""

    def __init__(self, store: Store) -> None:
        """Answer from *store*."""
        self._store = store

    def catch_up(self) -> int:
        """See `Index.catch_up`: there is nothing to take in."""
        return 0

    def sessions(
        self, filters: Filters = EVERYTHING, *, text: str = "", limit: int | None = None, offset: int = 0
    ) -> list[SessionRow]:
        """See `Index.sessions`."""
        rows = [r for r in self._rows() if fits(r, filters) and _has(r, text)]
        rows.sort(key=lambda r: (r.last_activity, r.id), reverse=True)
        return rows[offset:] if limit is None else rows[offset : offset + limit]

    def session(self, session: str) -> SessionRow:
        """See `Index.session`."""
        return session_row(load(self._store, session, on_damage=_pass))

    def offspring(self, session: str) -> list[SessionRow]:
        """See `Index.offspring`."""
        origins = {session, *self.session(session).foreign_ids}
        rows = [r for r in self._rows() if r.id != session and (r.parent == session or r.origin in origins)]
        return sorted(rows, key=lambda r: (r.created, r.id))

    def resolve(self, ref: str, *, workspace: str = "") -> Target:
        """See `Index.resolve`."""
        return resolve(ref, self._rows(), places=self.places(), workspace=workspace)

    def places(self, session: str | None = None) -> list[PlaceRow]:
        """See `Index.places`."""
        names = self._store.sessions() if session is None else [session]
        found = [p for name in names for p in place_rows(load(self._store, name, on_damage=_pass))]
        return sorted(found, key=lambda p: (p.at, p.seq), reverse=True)

    def search(
        self,
        query: str,
        filters: Filters = EVERYTHING,
        *,
        kind: str | None = None,
        role: str | None = None,
        file: str | None = None,
        limit: int = 20,
        order: Literal["newest", "best"] = "newest",
    ) -> Hits:
        """See `Index.search`. Newest and best are the same here: every match has all words, as they stand, and counts them."""
        words = [(a or b).lower() for a, b in _QUERY.findall(query) if a or b]
        rows = [row for row in self._rows() if words and fits(row, filters)]
        hits = self._once(rows, words, _Which(kind, role, file))
        hits.sort(key=lambda h: (h.score, h.at) if order == "best" else (h.at, h.score), reverse=True)
        return Hits(hits[:limit], len(hits) > limit, None)

    def rank(
        self,
        query: str,
        filters: Filters = EVERYTHING,
        *,
        kind: str | None = None,
        role: str | None = None,
        file: str | None = None,
        limit: int = 1_000,
    ) -> Ranking:
        """See `Index.rank`: the hits alone."""
        found = self.search(query, filters, kind=kind, role=role, file=file, limit=limit, order="best")
        return Ranking([Spot(hit.session, hit.seq, 0, hit.score) for hit in found.hits], None)

    def rebuild(self) -> int:
        """See `Index.rebuild`: there is nothing to make anew."""
        return 0

    def status(self) -> IndexStatus:
        """See `Index.status`."""
        sessions = sum(1 for _ in self._store.sessions())
        return IndexStatus("", "none", "", 0, sessions, 0, 0, 0, "", "this Python has no full text", guarded=False)

    def shortfall(self) -> str:
        """See `Index.shortfall`."""
        return ""

    def close(self) -> None:
        """See `Index.close`."""

    def _rows(self) -> list[SessionRow]:
        found = []
        for name in self._store.sessions():
            try:
                found.append(self.session(name))
            except NotFoundError:  # deleted meanwhile
                continue
        return found

    def _once(self, rows: list[SessionRow], words: list[str], which: "_Which") -> list[Hit]:
        """Return each place once: as its own session's, else as the oldest fork's that reads it."""
        found: dict[str, Hit] = {}
        firsts = {row.id: self._store.info(row.id).first for row in rows}
        spans = [(row, firsts[row.id] - 1, None) for row in rows] + [(row, 0, firsts[row.id] - 1) for row in rows]
        for row, after, upto in sorted(spans, key=lambda span: (span[2] is not None, span[0].id)):
            for event, hit in self._hits(row, after, upto, words, which):
                found.setdefault(event, hit)
        return list(found.values())

    def _hits(
        self, row: SessionRow, after: int, upto: int | None, words: list[str], which: "_Which"
    ) -> Iterator[tuple[str, Hit]]:
        for event in self._store.read(row.id, after=after, upto=upto, on_damage=_pass):
            if not which.has(event):
                continue
            said = "\n".join(texts_of(event))
            low = said.lower()
            if all(w in low for w in words):
                score = float(sum(low.count(w) for w in words))
                role_ = event.body.get("role")
                yield (
                    event.id,
                    Hit(
                        row.id,
                        event.seq,
                        happened(event),
                        event.kind,
                        role_ if isinstance(role_, str) else "",
                        event.actor,
                        _snippet(said, words[0]),
                        score,
                    ),
                )


def fits(row: SessionRow, filters: Filters) -> bool:
    """Return whether a catalogue's row is one that *filters* are about."""
    return (
        (filters.session is None or row.id == filters.session)
        and (not filters.status or row.status in filters.status)
        and (filters.organisation is None or row.organisation == filters.organisation)
        and (filters.project is None or row.project == filters.project)
        and (filters.type is None or row.type == filters.type)
        and (filters.agent is None or filters.agent in row.agents)
        and (filters.workspace is None or row.workspace == filters.workspace)
        and (filters.owner is None or row.owner == filters.owner)
        and (filters.tag is None or filters.tag in row.tags)
        and (filters.since is None or row.last_activity >= filters.since)
        and (filters.until is None or row.last_activity < filters.until)
    )


def texts_of(event: Event) -> Iterator[str]:
    """Yield what an event says in words: every text of its body, however deep, but for what only links or names its shape."""
    stack: list[Any] = [event.body]
    while stack:
        value = stack.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            stack.extend(item for name, item in reversed(value.items()) if name not in _NOT_SAID)
        elif isinstance(value, list):
            stack.extend(reversed(value))


def _has(row: SessionRow, text: str) -> bool:
    said = "\n".join((row.name, row.slug, row.title, row.task, row.project, *row.tags, *row.foreign_ids)).lower()
    return text.lower() in said


def _snippet(said: str, word: str) -> str:
    at = max(said.lower().find(word), 0)
    begin, end = max(at - _AROUND, 0), at + len(word) + _AROUND
    cut = f"{said[begin:at]}[{said[at : at + len(word)]}]{said[at + len(word) : end]}"
    return " ".join(("…" if begin else "").split() + cut.split() + ("…" if end < len(said) else "").split())


def _pass(_damage: object) -> None:
    """Damage is for `validate`."""
