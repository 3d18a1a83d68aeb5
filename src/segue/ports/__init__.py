"""What the engine asks of the outside, in the words of the domain: a module for each of them.

`Store` is the one that matters: append, read, and what makes them safe for many processes.
"""

from segue.core.log.events import ANY, Appended, Commit, Damage, Draft, Event, ForkPoint, Head, KeyPolicy
from segue.core.session.catalogue import PlaceRow, SessionRow
from segue.core.session.refs import Target
from segue.ports.clock import Clock, Ids
from segue.ports.index import EVERYTHING, Filters, Hit, Hits, Index, IndexStatus, Ranking, Spot
from segue.ports.places import Place, Places
from segue.ports.store import Asked, Finding, Lease, LogInfo, OnDamage, Opened, Scope, Sealing, Snapshot, Store, port_of
from segue.ports.tokens import Tokens
from segue.ports.transcripts import (
    Batch,
    Destination,
    Found,
    ManySessions,
    Noted,
    TranscriptReader,
    Transcripts,
    TranscriptWriter,
    Written,
)

__all__ = [
    "ANY",
    "EVERYTHING",
    "Appended",
    "Asked",
    "Batch",
    "Clock",
    "Commit",
    "Damage",
    "Destination",
    "Draft",
    "Event",
    "Filters",
    "Finding",
    "ForkPoint",
    "Found",
    "Head",
    "Hit",
    "Hits",
    "Ids",
    "Index",
    "IndexStatus",
    "KeyPolicy",
    "Lease",
    "LogInfo",
    "ManySessions",
    "Noted",
    "OnDamage",
    "Opened",
    "Place",
    "PlaceRow",
    "Places",
    "Ranking",
    "Scope",
    "Sealing",
    "SessionRow",
    "Snapshot",
    "Spot",
    "Store",
    "Target",
    "Tokens",
    "TranscriptReader",
    "TranscriptWriter",
    "Transcripts",
    "Written",
    "port_of",
]
