"""What holds for every reader whatever a file holds. A broken promise is an AssertionError, or an exception that nobody expects."""

import os
from pathlib import Path

from segue.core.log.codec import encode_content
from segue.core.log.events import Draft
from segue.core.log.kinds import is_node, validate
from segue.ports import TranscriptReader
from segue.testing.transcripts import Read, raw, read

HEAD = 256 * 1024
_GZIP = b"\x1f\x8b"
_NAME = 256
_TWICE = 4
"""One input of so many is read a second time."""

KINDS = {"message", "record", "compaction", "usage", "head.moved", "session.updated", "agent.set", "loss"}
"""All that a transcript may tell. Nothing in one begins, ends, merges or configures a session."""


def check(reader: TranscriptReader, file: Path, data: bytes, cut: int, *, lines: bool) -> None:
    """Read *data* as the *file*: at once, again, and where it is *lines* in two steps, *cut* bytes first as if it grew."""
    if data[:cut].rstrip(b"\0").endswith(b"}"):  # what looks like the last record may yet turn out to be half a line
        cut = data.find(b"\n", cut) + 1 or len(data)
    grows = lines and not data.startswith(_GZIP) and not data[:cut].startswith(_GZIP[: len(data[:cut])] or b"-")
    first = None
    if grows:
        put(file, data[:cut])
        first = read(reader, file)
    put(file, data)
    head = data[:HEAD]
    assert isinstance(reader.sniff(str(file), head), bool)
    identity = reader.identify(str(file), head)
    assert identity == str(file) or (identity.isprintable() and 0 < len(identity) <= _NAME), f"not an id: {identity!r}"

    whole = read(reader, file)

    for draft in whole.drafts:
        check_draft(draft)
    if cut % _TWICE == 0:
        assert read(reader, file) == whole, "reading twice gives something else"
    if lines and not data.startswith(_GZIP):
        _check_every_line_is_accounted_for(whole, data)
    if first is None:
        return
    second = read(reader, file, first.position)
    if second.position is None or (second.drafts and second.position == first.position):
        return  # a file that is read whole each time
    # losses aside: of NUL bytes behind a record one learns before the line is whole, or with it
    assert first.events + second.events == whole.events, f"in two steps, cut at {cut}, it reads otherwise"


def put(file: Path, data: bytes) -> None:
    """Make *data* the content of *file*. It is not emptied first: file systems then wait for the disk."""
    with os.fdopen(os.open(file, os.O_RDWR | os.O_CREAT, 0o600), "wb") as out:
        out.write(data)
        out.truncate()


def check_draft(draft: Draft) -> None:
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
