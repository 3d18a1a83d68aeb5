"""The one place where asynchronous callers cross into a thread: nothing is written twice for them."""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


async def in_thread(call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Return what *call* returns, run in a thread.

    A caller that is cancelled stops waiting only when *call* is done: a commit is never left half known, and what is
    done next finds it made.
    """
    task = asyncio.ensure_future(asyncio.to_thread(call, *args, **kwargs))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        if not task.done():
            await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # seen: the caller was cancelled and hears of nothing else
        raise
