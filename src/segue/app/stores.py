"""The configured store, opened: which one a URL means, what stands between it and who writes, and what waited for it."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segue.core.errors import UsageError
from segue.ports import Clock, Ids, Store
from segue.ports.keys import Keys

if TYPE_CHECKING:
    from segue.app.wiring import App


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


def opened(app: "App") -> Store:
    """Return the configured store, made where there is none. Raises as `open_store`."""
    config = app.config
    if config.setting("store").source == "default":
        config.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    return open_store(
        config["store"], app.clock, app.ids, config["durability"], app.keys, lambda kind: _without_secrets(app, kind)
    )


def _without_secrets(app: "App", kind: type[Any]) -> type[Any]:
    """Return a *kind* of store that takes secrets out of what comes in, by configuration."""
    if app.redactor is None:
        return kind
    from segue.engine.secrecy.redacting import redacting
    from segue.host.maskkey import mask_key

    return redacting(kind, app.redactor, mask_key(app.config.home))


def rescue(app: "App", store: Store) -> None:
    """Take in what was kept in an emergency. It stays where it is while that fails."""
    if app.emergencies.is_empty():
        return
    from segue.engine.loading import Desk
    from segue.engine.saving import interrupting

    with suppress(OSError):
        interrupting.rescue(Desk(store, app.clock, app.ids), app.emergencies)
