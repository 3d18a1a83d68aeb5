"""segue: session persistence and recovery for AI agents."""

TYPE_CHECKING = False  # type checkers know the name; importing `typing` for it would cost every start
if TYPE_CHECKING:
    from segue.app import open  # noqa: A004 - segue.open
    from segue.core.errors import SegueError
    from segue.core.log.events import Draft, Event
    from segue.core.session.state import State
    from segue.engine.api import Session, Store
    from segue.ports import Asked, Filters

__version__ = "0.1.0.dev0"

__all__ = ["Asked", "Draft", "Event", "Filters", "SegueError", "Session", "State", "Store", "__version__", "open"]

_HOMES = {
    "Asked": "segue.ports",
    "Draft": "segue.core.log.events",
    "Event": "segue.core.log.events",
    "Filters": "segue.ports",
    "SegueError": "segue.core.errors",
    "Session": "segue.engine.api_session",
    "State": "segue.core.session.state",
    "Store": "segue.engine.api",
    "open": "segue.app",
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Load a public name when it is first used: `import segue` loads nothing else."""
        if name not in _HOMES:
            raise AttributeError(f"module 'segue' has no attribute {name!r}")
        from importlib import import_module

        found = getattr(import_module(_HOMES[name]), name)
        globals()[name] = found
        return found

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
