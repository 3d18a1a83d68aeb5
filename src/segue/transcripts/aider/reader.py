"""aider's chat history, `.aider.chat.history.md`: Markdown in which the beginnings of lines say who speaks.

Seen in 0.86.2 and read in its source: `#### ` begins what the user typed, `> ` what aider itself notes, `# aider chat started
at` a run; all else is the model's. A blank line ends what the user typed. What the model quotes with `> ` cannot be told from a
note, by aider neither. The file is one session: aider restores all of it. Its edits are told in notes, its calls not at all.
"""

import re
import zlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from hashlib import blake2b
from math import isfinite
from pathlib import Path, PurePath
from typing import IO, Any, Final, NamedTuple

from segue.core.log.events import Draft
from segue.ports import Batch, Noted
from segue.transcripts._lines import open_file
from segue.transcripts._records import Drafts, Place, count_of, dict_of, digest, short, text_of, time_of, without_raw

AGENT: Final = "aider"
MARK: Final = "# segue "
"""What a line begins with that says of which session a history was written; aider passes over it."""
_NAME: Final = ".aider.chat.history.md"
_TYPED: Final = ".aider.input.history"
_START = re.compile(rb"# aider chat started at (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)")
_OURS = re.compile(rb"(?:\A|\n)# segue ([0-9a-f-]{36}) ")
_NOTES: Final = (
    (re.compile(r"Applied edit to (.+)"), "edit"),
    (re.compile(r"Added (.+) to the chat\b"), "read"),
    (re.compile(r"Running (.+)"), "run"),
    (re.compile(r"Commit [0-9a-f]{7,40} "), "commit"),
)
"""A note of aider's -> what was done."""
_TOKENS = re.compile(r"Tokens: ([\d.,]+k?) sent(?:, ([\d.,]+k?) cache write)?(?:, ([\d.,]+k?) cache hit)?, ([\d.,]+k?) received")
_COST = re.compile(r"Cost: \$([\d.]+) message")
_MODEL = re.compile(r"(?:Main model|Model): (\S+)")
_VERSION = re.compile(r"Aider v([\w.+-]+)")
_CHUNK: Final = 256 * 1024
_PIECE: Final = 8 * 1024 * 1024
"""A line of more bytes is read in pieces of about as many."""
_MAX_BLOCK: Final = 8 * 1024 * 1024
_BATCH_EVENTS: Final = 500
_BATCH_BYTES: Final = 4 * 1024 * 1024
_MOST_TYPED: Final = 8 * 1024 * 1024


class Aider:
    """Reads aider's chat history. See `ports.TranscriptReader`."""

    agent = AGENT
    version = "1"

    def sniff(self, path: str, head: bytes) -> bool:
        """See `TranscriptReader.sniff`."""
        return PurePath(path).name.endswith(_NAME) or bool(_START.match(head.lstrip(b"\xef\xbb\xbf\r\n\t ")))

    def identify(self, path: str, head: bytes) -> str:
        """See `TranscriptReader.identify`: a history has no other id than its file's name, unless segue wrote it."""
        ours = _OURS.search(head[:1024])
        return ours[1].decode() if ours else path

    def read(
        self, path: str, foreign_id: str, position: Mapping[str, Any] | None = None, *, trusted: bool = False
    ) -> Iterator[Batch]:
        """See `TranscriptReader.read`. The last block may grow: until another one follows it is read again, as a revision."""
        del trusted
        with open_file(path) as file:
            yield from _History(path, foreign_id, file, position or {}).batches()


class _Block(NamedTuple):
    """Lines that belong together, and where they stand."""

    kind: str
    line: int
    offset: int
    data: bytes


