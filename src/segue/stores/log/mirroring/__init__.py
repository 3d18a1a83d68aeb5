"""The mirror's side of a store: what of its files is new, and is written to the mirror.

- `mirroring`: all logs of a store, and what stands beside them
- `one`: the files of one log
- `parts`: how few parts a file that grows is kept in
"""

from segue.stores.log.mirroring.mirroring import Mirroring

__all__ = ["Mirroring"]
