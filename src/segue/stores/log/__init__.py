"""The default store: log files first, everything else beside them and disposable.

files      the few file operations whose order matters: exclusive creation, whole writes, syncs, replacement
locks      one lock file per log: between processes (flock), between threads, across fork()
segments   where a log's lines are: names, open and sealed segments, reading forwards and backwards
sealing    closed segments as seekable zstd frames, verified before the original goes
tail       what a crash left at the end of the open segment
keytable   which idempotency keys a log has: a cache beside it
journal    one log: append with group commit, read, recover
scopes     state shared by sessions: intent, commit, settlement
leases     who drives a session
blobs      large values, once, by content hash
removal    deleting what forks may still need
verify     looks at every byte
store      all of it behind `ports.Store`
"""

from segue.stores.log.store import LogStore

__all__ = ["LogStore"]