class _History:
    """Makes the events of one file."""

    def __init__(self, path: str, foreign_id: str, file: IO[bytes], position: Mapping[str, Any]) -> None:
        self._path = path
        self._foreign_id = foreign_id
        self._file = file
        self._make = Drafts(AGENT, Aider.version, foreign_id)
        self._hash = blake2b(digest_size=16)
        self._rewritten = self._resume(position) if position else ""
        state = dict_of(position, "state") if position and not self._rewritten else {}
        self._line = count_of(position, "line") if state else 0
        self._offset = count_of(position, "offset") if state else 0
        self._tail = text_of(state, "tail")
        place = {"workspace": str(PurePath(path).parent)} if PurePath(path).name == _NAME else {}
        self._facts: dict[str, Any] = dict(dict_of(state, "facts")) or place
        self._told: dict[str, Any] = dict(self._facts) if state else {}
        self._asked = bool(state.get("asked"))
        self._at = time_of(state.get("at"))
        self._typed = _Typed(path, count_of(state, "typed"))
        self._torn = b""
        self._drafts: list[Draft] = []
        self._size = 0
        self._began: str | None = None

    def _resume(self, position: Mapping[str, Any]) -> str:
        """Compare what was read before with what stands there now, and go behind it; else return what is wrong."""
        left = position.get("offset")
        if not isinstance(left, int) or isinstance(left, bool) or not 0 <= left < 1 << 62 or "state" not in position:
            return "where its reading stopped is not known; the file is read again"
        whole = left
        while left > 0 and (data := _chunk(self._file, min(left, _CHUNK))):
            self._hash.update(data)
            left -= len(data)
        if not left and self._hash.hexdigest() == position.get("digest"):
            return ""
        self._file.seek(0)
        self._hash = blake2b(digest_size=16)
        if left:
            return f"cut short: {whole} bytes were read of it, it has {whole - left}; what was read is kept"
        return f"rewritten: the {whole} bytes that were read of it have changed; what was read is kept"

    def batches(self) -> Iterator[Batch]:
        """Yield what follows; the position stands before the last block, which may grow."""
        if self._rewritten:
            about = f":rewritten:{digest(self._rewritten.encode())}"
            self._drafts.append(self._make.loss(Place(self._path, 0, b"", None), self._rewritten, about=about, raw=False))
        started = self._line
        last: _Block | None = None
        for block in self._blocks():
            if last is not None:
                self._take(last)
                self._tail = ""
            self._offset, self._line = block.offset, block.line - 1
            last = block
            if len(self._drafts) >= _BATCH_EVENTS or self._size >= _BATCH_BYTES:
                yield self._batch()
        before = (self._at, self._typed.count, self._asked)
        if last is not None:
            self._take(last)
            self._tail = digest(last.data)
        noted = (Noted(f"{self._path}:{self._line}", _torn(self._torn)),) if self._torn else ()
        if last is None and not started and not self._offset and not self._torn:
            noted = (Noted(self._path, "empty file"),)
        if self._drafts or noted:
            yield self._batch(noted, before)

    # --- blocks

    def _blocks(self) -> Iterator[_Block]:
        """Yield the blocks from here on; the hash is of what stands before the one that was yielded last."""
        held: list[bytes] = []
        passed: list[bytes] = []
        """What stands before the next block and is not in the hash yet."""
        kind = ""
        number, offset = self._line, self._offset
        start, begins, size = number + 1, offset, 0
        for line in _lines(self._file):
            if not line.endswith(b"\n") and len(line) < _PIECE:
                self._torn = line
                break
            here = _kind(line)
            number += 1
            starts = here and (here != kind or here == "start" or size > _MAX_BLOCK)
            if kind and (starts or (not here and kind != "answer")):
                passed = [b"".join(held)]
                yield _Block(kind, start, begins, _trimmed(passed[0]) if kind == "answer" else passed[0])
                kind, held, size = "", [], 0
            if here and not kind:
                kind, start, begins = here, number, offset
                self._hash.update(b"".join(passed))
                passed = []
            (held if kind else passed).append(line)
            size += len(line)
            offset += len(line)
        if kind:
            whole = b"".join(held)
            yield _Block(kind, start, begins, _trimmed(whole) if kind == "answer" else whole)

    # --- what they mean

    def _take(self, block: _Block) -> None:
        """Add a block's events, unless it is the one that was the last before and has not grown."""
        known = len(self._drafts)
        self._interpret(block)
        if digest(block.data) == self._tail:
            del self._drafts[known:]

    def _interpret(self, block: _Block) -> None:
        flaw = ""
        try:
            text = raw = block.data.decode()
        except UnicodeDecodeError as e:
            raw, text = None, block.data.decode("utf-8", "replace")
            flaw = f"not UTF-8 at byte {e.start}: shown as U+FFFD, the bytes are kept"
        place = Place(self._path, block.line, block.data, raw)
        if flaw:
            self._drafts.append(self._make.loss(place, flaw, at=self._at, about=":flaw", raw=False))
        self._drafts += self._meaning(block.kind, text.removeprefix("\ufeff"), place)
        self._size += len(block.data)

    def _meaning(self, kind: str, text: str, place: Place) -> Iterator[Draft]:
        node = f"@{place.line}"
        if kind == "start":
            started = _START.search(place.data)
            self._at = _local(started[1].decode()) if started else self._at
            self._began = self._began or self._at
            self._asked = place.text is not None and place.text.startswith(MARK)
            yield self._sign(Draft("record", {"type": "chat"}, node=node), place)
        elif kind == "note":
            yield from self._note(text, node, place)
        elif kind == "user":
            self._asked = True
            said = "\n".join(line[5:].removesuffix("\r").removesuffix("  ") for line in text.removesuffix("\n").split("\n"))
            yield self._sign(Draft("message", _body("user", said), "user", node=node), place)
        elif not self._asked:  # a command line of several lines, which aider notes when it begins
            yield self._sign(Draft("record", {"type": "note"}, node=node), place)
        else:
            body = _body("assistant", text.strip("\n"))
            if model := text_of(self._facts, "model"):
                body["model"] = model
            yield self._sign(Draft("message", body, node=node), place)

    def _note(self, text: str, node: str, place: Place) -> Iterator[Draft]:
        """Yield what aider notes: what was done, what it cost, with which model."""
        lines = [line[2:].strip() for line in text.split("\n") if line.startswith("> ")]
        effects = [effect for line in lines if (effect := _effect(line))]
        body: dict[str, Any] = {"type": "note"}
        if effects:
            body = _body("tool", "\n".join(lines)) | {"meta": True, "effects": effects}
        yield self._sign(Draft("message" if effects else "record", body, node=node), place)
        for line in lines:
            for fact, pattern in (("model", _MODEL), ("agent_version", _VERSION)):
                if found := pattern.match(line):
                    self._facts[fact] = short(found[1], 200)
            if usage := _usage(line):
                usage["message_id"] = node
                if model := text_of(self._facts, "model"):
                    usage["model"] = model
                yield without_raw(self._make.sign(Draft("usage", usage, at=self._at), place, f"{node}:usage"))

    def _sign(self, draft: Draft, place: Place) -> Draft:
        at = self._at
        if draft.actor == "user":
            said = draft.body["parts"][0]["content"]
            at = self._at = self._typed.when(said) or self._at
            if "title" not in self._facts and not said.startswith("/") and (title := short(said)):
                self._facts["title"] = title
        return self._make.sign(draft._replace(at=at), place)

    def _batch(self, noted: tuple[Noted, ...] = (), before: tuple[str | None, int, bool] | None = None) -> Batch:
        facts = {k: v for k, v in self._facts.items() if self._told.get(k) != v}
        found, self._drafts, self._size = self._drafts, [], 0
        self._told = dict(self._facts)
        at, typed, asked = before or (self._at, self._typed.count, self._asked)
        state = {"tail": self._tail, "facts": self._facts, "at": at, "typed": typed, "asked": asked}
        position = {"offset": self._offset, "line": self._line, "digest": self._hash.hexdigest(), "state": state}
        return Batch(self._foreign_id, found, position, facts, self._began, noted)


