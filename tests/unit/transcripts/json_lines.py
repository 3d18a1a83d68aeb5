"""Files of records of JSON Lines for tests of readers and writers, and what is said once they are imported."""

import json
from pathlib import Path

from segue.core.session.tree import active_chain
from segue.engine.capture.importing import import_paths
from segue.stores.memory import MemoryStore
from segue.testing import FakeClock, FakeIds
from segue.transcripts import transcripts


def write(path, *records):
    """Write *records* as JSON Lines, and return the path."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(r) + "\n" for r in records))
    return path


def records_in(path):
    """Return the records of a file."""
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def rewritten(path, change):
    """Change the records of a file: in place, or to those that *change* returns."""
    records = records_in(path)
    return write(path, *(change(records) or records))


def said_in(*paths):
    """Return what is said, by whom, on the active line of the one session that files make together."""
    store = MemoryStore(clock=FakeClock(), ids=FakeIds())
    report = import_paths(store, transcripts(), map(str, paths), clock=FakeClock())
    (session,) = {s.id for s in report.sessions}
    return [
        (e.body["role"], p.get("content") or p.get("name") or p.get("response"))
        for e in active_chain(store.read(session))
        if e.kind == "message" and not e.body.get("meta")
        for p in e.body["parts"]
    ]
