"""Records that form a tree, each in the same envelope: Claude Code's, and Qwen Code's, which took it over.

A record has a `uuid`, and in `parentUuid` that of the one before it; beside them `cwd`, `gitBranch`, `version` and, where
the conversation was copied, `forkedFrom`. A subagent's records have a file of their own, `agent-<id>.jsonl`; what it is and
how it fares stands beside that in `agent-<id>.meta.json`.
"""

import re
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any, ClassVar, Final

from segue.core.log.events import Draft
from segue.ports import Batch, Noted
from segue.transcripts._lines import read_head
from segue.transcripts._reading import File, Interpreter, JsonLinesReader, stem_of
from segue.transcripts._records import Drafts, Parsed, Place, dict_of, name_of, parse, text_of

_AGENT_FILE = re.compile(r"agent-(.+)\Z")
_META_LIMIT: Final = 64 * 1024


def agent_of(path: str) -> str:
    """Return the id of the subagent whose file *path* is by its name, empty where it is none's."""
    named = _AGENT_FILE.match(stem_of(path))
    return named[1] if named else ""


class TreeReader(JsonLinesReader):
    """Reads files of records in this envelope. See `ports.TranscriptReader`."""

    uuid: ClassVar[re.Pattern[str]]
    """What a session's id looks like."""

    def identify(self, path: str, head: bytes) -> str:
        """See `TranscriptReader.identify`: the file's name or its directory's where it is a UUID, else what the records say."""
        stem = stem_of(path)
        named = next(filter(self.uuid.match, (stem, self._directory(PurePath(path)))), "")
        told = (name_of(r, "sessionId") for r in self._records(head))
        return named or next(filter(None, told), stem)

    def read(
        self, path: str, foreign_id: str, position: Mapping[str, Any] | None = None, *, trusted: bool = False
    ) -> Iterator[Batch]:
        """See `TranscriptReader.read`. What `agent-<id>.meta.json` tells of a subagent comes after its records."""
        yield from super().read(path, foreign_id, position, trusted=trusted)
        meta = path.removesuffix(".gz").removesuffix(".jsonl") + ".meta.json"
        try:
            data = read_head(meta, _META_LIMIT)
        except OSError:
            return
        stream = self._subagent(path)
        if stream is None:
            return
        parsed = parse(data)
        if parsed.record is None:  # it may be half-written
            yield Batch(foreign_id, (), None, {}, noted=(Noted(meta, parsed.flaw),))
            return
        yield Batch(foreign_id, [self._told(parsed, data, stream, meta, foreign_id)], None, {})

    def told_of_subagent(self, data: bytes, path: str, meta: str, foreign_id: str) -> Draft:
        """Return the event of what is told of a subagent: *data*, said to stand at *meta*. *path* is its transcript's."""
        return self._told(parse(data), data, agent_of(path), meta, foreign_id)

    def _told(self, parsed: Parsed, data: bytes, stream: str, meta: str, foreign_id: str) -> Draft:
        draft = Draft("agent.set", self._about(parsed.record or {}, stream))
        place = Place(meta, 1, data, parsed.text)
        return Drafts(self.agent, self.version, foreign_id).sign(draft, place, f"{stream}.meta")

    def _about(self, meta: Mapping[str, Any], stream: str) -> dict[str, Any]:
        """Return who the subagent of a stream is, and which tool call started it."""
        kind, over = self._state(meta)
        told = {"tool_use_id": "toolUseId", "description": "description", "model": "model"}
        return {
            "name": f"{self.agent}/{stream}",
            "type": kind or "subagent",
            "status": "finished" if over else "running",
            "set": {"stream": stream} | {ours: value for ours, theirs in told.items() if (value := text_of(meta, theirs))},
        }

    @abstractmethod
    def _directory(self, path: PurePath) -> str:
        """Return the directory that is named after the session if *path* is a subagent's file, else empty."""

    @abstractmethod
    def _subagent(self, path: str) -> str | None:
        """Return the stream of the subagent whose file *path* is; None: it is none's."""

    @abstractmethod
    def _state(self, meta: Mapping[str, Any]) -> tuple[str, bool]:
        """Return a subagent's type, empty where it is not told, and whether it has ended."""


class TreeInterpreter(Interpreter):
    """What all records in this envelope mean."""

    def __init__(self, file: File, drafts: Drafts, state: Mapping[str, Any]) -> None:
        super().__init__(file, drafts, state)
        self._seen: set[str] = set()

    def _knows(self, uuid: str) -> bool:
        """Return whether a record of that id stands in the file so far."""
        if uuid not in self._seen:
            found = self._file.before(uuid.encode("utf-8", "replace"))
            if not any(record.get("uuid") == uuid for _, record in found):
                return False
            self._seen.add(uuid)
        return True

    def _orphan(self, parent: str, place: Place) -> Draft:
        """Return the loss that a record shows whose parent is not known."""
        reason = f"the record before it, {parent}, is not in the file; it follows the last one that is"
        return self._drafts.loss(place, reason, at=self.at, about=":parent", raw=False)

    def _learn(self, record: dict[str, Any], uuid: str) -> None:
        """Keep what the record tells of the session itself."""
        facts = self.facts
        if uuid and "root" not in facts:
            facts["root"] = uuid
        if "workspace" not in facts and (cwd := text_of(record, "cwd")):
            facts["workspace"] = cwd
        for fact, name in (("git_branch", "gitBranch"), ("agent_version", "version")):
            if record.get(name) != facts.get(fact) and (value := name_of(record, name)):  # most records tell what is known
                facts[fact] = value
        origin = dict_of(record, "forkedFrom")
        if origin and "forked_from" not in facts:
            facts["forked_from"] = {"foreign_id": name_of(origin, "sessionId"), "node": name_of(origin, "messageUuid")}
