"""All snapshots of this machine's workspaces: what they cost, and letting them go."""

import json
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from segue.core.errors import WorkspaceError
from segue.host.workspace.repository import Repository, write
from segue.host.workspace.vault import Vault
from segue.ports.workspace import GONE, Released


class GitSnapshots:
    """The repository of snapshots. See `ports.workspace.Snapshots`."""

    def __init__(self, home: Path, env: Mapping[str, str], vault: Vault | None = None) -> None:
        """Work with what is below *home*, in *vault* where it is not in the open; *env* is the user's environment."""
        place = home.absolute() / "workspaces"
        self._ours = Repository(place, str(place), env, vault)
        self._list = self._ours.path / "segue" / "released.json"

    def size(self, snapshots: Iterable[str]) -> int:
        """See `Snapshots.size`."""
        with self._ours.vault.opened(whole=True):
            return self._ours.size_of(snapshots) if self._ours.exists else 0

    def release(self, snapshots: Collection[Released]) -> None:
        """See `Snapshots.release`."""
        with self._ours.vault.opened():
            if not self._ours.exists:
                return
            with self._ours.alone():
                known = self._read()
                self._write([*known, *(one for one in snapshots if one not in known)])

    def released(self) -> list[Released]:
        """See `Snapshots.released`."""
        with self._ours.vault.opened():
            return self._read()

    def settle(self, snapshots: Collection[Released], keep: Collection[Released] = ()) -> int:
        """See `Snapshots.settle`."""
        kept = {one.id for one in keep}
        with self._ours.vault.opened(whole=True):
            if not self._ours.exists:
                return 0
            with self._ours.alone():
                freed, held = self._ours.forget({one.id for one in snapshots} - kept)
                self._write([one for one in self._read() if one not in snapshots or one.id in held])
            return freed

    def check(self, snapshots: Collection[str], *, every_byte: bool = False) -> dict[str, str]:
        """See `Snapshots.check`."""
        if not snapshots:
            return {}
        with self._ours.vault.opened(whole=True):
            if not self._ours.exists:
                return dict.fromkeys(snapshots, GONE)
            with self._ours.adding():
                gone = set(self._ours.lacking(snapshots))
                found = self._ours.broken(set(snapshots) - gone, every_byte=every_byte)
        return dict.fromkeys(gone, GONE) | found

    def _read(self) -> list[Released]:
        try:
            return [Released(*one) for one in json.loads(self._list.read_bytes())]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, TypeError) as e:
            raise WorkspaceError(self._ours.root, f"the list of snapshots that go cannot be read: {e}") from e

    def _write(self, released: list[Released]) -> None:
        try:
            if released:
                write(self._list, json.dumps(released).encode())
            else:
                self._list.unlink(missing_ok=True)
        except OSError as e:
            raise WorkspaceError(self._ours.root, f"the list of snapshots that go cannot be written: {e}") from e
