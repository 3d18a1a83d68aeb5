"""Signals that end a process, heard off the main thread: it may sit in a system call, or in a library, for seconds.

The C part of Python's signal handling writes the number of a signal into a pipe (`signal.set_wakeup_fd`) at once; a thread
reads it there. Whoever listens gets time to save; then the process ends, also where its main thread never comes to it.

- A signal that nobody handles (SIG_DFL) becomes a SystemExit with 128 plus its number; after GRACE seconds the process is ended.
- Ctrl-C is the KeyboardInterrupt that it always was. A main thread that does not come to it ends like that after as long.
- A handler of the user's, or of a framework's, is called as before, and what it does is done.
- An ignored signal stays ignored (`nohup`).

All is put back as it was when nobody listens any more, but what somebody else has put in its place meanwhile.
"""

import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from types import CodeType, FrameType
from typing import Any, Final

from segue.ports.running import Save

ENDING: Final = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT") if hasattr(signal, name))
GRACE: Final = 1.7
"""Seconds from a signal to the end of the process, of the two that there are."""
_SOON: Final = 0.01
_STUCK: Final = 0.6
"""Seconds after which a main thread that did not come to a KeyboardInterrupt will not."""


_APART: Final = 0.25
"""Seconds between two exceptions: a second one could reach the program on its way out of a run, and keep it from being saved."""
_LATELY: Final = 5.0
"""Seconds for which an exit is taken for a signal's work."""