class _Typed:
    """When the user typed what: aider keeps that beside, in `.aider.input.history`, of prompts on a terminal."""

    def __init__(self, path: str, count: int) -> None:
        self.count = count
        """How many of the prompts there were found in the chat's history."""
        self._found: list[tuple[str, str]] = []
        file = Path(path).with_name(_TYPED)
        try:
            with open_file(str(file)) as opened:
                self._found = list(_prompts(opened.read(_MOST_TYPED).decode("utf-8", "replace")))
        except OSError:
            return

    def when(self, said: str) -> str | None:
        """Return when the next prompt that reads *said* was typed, or None."""
        for i in range(self.count, len(self._found)):
            if self._found[i][1].strip() == said.strip():
                self.count = i + 1
                return _local(self._found[i][0])
        return None


def _prompts(text: str) -> Iterator[tuple[str, str]]:
    """Yield the time and text of each prompt: `# <time>`, then its lines, each behind a `+`."""
    held: list[str] = []
    at = ""
    for line in text.split("\n"):
        if line.startswith("# "):
            if held:
                yield at, "\n".join(held)
            at, held = line[2:21], []
        elif line.startswith("+"):
            held.append(line[1:])
    if held:
        yield at, "\n".join(held)


def _trimmed(data: bytes) -> bytes:
    """Return a block without the blank lines behind it: whether there are some is known when the next one begins."""
    end = data.find(b"\n", len(data.rstrip())) + 1
    return data[:end] if end else data


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    """Yield the lines from here on, each with its newline but for a torn one; one that is too long in pieces."""
    rest = b""
    while data := _chunk(file):
        lines = (rest + data).split(b"\n")
        rest = lines.pop()
        yield from (line + b"\n" for line in lines)
        if len(rest) >= _PIECE + 4:
            end = len(rest) - next((n for n in (1, 2, 3) if rest[-n] >= 0xC0), 0)  # not within a character
            yield rest[:end]
            rest = rest[end:]
    if rest:
        yield rest


