"""Which store a URL means, opened."""

from pathlib import Path
from typing import TypeVar

from segue.core.errors import UsageError
from segue.ports import Clock, Ids, Store
from segue.ports.keys import Keys
from segue.ports.redaction import Redactor

S = TypeVar("S", bound=Store)


def open_store(
    url: str, clock: Clock, ids: Ids, durability: str = "strict", keys: Keys | None = None, redactor: Redactor | None = None
) -> Store:
    """Return the store of a URL (`log:///directory`, `memory://`) or path, opened. With a *redactor* no secret gets into it.

    Raises:
        UsageError: there is no such kind of store.
        StoreTooNewError, StoreUnusableError, WrongKeyError: see `LogStore`.
    """
    scheme, colon, rest = url.partition("://")
    if not colon:
        scheme, rest = "log", str(Path(url).expanduser().absolute())
    if scheme == "memory":
        from segue.stores.memory import MemoryStore

        return _kind(MemoryStore, redactor)(clock=clock, ids=ids)
    if scheme == "log":
        if not rest.startswith("/") or "\0" in rest:
            raise UsageError(f"store {url!r} cannot be opened: its directory is not absolute", hint="log:///absolute/directory")
        from segue.stores.log.store import LogStore

        return _kind(LogStore, redactor)(rest, clock=clock, ids=ids, durability=durability, keys=keys)
    raise UsageError(f"store {url!r} cannot be opened: there is no {scheme!r} store", hint="log:///directory or memory://")


def _kind(kind: type[S], redactor: Redactor | None) -> type[S]:
    if redactor is None:
        return kind
    from segue.engine.redacting import redacting

    return redacting(kind, redactor)
