"""Upkeep: taking in spools, sealing and indexing, by one worker at a time. Nothing is wrong without it, only later."""

from typing import NamedTuple, Protocol, runtime_checkable

from segue.engine.spooling import Spools, ingest
from segue.ports import Clock, Index, Store, Transcripts


@runtime_checkable
class Sealing(Protocol):
    """A store that has work to do in the background."""

    def has_upkeep(self) -> bool:
        """Return whether something waits."""
        ...

    def upkeep(self) -> int:
        """Do it, if nobody else does it now; return how many segments were sealed."""
        ...


class Worked(NamedTuple):
    """What was done."""

    ingested: int
    sealed: int
    indexed: int


def is_due(store: Store, spools: Spools) -> bool:
    """Return whether a worker should be started; cheap."""
    return not spools.is_empty() or (isinstance(store, Sealing) and store.has_upkeep())


def work(store: Store, index: Index, spools: Spools, transcripts: Transcripts, clock: Clock) -> Worked:
    """Take in what hooks spooled, seal what waits, and take what is new into the index.

    May be called by any number of processes at once.
    """
    ingested = ingest(store, spools, transcripts, clock=clock)
    sealed = store.upkeep() if isinstance(store, Sealing) else 0
    return Worked(ingested.events, sealed, index.catch_up())
