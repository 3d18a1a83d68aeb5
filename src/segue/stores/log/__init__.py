"""The default store: log files first, everything else beside them and disposable.

On disk, from the bottom up:

- `files`: the few file operations whose order matters: exclusive creation, whole writes, syncs, replacement
- `locks`: one lock file per log: between processes (flock), between threads, across fork()
- `place`: the store's directory; `marks`: what stands beside a log; `zstd`: compression
- `segments`: where a log's lines are: names, open and sealed segments; `sealing`: closed ones as seekable zstd frames
- `tail`: what a crash left at the end of the open segment
- `blobs`: large values, once, by content hash; `keytable`: which idempotency keys a log has, a cache

One log:

- `env`: what the logs of a store have in common, and one append as it is asked for
- `reading`: from lines to events, each verified
- `ending`: the open segment, what others appended to it, how far it is durable
- `journal`: append with group commit, read, look keys up; `leases`, `driving`: who drives it

Many logs:

- `logs`: the sessions' logs, a few of them open; `scopes`: state that sessions share
- `removal`: deleting what forks may still need; `upkeep`: work that nothing waits for
- `snapshots`, `numbers`: cached folds, and numbers for names
- `verify`: looks at every byte
- `store`: all of it behind `ports.Store`
"""

from segue.stores.log.store import LogStore

__all__ = ["LogStore"]
