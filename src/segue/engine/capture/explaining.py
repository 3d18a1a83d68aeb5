"""Why a file is not in the log, or how it is: what was looked for, what was found, and what to do about it."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from segue.core.errors import SegueError
from segue.core.log.events import MAIN
from segue.core.session.catalogue import SessionRow
from segue.engine.capture.importing import Importer
from segue.ports import Clock, Found, Store, Transcripts
from segue.ports.seen import Seen
from segue.ports.transcripts import EMPTY, Asked


class Why(NamedTuple):
    """What there is to say of one file."""

    path: str
    verdict: str
    """`imported`, `behind`, `torn`, `rewritten`, `new`, `empty`, `stranger`, `excluded`, `unreadable`, `deleted`, `missing`."""
    why: tuple[str, ...]
    """In sentences."""
    hint: str = ""
    agent: str = ""
    foreign_id: str = ""
    session: str = ""
    records: int = 0
    """Of the file, in the session."""
    first: int = 0
    last: int = 0
    """The first and last event that they are."""
    subagent: str = ""
    """The stream of the session that the file is, where it is not the main one."""
    losses: tuple[str, ...] = ()
    asked: tuple[Asked, ...] = ()
    """Of a file that is nobody's: each reader, and why it is not its own."""

    def to_json(self) -> dict[str, Any]:
        """Return the shape that `--json` prints."""
        return {**self._asdict(), "asked": [a._asdict() for a in self.asked]}


class _Kept(NamedTuple):
    """The records of one file in a session."""

    records: int = 0
    first: int = 0
    last: int = 0
    streams: tuple[str, ...] = ()
    losses: tuple[str, ...] = ()


def explain(
    store: Store, transcripts: Transcripts, path: str, rows: Iterable[SessionRow], seen: Seen, *, clock: Clock
) -> Iterator[Why]:
    """Yield what there is to say of the file at *path*, or of each file in that directory. Nothing is changed.

    Args:
        store: the log.
        transcripts: who knows whose a file is.
        path: absolute.
        rows: the catalogue, to find the session of a file that is gone.
        seen: what earlier imports saw.
        clock: see `Importer`.
    """
    importer = Importer(store, clock=clock)
    nothing = True
    for file in transcripts.find([path], others=True):
        nothing = False
        if not transcripts.stamp(file.path) and file.reader is None:
            yield _gone(store, file, rows, seen)
        elif file.reader is None:
            yield _nobodys(transcripts, file)
        else:
            yield _somebodys(store, transcripts, importer, file)
    if nothing:
        yield Why(path, "missing", ("the directory holds no file of a transcript's kind",))


def _nobodys(transcripts: Transcripts, file: Found) -> Why:
    if not file.stranger:
        return Why(file.path, "unreadable", (file.reason,), "check its permissions, then: segue import " + file.path)
    if file.reason.startswith("excluded"):
        return Why(file.path, "excluded", (file.reason,), "segue config set import.exclude ...")
    try:
        asked = tuple(transcripts.ask(file.path))
    except OSError as e:
        return Why(file.path, "unreadable", (f"cannot be read: {e.strerror or e}",))
    return Why(file.path, "stranger", (file.reason,), f"if you know better: segue import {file.path} --agent NAME", asked=asked)


def _gone(store: Store, file: Found, rows: Iterable[SessionRow], seen: Seen) -> Why:
    """Return what is known of a file that is not there: its records may still be in the log."""
    sighting = seen.get(file.path)
    sessions = [sighting.session] if sighting and sighting.session else []
    sessions += [row.id for row in rows if any(f and f in file.path for f in row.foreign_ids)]
    for session in dict.fromkeys(sessions):
        kept = _kept(store, session, file.path)
        if kept.records:
            return _about(
                Why(file.path, "deleted", ("the file is gone; all that was read of it is in the log",)), session, kept
            )._replace(hint=f"segue restore-transcript {session}")
    return Why(file.path, "missing", ("there is no such file, and no session has records of one",), "segue list --found")


def _somebodys(store: Store, transcripts: Transcripts, importer: Importer, file: Found) -> Why:
    reader = file.reader
    assert reader is not None  # noqa: S101
    about = Why(file.path, "new", (), f"segue import {file.path}", reader.agent, file.foreign_id)
    session = importer.session_of(file)
    position = importer.position_of(session, file) if session else None
    try:
        batch = next(iter(reader.read(file.path, file.foreign_id, position)), None)
    except OSError as e:
        return about._replace(verdict="unreadable", why=(f"cannot be read: {e.strerror or e}",))
    noted = batch.noted if batch is not None else ()
    reasons = tuple(n.reason for n in noted)
    if session is None:
        if EMPTY in reasons:
            return about._replace(verdict="empty", why=("the file is empty: the agent has not written anything yet",), hint="")
        if batch is not None and not batch.drafts and noted:
            return about._replace(verdict="torn", why=reasons)
        return about._replace(why=("it was not imported yet",))
    kept = _kept(store, session, file.path)
    about = _about(about, session, kept)
    told = [f"it belongs to session {session} as its subagent {about.subagent}"] if about.subagent else []
    if position is None:
        told.append("the session is in the log, this file was never read into it")
        return about._replace(why=tuple(told))
    rewritten = next((d.body["reason"] for d in batch.drafts if _is_rewritten(d)), "") if batch is not None else ""
    if rewritten:
        return about._replace(verdict="rewritten", why=(*told, rewritten, "the next import reads it again from its start"))
    if batch is not None and batch.drafts and batch.position is not None:
        more = transcripts.size(file.path)[0] - importer.read_to(session, file)
        much = f"{more:,} bytes were" if more > 0 else "more was"
        return about._replace(verdict="behind", why=(*told, f"{much} written to it since it was last imported"))
    if not kept.records:
        told.append("its records are in the session from another file, where the same ones stood before")
    if reasons:
        return about._replace(verdict="torn", why=(*told, *reasons), hint="")
    return about._replace(verdict="imported", why=(*told, "all of it is in the log"), hint=f"segue log {session}")


def _about(why: Why, session: str, kept: _Kept) -> Why:
    subagents = [s for s in kept.streams if s != MAIN]
    only = subagents[0] if subagents and MAIN not in kept.streams else ""
    return why._replace(
        session=session, records=kept.records, first=kept.first, last=kept.last, subagent=only, losses=kept.losses
    )


def _is_rewritten(draft: Any) -> bool:
    return draft.kind == "loss" and ":rewritten:" in (draft.source or {}).get("record", "")


def _kept(store: Store, session: str, path: str) -> _Kept:
    """Return which of a session's events are records of the file at *path*."""
    found = _Kept()
    streams: dict[str, None] = {}
    losses: list[str] = []
    try:
        for event in store.read(session, blobs=False, on_damage=lambda _: None):
            if not event.source or event.source.get("file") != path:
                continue
            found = found._replace(records=found.records + 1, first=found.first or event.seq, last=event.seq)
            if event.kind == "loss":
                losses.append(f"{event.body.get('where')}: {event.body.get('reason')}")
            else:
                streams[event.stream] = None
    except SegueError:
        return found
    return found._replace(streams=tuple(streams), losses=tuple(losses))
