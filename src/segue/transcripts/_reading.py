"""From a JSON Lines file to events: what readers of all agents have in common."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import PurePath
from typing import Any, Final, NamedTuple

from segue.core.log.events import MAIN, Draft
from segue.ports import Batch, Noted
from segue.ports.transcripts import EMPTY
from segue.transcripts._limits import Limits
from segue.transcripts._lines import Line, Lines, line_of, open_file
from segue.transcripts._records import ODD, Drafts, Place, count_of, dict_of, digest, odd, parse, time_of

_BATCH_EVENTS: Final = 500
_BATCH_BYTES: Final = 4 * 1024 * 1024
_HEAD_RECORDS: Final = 50

Before = Callable[[bytes], Iterator[tuple[Place, dict[str, Any]]]]
"""Yields the records before this stretch whose line holds some bytes, with their places."""


def _none_before(needle: bytes) -> Iterator[tuple[Place, dict[str, Any]]]:
    del needle
    yield from ()


def stem_of(path: str) -> str:
    """Return a file's name without what says that it is JSON Lines, packed or not."""
    return PurePath(path).name.removesuffix(".gz").removesuffix(".jsonl")


class File(NamedTuple):
    """What an interpreter may know of the file: its name, whose it is, its earlier records."""

    path: str
    foreign_id: str
    before: Before = _none_before


class Interpreter(ABC):
    """What one agent's records mean: no file, no clock. `state` is all that the next stretch needs of this one."""

    facts: dict[str, Any]
    """Fields of the session's header, as known so far."""
    at: str | None
    """The latest time that a record told."""

    def __init__(self, file: File, drafts: Drafts, state: Mapping[str, Any]) -> None:
        """Go on with *file* from the `state` of the stretch before; at its start that is empty."""
        self.at = time_of(state.get("at"))
        self.facts = dict(dict_of(state, "facts"))
        self._file = file
        self._drafts = drafts

    @abstractmethod
    def events(self, record: dict[str, Any], place: Place) -> Iterable[Draft]:
        """Return the record's event, and the losses that it shows."""

    @abstractmethod
    def unread(self, record: dict[str, Any], place: Place) -> Draft:
        """Return the event of a record that could not be interpreted."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Return what the next stretch must know, as JSON."""

    def replay(self, records: Iterable[tuple[Place, dict[str, Any]]]) -> None:
        """Go through *records* for what they leave known; their events are made already."""
        for place, record in records:
            try:
                for _ in self.events(record, place):
                    pass
            except ODD:  # as when it was read
                self.unread(record, place)


