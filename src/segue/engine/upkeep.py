"""Upkeep: taking in spools, sealing and indexing, by one worker at a time. Nothing is wrong without it, only later."""

from typing import NamedTuple

from segue.engine.capture.spooling import Spools, ingest
from segue.ports import Clock, Index, Sealing, Store, Transcripts


class Worked(NamedTuple):
    """What was done."""

    ingested: int
    sealed: int
    indexed: int


def is_due(store: Store, spools: Spools) -> bool:
    """Return whether a worker should be started; cheap."""
    return not spools.is_empty() or (isinstance(store, Sealing) and store.has_upkeep())


def work(store: Store, index: Index, spools: Spools, transcripts: Transcripts, clock: Clock) -> Worked:
    """Take in what hooks spooled, take what is new into the index, and seal what waits: first what somebody may look for.

    May be called by any number of processes at once.
    """
    ingested = ingest(store, spools, transcripts, clock=clock)
    indexed = index.catch_up()
    sealed = store.upkeep() if isinstance(store, Sealing) else 0
    if sealed:  # the index knows logs by how long their files are
        indexed += index.catch_up()
    return Worked(ingested.events, sealed, indexed)