class Signals:
    """What listens to signals in this process; there is one (`signals`)."""

    def __init__(self, end: Callable[[int], Any] = os._exit) -> None:
        """Listen to nothing yet; *end* ends the process with an exit code."""
        self._end = end
        self._saves: list[Save] = []
        self._old: dict[int, Any] = {}
        self._deadlines: dict[int, float] = {}
        self._handled = dict.fromkeys(ENDING, float("-inf"))  # never grows: a handler may run while it is looked through
        self._pipe: tuple[int, int] | None = None
        self._wakeup = -1
        self._raised = float("-inf")
        self._error: tuple[int, BaseException] | None = None
        self._again: list[int] = []
        self._old_hook: Any = None
        self._leaving = self._missed = 0
        self._edges: frozenset[CodeType] = frozenset()
        self._over_the_edge = False
        self._kept: BaseException | None = None
        self.ending = 0
        """The signal that this process ends for; 0 while it does not."""

    def heard(self) -> int:
        """See `Host.heard`: a handler of the user's may have ended it just now."""
        number = max(ENDING, key=self._handled.__getitem__)
        return self.ending or (number if self._handled[number] >= time.monotonic() - _LATELY else 0)

    def listen(self, save: Save, edges: Collection[CodeType] = ()) -> Callable[[], None]:
        """See `Host.listen`."""
        if threading.current_thread() is not threading.main_thread():
            return lambda: None
        if not self._saves:
            self._install()
        self._edges |= frozenset(edges)
        self._saves.append(save)

        def leave() -> None:
            if save in self._saves:
                self._saves.remove(save)
                if not self._saves and threading.current_thread() is threading.main_thread():
                    self._restore()

        return leave

    def leaving(self, by: int) -> None:
        """See `Host.leaving`. What was missed meanwhile happens then, unless the process is about to end already."""
        self._leaving += by
        if self._leaving:
            return
        missed, self._missed = self._missed, 0
        if missed and not self._is_ending():
            self._over_the_edge = True  # here it may be raised: whoever calls this is ready for it
            try:
                os.kill(os.getpid(), missed)
            finally:
                self._over_the_edge = False
        kept, self._kept = self._kept, None
        if kept is not None:
            raise kept

    def after_fork(self) -> None:
        """In a forked child: the pipe is its parent's, and so are those who listen."""
        if self._pipe is not None:
            self._saves.clear()
            self._restore(wake=False)

    # --- in the main thread

    def _install(self) -> None:
        read, write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC) if hasattr(os, "pipe2") else _pipe()
        self._pipe, self.ending = (read, write), 0
        self._deadlines.clear()
        for number in ENDING:
            old = signal.getsignal(number)
            if old not in {signal.SIG_IGN, None}:
                self._old[number] = old
                signal.signal(number, self._handle)
        self._wakeup = signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        self._old_hook, sys.unraisablehook = sys.unraisablehook, self._swallowed
        threading.Thread(target=self._listen, args=(read,), name="segue-signals", daemon=True).start()

    def _restore(self, *, wake: bool = True) -> None:
        for number, old in self._old.items():
            if signal.getsignal(number) == self._handle:
                signal.signal(number, old)
        self._old.clear()
        self._error = None
        if sys.unraisablehook == self._swallowed:
            sys.unraisablehook = self._old_hook
        if self._pipe is None:
            return
        _, write = self._pipe
        there = signal.set_wakeup_fd(self._wakeup)
        if there not in {write, self._wakeup}:
            signal.set_wakeup_fd(there, warn_on_full_buffer=False)  # somebody took our place: it stays theirs
        self._pipe = None
        if wake:
            os.close(write)  # the thread reads the end, and closes the other one

    def _handle(self, number: int, frame: FrameType | None) -> None:
        """Do what the signal would have done."""
        now = self._handled[number] = time.monotonic()
        old = self._old.get(number, signal.SIG_DFL)
        if not self._leaving and self._is_at_an_edge(frame):
            self._repeat(number, _SOON)
        elif callable(old) and old is not signal.default_int_handler:
            self._call(old, number, frame)
        elif self._leaving:
            self._missed = number
        elif not self._saves:
            signal.signal(number, old)
            os.kill(os.getpid(), number)
        elif now - self._raised < _APART:
            self._repeat(number, _APART)
        elif not self.ending:  # it does not happen twice while the first one is carried out
            self._raised = now
            if old is not signal.default_int_handler:
                self.ending = number
            self._error = (number, SystemExit(128 + number) if self.ending else KeyboardInterrupt())
            raise self._error[1]

    def _call(self, handler: Callable[[int, FrameType | None], Any], number: int, frame: FrameType | None) -> None:
        """Call a handler of the user's; what it raises waits until the run is saved."""
        try:
            handler(number, frame)
        except BaseException as e:
            if not self._leaving:
                raise
            self._kept = e

    def _is_at_an_edge(self, frame: FrameType | None) -> bool:
        """Return whether *frame* is in what begins or ends a run: also where it did not come to say so (`leaving`)."""
        while frame is not None and frame.f_code not in self._edges:
            frame = frame.f_back
        return frame is not None and not self._over_the_edge

    def _is_ending(self) -> bool:
        """Return whether a signal's exception is on its way through the program."""
        return bool(self.ending) or time.monotonic() - self._raised <= _LATELY

    def _swallowed(self, told: Any) -> None:
        """Repeat a signal whose exception was swallowed: it came while Python let go of an object."""
        if self._error is None or told.exc_value is not self._error[1]:
            self._old_hook(told)
            return
        number, self._error = self._error[0], None
        self.ending, self._raised = 0, float("-inf")
        self._repeat(number, _SOON)

    def _repeat(self, number: int, after: float) -> None:
        """Send a signal to this process again, unless all is saved and it is about to end."""

        def send() -> None:
            if self._leaving:
                self._missed = number
            elif self._saves or not self._is_ending():
                if self._saves:
                    self._again.append(number)
                os.kill(os.getpid(), number)

        timer = threading.Timer(after, send)
        timer.daemon = True
        with suppress(RuntimeError):  # no thread is to be had
            timer.start()

    # --- in our thread

    def _listen(self, read: int) -> None:
        ready = select.poll()
        ready.register(read, select.POLLIN)
        while True:
            now = time.monotonic()
            for number, deadline in list(self._deadlines.items()):
                if deadline <= now:
                    self._expire(number, now)
            left = min(self._deadlines.values(), default=now + 3_600) - now
            with suppress(InterruptedError):
                if not ready.poll(max(left, 0) * 1000):  # not select: a process may have more than 1,024 files open
                    continue
            data = os.read(read, 512)
            if not data:
                os.close(read)
                return
            for number in data:
                self._hear(number)

    def _hear(self, number: int) -> None:
        again = number in self._again
        if again:
            self._again.remove(number)
        elif self._wakeup >= 0:
            with suppress(OSError):
                os.write(self._wakeup, bytes([number]))  # whose place we took
        now, old = time.monotonic(), self._old.get(number)
        if old is None or (again and old is not signal.default_int_handler):
            return
        if number in self._deadlines:
            return  # it is on its way: saving needs the time that there is
        if old is signal.default_int_handler:
            self._deadlines[number] = now + _STUCK
        elif old is signal.SIG_DFL:
            self._deadlines[number] = now + GRACE
            self._save(number, ends=True)
        else:
            self._save(number, ends=False)

    def _expire(self, number: int, now: float) -> None:
        del self._deadlines[number]
        if not self._saves:
            return
        if self._old.get(number) is signal.default_int_handler and self.ending != number:
            if self._handled[number] >= now - _STUCK - 0.2:
                return  # it is the program's now
            self.ending = number
            self._deadlines[number] = now + GRACE - _STUCK
            self._save(number, ends=True)
            return
        self._end(128 + number)

    def _save(self, number: int, *, ends: bool) -> None:
        for save in list(self._saves):
            with suppress(RuntimeError):  # no thread is to be had: the main one saves, and this one has to see to its end
                threading.Thread(target=save, args=(number, ends), name="segue-save", daemon=True).start()


def _pipe() -> tuple[int, int]:
    read, write = os.pipe()
    for fd in (read, write):
        os.set_blocking(fd, False)
    return read, write


signals: Final = Signals()
"""What listens in this process."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=signals.after_fork)
