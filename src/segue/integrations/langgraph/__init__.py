"""LangGraph on a segue store: `SegueSaver(store)` is a checkpointer, `SegueStore(store)` the memory that threads share.

A thread is a session, a namespace a stream of it. A checkpoint is one event with the values of the channels that
changed; a pending write is one event, keyed by checkpoint, task and index. State goes through the framework's own
serialiser (encryption included) and is stored as its typed bytes; lists are shared element by element, so a thread's
size grows with what was said in it, not with its square. Messages are events of their own, as everywhere in segue.
"""

from segue.host.extras import needs

needs("langgraph.checkpoint.base", extra="langgraph")

from segue.integrations.langgraph._budget import BudgetHandler
from segue.integrations.langgraph._messages import messages
from segue.integrations.langgraph._saver import SegueSaver
from segue.integrations.langgraph._store import SegueStore

__all__ = ["BudgetHandler", "SegueSaver", "SegueStore", "messages"]
