"""Wiring of upkeep: when a background worker is started, for the configured store."""

from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from segue.app.wiring import App


def tend(app: "App") -> None:
    """Start the background worker when there is something for it to do. Nothing is wrong where it cannot be started."""
    if app.config["upkeep"] == "off":
        return
    from segue.engine.upkeep import is_due

    if is_due(app.store, app.spools) or app.copies.is_due() or app.copies.mirror_is_due():
        with suppress(OSError):
            _start(app)


def wake(app: "App") -> None:
    """Start the worker that saves by itself."""
    if app.config["upkeep"] == "off" or not app.config["store"].startswith("log:"):
        return
    from segue.host.worker import call

    with suppress(OSError):
        call(app.config.home, lambda: _start(app, "--follow"))


def _start(app: "App", *flags: str) -> None:
    """Start a worker. Raises OSError."""
    import sys

    from segue.host.processes import detach

    env = {**app.env, "SEGUE_UPKEEP": "off", "SEGUE_HOME": str(app.config.home)}
    detach([sys.executable, "-m", "segue", "upkeep", *flags, "--store", app.store.url], env)
