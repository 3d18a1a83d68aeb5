"""`segue append`: events come in, each acknowledged once it is on disk."""

import os
from collections.abc import Iterator
from typing import IO, Final

import click

from segue.cli.frame import Frame
from segue.cli.params import command as _command
from segue.core.errors import SegueError, UsageError
from segue.engine.capture.lines import LONGEST, Line, Saved, save

_CHUNK: Final = 1 << 20
_REFUSED: Final = 2


@_command("append", short_help="add events, each acknowledged once it is on disk")
@click.argument("session")
@click.option("--stdin", "from_stdin", is_flag=True, help="Read events as JSON Lines from standard input.")
@click.option("--kind", help="Append one event of this kind ...")
@click.option("--body", metavar="JSON", help="... with this body.")
@click.option("--actor", default="", help="Who did it.")
@click.option("--key", help="Idempotency key: the same event again adds nothing.")
@click.option(
    "--on-key",
    type=click.Choice(["ignore", "replace", "refuse"]),
    default="ignore",
    help="Where a key is known: add nothing, add a revision, or refuse.",
)
def command(
    frame: Frame, session: str, from_stdin: bool, kind: str | None, body: str | None, actor: str, key: str | None, on_key: str
) -> int:
    """Append events to SESSION and print {"seq": N} for each, in order, once it is on disk.

    With --stdin, each line is {"kind": ..., "body": {...}} with an optional "actor" and "key"; also "stream", "node",
    "parent", "at" and "source". Lines that arrive together are written together, with one sync. Empty lines are passed over.

    A line that is no event is named on standard error with its number, and the rest goes on; the exit code is then 2.
    """
    target = frame.app.resolve(session).session
    if from_stdin == bool(kind):
        raise UsageError("an append takes either --stdin, or --kind and --body", hint="segue append --help")
    batches = _stdin(frame.stdin) if from_stdin else iter([[_one(kind or "", body, actor, key)]])
    refused = False
    for saved in save(frame.app.store, target, batches, on_key=on_key):  # type: ignore[arg-type]
        if saved.error is None:
            frame.record({"seq": saved.seq})
        else:
            refused = True
            frame.fail(_located(saved, saved.error) if from_stdin else saved.error)
    return _REFUSED if refused else 0


def _one(kind: str, body: str | None, actor: str, key: str | None) -> Line:
    import json

    try:
        value = json.loads(body or "{}")
    except (ValueError, RecursionError) as e:
        raise UsageError(f"the body is not JSON: {e}", hint='quote it for the shell: --body \'{"text": "..."}\'') from e
    event = {"kind": kind, "body": value, "actor": actor} | ({"key": key} if key else {})
    return Line(1, json.dumps(event).encode())


def _located(saved: Saved, error: SegueError) -> SegueError:
    found = type(error).__new__(type(error))
    SegueError.__init__(found, f"line {saved.line}: {error.message}", hint=error.hint, line=saved.line, **error.fields)
    return found


def _stdin(stream: IO[bytes]) -> Iterator[list[Line]]:
    """Yield the lines that have arrived, together; wait where there is none. A line without end counts at the end of input."""
    parts: list[bytes] = []  # of a line whose end has not come
    size, number, skipping = 0, 0, False
    while chunk := _read(stream):
        first, *others = chunk.split(b"\n")
        batch: list[Line] = []
        if not skipping:
            parts.append(first)
            size += len(first)
            if others or size > LONGEST:  # one too long is refused now; what is left of it is not kept
                number += 1
                batch.append(Line(number, b"".join(parts)))
                parts, size = [], 0
                skipping = not others
        if others:
            skipping = False
            for data in others[:-1]:
                number += 1
                batch.append(Line(number, data))
            parts, size = [others[-1]], len(others[-1])
        if batch:
            yield batch
    if size:
        yield [Line(number + 1, b"".join(parts))]


def _read(stream: IO[bytes]) -> bytes:
    try:
        return os.read(stream.fileno(), _CHUNK)
    except (OSError, ValueError):  # not a file of the system's: a test's
        return stream.read(_CHUNK)
