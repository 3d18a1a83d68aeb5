"""What holds for every reader whatever a file holds. A broken promise is an AssertionError, or an exception that nobody expects."""

from pathlib import Path

from segue.core.log.codec import encode_content
from segue.core.log.events import Draft
from segue.core.log.kinds import is_node, validate
from segue.ports import TranscriptReader
from segue.testing.transcripts import Read, raw, read

HEAD = 256 * 1024
_GZIP = b"\x1f\x8b"

KINDS = {"message", "record", "compaction", "usage", "head.moved", "session.updated", "agent.set", "loss"}
"""All that a transcript may tell. Nothing in one begins, ends, merges or configures a session."""


def check(reader: TranscriptReader, file: Path, data: bytes, cut: int, *, lines: bool) -> None:
    """Write *data* into *file* and read it: at once, again, and in two steps, *cut* bytes first where it is *lines*."""
    file.write_bytes(data)
    head = data[:HEAD]
    assert isinstance(reader.sniff(str(file), head), bool)
    assert isinstance(reader.identify(str(file), head), str)

    whole = read(reader, file)

    for draft in whole.drafts:
        _check_draft(draft)
    assert read(reader, file) == whole, "reading twice gives something else"
    if not lines or data.startswith(_GZIP):
        return
    _check_every_line_is_accounted_for(whole, data)
    if data[:cut].rstrip(b"\0").endswith(b"}"):  # what looks like the last record may yet turn out to be half a line
        cut = data.find(b"\n", cut) + 1 or len(data)
    file.write_bytes(data[:cut])
    first = read(reader, file)
    file.write_bytes(data)
    second = read(reader, file, first.position)
    if second.position is None or (second.drafts and second.position == first.position):
        return  # a file that is read whole each time
    if not data[:cut].startswith(_GZIP[: len(data[:cut])]):
        # losses aside: of NUL bytes behind a record one learns before the line is whole, or with it
        assert first.events + second.events == whole.events, f"in two steps, cut at {cut}, it reads otherwise"


def _check_draft(draft: Draft) -> None:
    assert draft.kind in KINDS, f"a transcript made an event of kind {draft.kind!r}"
    assert draft.kind != "session.updated" or set(draft.body) == {"title"}, f"a record changed {sorted(draft.body)}"
    validate(draft.kind, draft.body)
    encode_content(draft, "0" * 32)
    source = draft.source or {}
    assert source.get("agent"), "an event does not name its source"
    assert draft.key, "an event has no key"
    assert draft.node or not is_node(draft.kind), "a node has no name"


def _check_every_line_is_accounted_for(found: Read, data: bytes) -> None:
    """Each line that is not blank stands verbatim with an event, a loss, or is the torn end that is waited for."""
    *lines, last = data.split(b"\n")
    kept = {raw(draft) for draft in found.drafts if {"raw", "raw_b64"} & set(draft.source or {})}
    wanted = {_bare(line) for line in lines} - {b""}
    assert wanted <= kept, f"lost without a word: {min(wanted - kept)[:200]!r}"
    if _bare(last) and _bare(last) not in kept:
        assert found.noted, f"a torn end is not noted: {last[:200]!r}"


def _bare(line: bytes) -> bytes:
    line = line.rstrip(b"\r")
    return b"" if line.isspace() else line.strip(b"\0")
