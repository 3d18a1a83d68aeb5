"""Saving what others say: JSON Lines become events, each acknowledged once it is on disk."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from segue.core.errors import IllegalTransitionError, InvalidEventError, SegueError
from segue.core.log.events import ABSENT, MAIN, Draft, KeyPolicy
from segue.core.log.kinds import validate
from segue.engine.sessions import append
from segue.ports import Store

LONGEST: Final = 64 << 20
"""Bytes of a line. A longer one is refused, whatever is in it."""

_TEXTS: Final = ("actor", "stream", "node", "key", "at")
_FIELDS: Final = frozenset({"kind", "body", "parent", "source", *_TEXTS})


class Line(NamedTuple):
    """A line of input: its number from 1, and its bytes without the line's end."""

    number: int
    data: bytes


class Saved(NamedTuple):
    """What became of one line: the number of its event (and whether it is new), or why it was refused."""

    line: int
    seq: int | None
    new: bool
    error: SegueError | None


def save(store: Store, session: str, lines: Iterable[Sequence[Line]], *, on_key: KeyPolicy = "ignore") -> Iterator[Saved]:
    """Append batches of lines, one durable write each, and yield what became of every line that is not empty, in order.

    A line that is no event is refused by itself; the others of its batch are written. What is yielded with a number is on disk.

    Raises:
        NotFoundError, StorageFullError, OutcomeUnknownError: nothing after the last line that was yielded is acknowledged.
    """
    for batch in lines:
        parsed = [(line.number, _try(line)) for line in batch if line.data.strip()]
        yield from _append(store, session, parsed, on_key)


def draft_of(data: bytes) -> Draft:
    """Return the event that a line of JSON describes: `kind`, `body`, and optionally `actor`, `key`, `stream`, `node`,
    `parent`, `at`, `source`.

    Raises:
        InvalidEventError: it is not such a line; the reason says why.
    """
    if len(data) > LONGEST:
        raise InvalidEventError(f"the line is longer than {LONGEST} bytes")
    value = _json(data)
    if not isinstance(value, dict):
        raise InvalidEventError("the line is not a JSON object")
    kind, body = value.get("kind"), value.get("body", {})
    if not isinstance(kind, str):
        raise InvalidEventError("the line lacks a kind")
    unknown = sorted(value.keys() - _FIELDS)
    if unknown:
        raise InvalidEventError(f"the line has a field {unknown[0]!r}; what an event says goes into its body", kind=kind[:80])
    for name in _TEXTS:
        if not isinstance(value.get(name, ""), (str, type(None))):
            raise InvalidEventError(f"its {name} is not text", kind=kind[:80])
    if isinstance(body, dict):
        validate(kind, body)
    return Draft(
        kind,
        body,
        actor=value.get("actor") or "",
        stream=value.get("stream") or MAIN,
        node=value.get("node"),
        parent=value.get("parent", ABSENT),
        key=value.get("key"),
        at=value.get("at"),
        source=value.get("source"),
    )


def _append(store: Store, session: str, parsed: Sequence[tuple[int, Draft | SegueError]], on_key: KeyPolicy) -> Iterator[Saved]:
    drafts = [draft for _, draft in parsed if isinstance(draft, Draft)]
    try:
        entries = iter(append(store, session, drafts, on_key=on_key).entries if drafts else ())
    except (InvalidEventError, IllegalTransitionError) as e:  # one of them: found by writing each by itself
        if len(drafts) == 1:
            parsed = [(n, e if isinstance(draft, Draft) else draft) for n, draft in parsed]
            yield from (Saved(n, None, False, error) for n, error in parsed if isinstance(error, SegueError))
            return
        for one in parsed:
            yield from _append(store, session, [one], on_key)
        return
    for number, draft in parsed:
        if isinstance(draft, SegueError):
            yield Saved(number, None, False, draft)
        else:
            entry = next(entries)
            yield Saved(number, entry.seq, entry.new, None)


def _try(line: Line) -> Draft | SegueError:
    try:
        return draft_of(line.data)
    except InvalidEventError as e:
        return e


def _json(data: bytes) -> Any:
    try:
        return json.loads(data.decode(), parse_constant=_refuse)
    except UnicodeDecodeError as e:
        raise InvalidEventError(f"the line is not UTF-8 at byte {e.start + 1}") from e
    except RecursionError as e:
        raise InvalidEventError("the line is nested too deep") from e
    except ValueError as e:
        raise InvalidEventError(f"the line is not JSON: {e}") from e


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON number")
