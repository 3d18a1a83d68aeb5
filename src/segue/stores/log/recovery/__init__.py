"""Recovery: each log is put together from all copies of it that there are.

- `places`: where copies of a store are
- `lines`: the intact lines of one copy of a log
- `gathering`: all copies of one log, joined (`core.log.rejoining`)
- `rebuilding`: the log written anew and put in its place, the old one kept
- `recovering`: all logs, large values, numbers and marks of a store
"""

from segue.stores.log.recovery.recovering import StoreRecovery

__all__ = ["StoreRecovery"]
