"""Which store a URL means, opened."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from segue.core.errors import UsageError
from segue.ports import Clock, Ids, Store
from segue.ports.keys import Keys


def open_store(
    url: str,
    clock: Clock,
    ids: Ids,
    durability: str = "strict",
    keys: Keys | None = None,
    kind_of: Callable[[type[Any]], type[Any]] = lambda kind: kind,
) -> Store:
    """Return the store of a URL (`log:///directory`, `memory://`) or path, opened. *kind_of* makes another of its kind.

    Raises:
        UsageError: there is no such kind of store.
        StoreTooNewError, StoreUnusableError, WrongKeyError: see `LogStore`.
    """
    scheme, colon, rest = url.partition("://")
    if not colon:
        scheme, rest = "log", str(Path(url).expanduser().absolute())
    if scheme == "memory":
        from segue.stores.memory import MemoryStore

        memory: Store = kind_of(MemoryStore)(clock=clock, ids=ids)
        return memory
    if scheme == "log":
        if not rest.startswith("/") or "\0" in rest:
            raise UsageError(f"store {url!r} cannot be opened: its directory is not absolute", hint="log:///absolute/directory")
        from segue.stores.log.store import LogStore

        logs: Store = kind_of(LogStore)(rest, clock=clock, ids=ids, durability=durability, keys=keys)
        return logs
    raise UsageError(f"store {url!r} cannot be opened: there is no {scheme!r} store", hint="log:///directory or memory://")
