"""This machine, as a run of an agent needs it."""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from types import CodeType

from segue.host.emergency import ReserveFile, places
from segue.host.processes import KnownProcesses
from segue.ports.boxes import CLEAR, Boxes
from segue.ports.running import Save


class ThisHost(KnownProcesses):
    """See `ports.running.Host`."""

    def __init__(self, home: Path, env: Mapping[str, str], wake: Callable[[], None], boxes: Boxes = CLEAR) -> None:
        """Keep emergency files below *home*, or where *env* says that a user's may be; *wake* starts the worker."""
        self._places, self._boxes = places(home, env), boxes
        self.wake = wake

    def reserve(self) -> ReserveFile:
        """See `Host.reserve`."""
        return ReserveFile(self._places, self._boxes)

    def listen(self, save: Save, edges: Collection[CodeType] = ()) -> Callable[[], None]:
        """See `Host.listen`."""
        from segue.host.signals import signals

        return signals.listen(save, edges)

    def leaving(self, by: int) -> None:
        """See `Host.leaving`."""
        from segue.host.signals import signals

        signals.leaving(by)

    def heard(self) -> int:
        """See `Host.heard`."""
        from segue.host.signals import signals

        return signals.heard()
