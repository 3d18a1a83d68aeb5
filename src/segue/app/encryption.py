"""Wiring of encryption: the store's, its keys on this machine, and what of it lies in the clear elsewhere."""

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from segue.core.errors import SegueError, UsageError
from segue.core.log.storekeys import SIZE, from_text

if TYPE_CHECKING:
    from segue.app.wiring import App
    from segue.ports.backups import Backup
    from segue.ports.encryption import Encryption


class Secrecy:
    """The encryption of the configured store."""

    def __init__(self, app: "App") -> None:
        """Work for *app*."""
        self._app = app

    @property
    def encryption(self) -> "Encryption":
        """What encrypts the store. Raises UsageError where it is not in files."""
        from segue.stores.log.store import LogStore

        store = self._app.store
        if not isinstance(store, LogStore):
            raise UsageError(f"store {store.url!r} cannot be encrypted: it is not in files", hint="log:///directory")
        return store.encryption

    @property
    def key(self) -> str:
        """The name of the store's key, empty where it has none; the key itself is not asked for."""
        return self._key_at(Path(self._app.config["store"].removeprefix("log://")).expanduser())

    def new_key(self, variable: str | None = None) -> bytes:
        """Return a new key; with *variable*, that which the environment has there. Raises UsageError, WrongKeyError."""
        if variable is None:
            return os.urandom(SIZE)
        text = self._app.env.get(variable)
        if not text:
            raise UsageError(f"there is no key in the variable {variable}", hint=f"{variable}=$(segue key new) segue ...")
        return from_text(text)

    def keep(self, key: bytes, place: str) -> str:
        """Put *key* into a place of this machine; see `host.keys.keep`."""
        from segue.host.keys import keep
        from segue.stores.log.cipher import check_library

        check_library()  # a key that nothing can be done with is not left behind
        return keep(key, place)

    def rekey(self) -> list[str]:
        """Bring what lies beside the store to the key that it has now; return what stays as it is, and why."""
        return self._app.beside.rekey()

    def renew(self) -> None:
        """Have the mirror hold the store as it is now, and nothing of what it was under another key."""
        self._app.copies.renew_mirror()

    def backups_elsewhere(self) -> "list[Backup]":
        """Return the backups of the store that are not under its key: in the clear, or under another."""
        url, key = self._app.store.url, self.key
        with suppress(UsageError):
            found = [one for one in self._app.copies.backups().all() if one.store == url]
            return [one for one in found if self._key_at(Path(one.path, "store")) != key]
        return []

    def _key_at(self, store: Path) -> str:
        from segue.stores.log.cipher import SCHEME, read_scheme

        try:
            return read_scheme(store / SCHEME).key
        except (OSError, SegueError):
            return ""
