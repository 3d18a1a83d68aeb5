"""Events for tests: drafts written as a store writes them, without a store."""

from collections.abc import Sequence

from segue.core.log.codec import decode_line, encode_content, encode_line, genesis
from segue.core.log.events import Draft, Event
from segue.core.log.ids import uuid7
from segue.core.log.times import stamp

SESSION = "01890000-0000-7000-8000-000000000001"
START = 1_768_467_600.0
"""2026-01-15T09:00:00Z."""


def written(
    drafts: Sequence[Draft],
    *,
    session: str = SESSION,
    after: int = 0,
    prev: str | None = None,
    start: float = START,
    step: float = 60.0,
) -> list[Event]:
    """Return the events that appending *drafts* gives: chained, verified, *step* seconds apart where they have no time."""
    events: list[Event] = []
    last = genesis(session) if prev is None else prev
    for seq, draft in enumerate(drafts, after + 1):
        at = start + (seq - 1) * step
        id_ = uuid7(int(at * 1000), seq.to_bytes(10, "big"))
        content = encode_content(draft, f"{seq:032x}")
        line, last = encode_line(draft, content, seq=seq, id=id_, at=draft.at or stamp(at), prev=last)
        events.append(decode_line(line, lambda name, blobs=content.blobs: blobs[name]))  # type: ignore[misc]
    return events
