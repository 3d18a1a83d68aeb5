"""Codex runs a hook only when its user trusts it: a table per hook in `config.toml`, with the hook's digest.

Without it `codex exec` leaves the hook out in silence, and the terminal asks at the next start. Who says yes to `segue init`
has seen these lines, and the commands that they stand for. The digest is that of Codex 0.169: SHA-256 of the hook as JSON,
keys sorted.
"""

import json
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from segue.host.install.merging import Wanted, numbers

Tables = dict[tuple[str, ...], dict[str, str]]


def trust(hooks_file: Path, text: str, wanted: Wanted) -> Tables:
    """Return the tables of the user's configuration that trust our hooks as they stand in *text* of a hooks file."""
    found: Tables = {}
    for event, number in numbers(text, wanted).items():
        name = "".join(f"_{c.lower()}" if c.isupper() else c for c in event).lstrip("_")
        for place in _names(hooks_file):
            found["hooks", "state", f"{place}:{name}:{number}:0"] = {"trusted_hash": _digest(name, wanted.groups[event])}
    return found


def paths(text: str, hooks_file: Path, pieces: tuple[str, ...]) -> set[tuple[str, ...]]:
    """Return which tables in *text* are those that *pieces* put in."""
    from segue.host.install import tables

    state = tables.parse(text).get("hooks", {}).get("state", {})
    names = tuple(f"{place}:" for place in _names(hooks_file))
    return {
        ("hooks", "state", key)
        for key in state
        if key.startswith(names) and any(json.dumps(key, ensure_ascii=False) in p for p in pieces)
    }


def _names(hooks_file: Path) -> Iterator[str]:
    """Yield the file's name as Codex may know it: as it is, and with its directory's links resolved."""
    yield str(hooks_file)
    real = str(hooks_file.parent.resolve() / hooks_file.name)
    if real != str(hooks_file):
        yield real


def _digest(event: str, group: Mapping[str, Any]) -> str:
    (handler,) = group["hooks"]
    identity = {**group, "event_name": event, "hooks": [{"async": False, **handler}]}
    text = json.dumps(identity, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return f"sha256:{sha256(text.encode()).hexdigest()}"
