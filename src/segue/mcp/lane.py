"""One thread does what is asked of the store, in the order in which it was asked; who listens to clients never waits for it."""

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Final

MOST_WAITING: Final = 1_000


class Job:
    """Something asked for: it waits or is at work, and can be given up at any time."""

    def __init__(self, work: Callable[["Job"], None]) -> None:
        """Have *work* done in its turn; it raises nothing, and looks at `cancelled` itself: whoever waits is always told."""
        self._work = work
        self.cancelled = threading.Event()

    def run(self) -> None:
        """Do it."""
        self._work(self)


class Lane:
    """The thread, and what waits for it."""

    def __init__(self) -> None:
        """Start it."""
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="segue-mcp", daemon=True)
        self._thread.start()

    @property
    def is_full(self) -> bool:
        """Whether so much waits that nothing more is taken."""
        return self._jobs.qsize() >= MOST_WAITING

    def submit(self, job: Job) -> None:
        """Have *job* done when its turn comes."""
        self._jobs.put(job)

    def close(self) -> None:
        """Do what waits, and end."""
        self._jobs.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            job.run()