def _chunk(file: IO[bytes], size: int = _CHUNK) -> bytes:
    """Return the next bytes; what follows a damage of a packed file cannot be read."""
    try:
        return file.read(size)
    except (EOFError, zlib.error):
        return b""


def _kind(line: bytes) -> str:
    """Return whose a line is; empty for a blank one."""
    if line.startswith(b"> "):
        return "note"
    if line.startswith(b"#"):
        if line.startswith(b"#### "):
            return "user"
        if _START.match(line) or line.startswith(MARK.encode()):
            return "start"
    return "answer" if line.strip() else ""


def _body(role: str, said: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": said}]}


def _effect(line: str) -> dict[str, Any] | None:
    for pattern, op in _NOTES:
        if found := pattern.match(line):
            return {"op": op, "path": found[1]} if op in {"edit", "read"} else {"op": op}
    return None


def _usage(line: str) -> dict[str, Any]:
    """Return the tokens of a note; aider counts in thousands from 1,000 on."""
    found = _TOKENS.search(line)
    if found is None:
        return {}
    sent, written, hit, received = (_count(found[i]) for i in range(1, 5))
    usage: dict[str, Any] = {"input_tokens": sent + written + hit, "output_tokens": received, "cache_read_tokens": hit}
    if written:
        usage["cache_write_tokens"] = written
    if cost := _COST.search(line):
        usage["cost_usd"] = _dollars(cost[1])
    return usage


def _dollars(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        return 0.0
    return found if isfinite(found) else 0.0


def _count(text: str | None) -> int:
    figure = (text or "0").rstrip("k").replace(",", "")
    try:
        found = float(figure) * (1000 if (text or "").endswith("k") else 1)
    except ValueError:
        return 0
    return round(found) if isfinite(found) else 0


def _local(text: str) -> str | None:
    """Return a time that was written down without a zone: this machine's."""
    try:
        return time_of(datetime.fromisoformat(text).astimezone(UTC).isoformat())
    except (ValueError, OverflowError, OSError):
        return None


def _torn(data: bytes) -> str:
    return f"torn last line: {len(data)} bytes without a newline; it is read when it is whole"