class JsonLinesReader(ABC):
    """Reads an agent's JSON Lines files. See `ports.TranscriptReader`."""

    agent: str
    version: str

    @abstractmethod
    def sniff(self, path: str, head: bytes) -> bool:
        """See `TranscriptReader.sniff`."""

    @abstractmethod
    def identify(self, path: str, head: bytes) -> str:
        """See `TranscriptReader.identify`."""

    @abstractmethod
    def _recognise(self, record: Mapping[str, Any]) -> bool:
        """Return whether *record* is a whole record of this agent."""

    @abstractmethod
    def _interpreter(self, file: File, drafts: Drafts, state: Mapping[str, Any]) -> Interpreter:
        """Return what interprets the file from *state* on."""

    def read(
        self, path: str, foreign_id: str, position: Mapping[str, Any] | None = None, *, trusted: bool = False
    ) -> Iterator[Batch]:
        """See `TranscriptReader.read`."""
        with open_file(path) as opened:
            lines = Lines(opened, position, trusted=trusted)
            state = position.get("state") if position and not lines.rewritten else None
            file = File(path, foreign_id, lambda needle: self._before(path, lines, needle))
            drafts = Drafts(self.agent, self.version, foreign_id)
            meaning = self._interpreter(file, drafts, state if isinstance(state, dict) else {})
            limits = Limits(self.agent, _limits_of(position) if not lines.rewritten else {})
            told = dict(meaning.facts)
            found: list[Draft] = []
            if position and lines.rewritten:
                about = f":rewritten:{position.get('digest')}"
                found.append(drafts.loss(Place(path, 0, b"", None), lines.rewritten, about=about, raw=False))
            size, start = 0, lines.offset
            for line in lines.read(lambda data: parse(data).record is not None):
                found += self._line(meaning, drafts, path, line, limits)
                size += len(line.data)
                if len(found) >= _BATCH_EVENTS or size >= _BATCH_BYTES:
                    yield self._batch(lines, meaning, limits, foreign_id, found, told)
                    told, found, size, start = dict(meaning.facts), [], 0, lines.offset
            noted = () if not lines.torn else (Noted(f"{path}:{lines.number + 1}", lines.torn),)
            if not lines.offset and not noted:
                noted = (Noted(path, EMPTY),)
            if found or noted or lines.offset != start:
                yield self._batch(lines, meaning, limits, foreign_id, found, told, noted)

    def _batch(
        self,
        lines: Lines,
        meaning: Interpreter,
        limits: Limits,
        foreign_id: str,
        drafts: list[Draft],
        told: dict[str, Any],
        noted: tuple[Noted, ...] = (),
    ) -> Batch:
        facts = {k: v for k, v in meaning.facts.items() if told.get(k) != v}
        began = next((d.at for d in drafts if d.at), None)
        position = lines.position() | {"state": meaning.state()}
        if told_limits := limits.state():
            position["limits"] = told_limits
        return Batch(foreign_id, drafts, position, facts, began, noted)

    def handed(self, file: File, state: Mapping[str, Any]) -> "Handed":
        """Return *file* as a transcript that is handed over record by record, from the `state` of an earlier stretch."""
        return Handed(self, file, state)

    def _line(
        self, meaning: Interpreter, drafts: Drafts, path: str, line: Line, limits: Limits | None = None, name: str = ""
    ) -> Iterator[Draft]:
        data = line.data.strip(b"\0")
        if line.piece:
            yield _piece(drafts, Place(path, line.number, data, name=name), line.piece, meaning.at)
            return
        if len(data) < len(line.data):
            yield drafts.nul(Place(path, line.number, data, name=name), len(line.data) - len(data), at=meaning.at)
        if not data:
            return
        parsed = parse(data, self._recognise)
        place = Place(path, line.number, data, parsed.text, name)
        if parsed.record is None:
            yield drafts.loss(place, parsed.flaw, at=meaning.at)
            return
        if parsed.flaw:
            yield drafts.loss(place, parsed.flaw, at=meaning.at, about=":flaw", raw=False)
        try:
            events = list(meaning.events(parsed.record, place))
            status = limits and limits.notice(parsed.record, meaning.at, said=any(map(_is_said, events)))
            yield from events
            if status:
                yield drafts.beside(Draft("agent.set", status, at=meaning.at), place, ":limit")
        except ODD as e:
            yield meaning.unread(parsed.record, place)
            yield drafts.loss(place, odd(e), at=meaning.at, about=":shape", raw=False)

    def _before(self, path: str, lines: Lines, needle: bytes) -> Iterator[tuple[Place, dict[str, Any]]]:
        for line in lines.before(needle):
            data = line.data.rstrip(b"\r").strip(b"\0")
            record = parse(data, self._recognise).record
            if record is not None:
                yield Place(path, line.number, data), record

    def _says_nothing(self, head: bytes) -> bool:
        """Return whether no line of a file's *head* is JSON: whose it is, its name must tell."""
        lines = head.split(b"\n")[:_HEAD_RECORDS]
        return all(parse(data.strip(b"\0\r")).record is None for data in lines if data)

    def _records(self, head: bytes) -> Iterator[dict[str, Any]]:
        """Yield the first whole records of a file's *head*."""
        for data in head.split(b"\n")[:_HEAD_RECORDS]:
            record = parse(data.strip(b"\0\r"), self._recognise).record if data else None
            if record is not None and self._recognise(record):
                yield record


class Handed:
    """A transcript that is handed over record by record: what `read` makes of a file, without the file.

    A record without an id of its own is called by its content, since nobody knows at which line of a file it stands.
    """

    def __init__(self, reader: JsonLinesReader, file: File, state: Mapping[str, Any]) -> None:
        """Go on from the `state` of the stretch before; at its start that is empty."""
        self._reader, self._path = reader, file.path
        self._drafts = Drafts(reader.agent, reader.version, file.foreign_id)
        self._meaning = reader._interpreter(file, self._drafts, dict_of(state, "state"))  # noqa: SLF001  (its other half)
        self._limits = Limits(reader.agent, dict_of(state, "limits"))
        self._line = count_of(state, "line")

    @property
    def facts(self) -> dict[str, Any]:
        """Fields of the session's header, as known so far."""
        return self._meaning.facts

    def take(self, data: bytes, path: str = "") -> list[Draft]:
        """Return the events of the next record, whose JSON *data* is; *path* is where it is said to stand."""
        self._line += 1
        found: list[Draft] = []
        for line in line_of(self._line, data):
            name = called(line.data)
            found += self._reader._line(self._meaning, self._drafts, path or self._path, line, self._limits, name)  # noqa: SLF001
        return found

    def state(self) -> dict[str, Any]:
        """Return what the next stretch must know, as JSON."""
        return {"line": self._line, "state": self._meaning.state(), "limits": self._limits.state()}


def called(data: bytes, number: int = 1) -> str:
    """Return what a record without an id is called by its content: the *number*-th of its transcript with that content."""
    return f"={digest(data)}.{number}"


def _limits_of(position: Mapping[str, Any] | None) -> Mapping[str, Any]:
    found = (position or {}).get("limits")
    return found if isinstance(found, dict) else {}


def _is_said(draft: Draft) -> bool:
    return draft.kind == "message" and draft.stream == MAIN and draft.body.get("role") == "assistant"


def _piece(drafts: Drafts, place: Place, piece: int, at: str | None) -> Draft:
    try:
        place = place._replace(text=place.data.decode())
    except UnicodeDecodeError:
        place = place._replace(text=None)
    reason = "longer than can be read: its bytes are kept in pieces"
    found = drafts.loss(place, reason, at=at, about=f":piece-{piece}")
    return found._replace(body={**found.body, "piece": piece})
