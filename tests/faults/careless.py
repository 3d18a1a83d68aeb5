"""Operations that leave out one care, each of which the sweep has to catch: else it is blind to it."""

import functools
import json
import os
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from segue.core.log.events import Draft
from tests.faults.world import Call


def _telling(work: Callable[[Call], None]) -> Callable[[Call], int]:
    """Let what the system refuses end in a sentence, so that an operation is caught for what it leaves out alone."""

    @functools.wraps(work)
    def call(call: Call) -> int:
        try:
            work(call)
        except OSError as e:
            call.err.write(f"error: {e}\n")
            return 1
        return 0

    return call


def short_write_unseen(call: Call) -> None:
    """An append that does not look at how much was written."""
    from segue.stores.log import ending, files, tail

    for module in (files, ending, tail):
        if hasattr(module, "write_all"):
            module.write_all = os.write  # type: ignore[attr-defined]
    _appends(call)


@_telling
def written_in_place(call: Call) -> None:
    """A file of the user's that is written from its beginning, in place."""
    path = call.world.user / "settings.json"
    known = json.loads(path.read_text() or "{}")
    with path.open("w", buffering=1) as file:
        file.write(json.dumps({**known, "hooks": "ours"}))


@_telling
def listed_first(call: Call) -> None:
    """A sum of the sizes of files that were listed before."""
    logs = sorted((call.world.store / "sessions").glob("*/log/*"))
    call.out.write(f"{sum(path.stat().st_size for path in logs)} bytes\n")


def told_before(call: Call) -> None:
    """An append that is acknowledged before it is written."""
    call.out.write("acked careless\n")
    call.out.flush()
    _appends(call)


@_telling
def left_over(call: Call) -> None:
    """A temporary file with a name of its own, which nobody ever looks for."""
    path = call.world.home / "export"
    temporary = path.with_name(f"export-{os.getpid()}-being-written")
    temporary.write_text("x" * 100)
    temporary.chmod(0o600)
    with suppress(FileNotFoundError):
        temporary.rename(path)


def raw_error(call: Call) -> None:
    """A database whose errors are nobody's."""
    with sqlite3.connect(call.world.home / "own.sqlite") as db:
        os.chmod(call.world.home / "own.sqlite", 0o600)  # noqa: PTH101  (once it is there)
        db.execute("create table if not exists a (b)")
        db.execute("insert into a values (1)")
    db.close()


def _appends(call: Call) -> None:
    app = call.app()
    (first, *_) = app.store.sessions()
    app.store.append(first, [Draft("fault.text", {"text": "careless " + "x" * 500}, key="careless")])
    app.close()


def settings(path: Path) -> None:
    """Make the user's file that `written_in_place` rewrites."""
    (path / "settings.json").write_text(json.dumps({"theirs": "x" * 300}))
