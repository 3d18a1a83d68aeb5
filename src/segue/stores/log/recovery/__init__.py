"""Recovery: each log is put together from all copies of it that there are.

- `places`: where copies of a store are
- `lines`: the intact lines of one copy of a log
- `gathering`: all copies of one log, joined (`core.log.rejoining`); `around`: what the other logs tell of it
- `joining`: one log put together, and in its place; `rebuilding`: its files; `knowing`: what is known of it without that
- `recovering`: all logs of a store; `values`, `beside`, `opening`: what stands beside them
"""

from segue.stores.log.recovery.places import Others
from segue.stores.log.recovery.recovering import StoreRecovery

__all__ = ["Others", "StoreRecovery"]
