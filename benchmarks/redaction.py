"""How fast secrets are looked for on the way in: in events as agents make them, and in plain texts."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.corpus import Conversation
from segue.core.redaction.known import of_environment
from segue.core.redaction.redactor import Redactor

ROOT = Path(__file__).resolve().parents[1]
_BATCH = 100
_BYTES = 4_000_000
_ENV = {
    "API_TOKEN": "1f0c52aa97d84e1b",
    "DB_PASSWORD": "pears-and-plums-7",
    "HOME": "/home/dev",
    "SIGNING_KEY": "Zm9vYmFyLWJhei1xdXV4",
}


def measure(count: int = 3) -> dict[str, dict[str, float]]:
    """Return bytes and CPU seconds (the least of *count*) for each kind of text, and those of parsing the same as JSON."""
    redactor = Redactor(of_environment(_ENV))
    events: list[Any] = []
    size = 0
    for drafts in Conversation().turns(10_000):
        events += [dict(draft.body) for draft in drafts]
        size += sum(len(json.dumps(draft.body, ensure_ascii=False)) for draft in drafts)
        if size > _BYTES:
            break
    batches = [events[i : i + _BATCH] for i in range(0, len(events), _BATCH)]
    texts = {
        "events of agents": batches,
        "events of agents, one at a time": [[event] for event in events],
        "Python": [[path.read_text(encoding="utf-8")] for path in sorted((ROOT / "src").rglob("*.py"))],
        "prose": [[path.read_text(encoding="utf-8") * 4] for path in sorted((ROOT / "docs").rglob("*.md"))],
    }
    return {name: _timed(redactor.redact_each, batches, count) for name, batches in texts.items()}


def _timed(redact: Callable[[list[Any]], Any], batches: list[list[Any]], count: int) -> dict[str, float]:
    written = [json.dumps(batch, ensure_ascii=False) for batch in batches]
    return {
        "bytes": sum(len(text.encode()) for text in written),
        "cpu": min(_cpu(lambda: [redact(batch) for batch in batches]) for _ in range(count)),
        "parse": min(_cpu(lambda: [json.loads(text) for text in written]) for _ in range(count)),
    }


def _cpu(call: Callable[[], object]) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start
