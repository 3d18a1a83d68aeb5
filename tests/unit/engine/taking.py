"""What tests of imports have in common: transcripts, and taking them in."""

import json
from collections import Counter
from pathlib import Path

from segue.engine.capture.importing import import_paths
from segue.testing import FakeClock
from segue.transcripts import transcripts

FIXTURES = Path(__file__).parents[2] / "fixtures" / "transcripts"
CLAUDE = FIXTURES / "claude"
PLAN = CLAUDE / "headless-plan.jsonl"


def run(store, *paths, **options):
    """Import *paths*."""
    return import_paths(store, transcripts(), [str(p) for p in paths], clock=FakeClock(), **options)


def line(uuid, parent, text, **more):
    """Return a line of a transcript of Claude Code's."""
    told = {"parentUuid": parent, "type": "user", "uuid": uuid, "sessionId": "s-1", "timestamp": "2026-01-15T09:30:00Z"}
    return json.dumps({**told, "message": {"role": "user", "content": text}, **more}) + "\n"


def kinds(store, session):
    """Return how many events of each kind a session has."""
    return Counter(e.kind for e in store.read(session))
