"""What the boxes of a store hold. A kind is said again to open one: so none passes for another.

Whoever opens whatever he comes across (`erase`, a change of the key) tries them `ALL`.
"""

from typing import Final

ASIDE: Final = "aside"
BLOB: Final = "blob"
FRAME: Final = "frame"
LEASE: Final = "lease"
PREFIX: Final = "prefix"
SCOPE: Final = "scope"
SNAPSHOT: Final = "snapshot"
ALL: Final = (ASIDE, BLOB, FRAME, SNAPSHOT, SCOPE, PREFIX, LEASE)
