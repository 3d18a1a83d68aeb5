"""Where copies of a store are: the store itself, its backups, and stores that were moved aside."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from segue.core.errors import SegueError
from segue.core.log.ids import is_uuid
from segue.ports.backups import Backups
from segue.ports.recovery import Source
from segue.stores.log.backup import manifest as manifests
from segue.stores.log.backup.restoring import ASIDE
from segue.stores.log.marks import is_deleted

KINDS = ("sessions", "scopes")
"""Directories of a store that hold logs."""


class Place(NamedTuple):
    """A copy of the store on disk."""

    kind: Literal["store", "backup", "aside"]
    root: Path
    tips: dict[str, manifests.Tip] | None
    """Where its logs end, where a manifest says so."""
    newest: str
    reason: str

    def logs(self) -> Iterator[str]:
        """Yield its logs, as `sessions/<id>` and `scopes/<hash>`; deleted ones are left out."""
        for kind in KINDS:
            try:
                names = sorted(os.listdir(self.root / kind))
            except OSError:
                continue
            for name in names:
                directory = self.root / kind / name
                if (kind == "scopes" or is_uuid(name)) and not is_deleted(directory) and (directory / "log").is_dir():
                    yield f"{kind}/{name}"

    def told(self, events: int, *, damaged: bool, missing: bool = False) -> Source:
        """Return what is reported of it."""
        sessions = sum(1 for one in self.logs() if one.startswith("sessions/"))
        state: Literal["intact", "damaged", "unreadable", "missing"] = (
            "missing" if missing else "damaged" if damaged or self.reason else "intact"
        )
        return Source(self.kind, str(self.root), state, sessions, events, self.newest, self.reason)


def places(store: Path, backups: Backups | None, *, any_store: bool) -> list[Place]:
    """Return the copies of *store*, itself first, then backups (*any_store*: of whatever store) and what was moved aside."""
    found = [Place("store", store, None, "", "")]
    if backups is None:
        return found
    for one in backups.all():
        if one.store != f"log://{store}" and not any_store:
            continue
        path = Path(one.path)
        try:
            found.append(Place("backup", path / manifests.STORE, dict(manifests.read(path).tips), one.newest, ""))
        except SegueError as e:
            found.append(Place("backup", path / manifests.STORE, None, one.newest, e.message))
    return found + [Place("aside", path, None, "", "") for path in _moved(store)]


def _moved(store: Path) -> list[Path]:
    prefix = f"{store.name}{ASIDE}"
    found = [p for p in store.parent.glob(f"{store.name}{ASIDE}*") if p.is_dir() and p.name[len(prefix) :].isdigit()]
    return sorted(found, key=lambda path: -int(path.name[len(prefix) :]))
