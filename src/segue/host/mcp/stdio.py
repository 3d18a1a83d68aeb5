"""A server that is a program: started, asked over its standard input and output, and ended with all that it started."""

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from threading import Event
from typing import IO, Any, Final

from segue.core.context.definitions import compact
from segue.host.mcp.asking import MOST_BYTES, Failed, Hide, Talk, message_of, short
from segue.host.mcp.brood import descendants
from segue.ports.mcp import Listing, Server

_GRACE: Final = 0.5
"""Seconds that a server has to leave by itself once its input ends, and again once it is asked to."""
_LAST_WORDS: Final = 4_096
_CHUNK: Final = 65_536


def ask(server: Server, env: Mapping[str, str], workspace: str, limit: float, hide: Hide, over: Event) -> Listing:
    """Return what the program of *server* lists, at most *limit* seconds after it was started, or when it is *over*.

    No process of it is left.

    Raises:
        Failed: it cannot be started, or did not list its tools.
    """
    begun = time.monotonic()
    try:
        process = subprocess.Popen(
            list(server.command),
            env={**env, **server.env},
            cwd=server.cwd or workspace,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except (OSError, ValueError) as e:
        reason = e.strerror if isinstance(e, OSError) and e.strerror else str(e)
        raise Failed(f"it cannot be started: {hide(reason)}") from None
    pipe = _Pipe(process, begun + limit, limit, over)
    talk = Talk(pipe, hide)
    try:
        found = talk.listing()
        return found._replace(seconds=time.monotonic() - begun)
    except Failed as e:
        told = [str(e), *talk.notes]
        if talk.stray:
            told.append(f"{talk.stray:,} of its lines are no messages")
        if last := pipe.last_words(hide):
            told.append(f"its last words: {last}")
        raise Failed("; ".join(told)) from None
    finally:
        pipe.close()
        end(process)


class _Pipe:
    """See `asking.Line`."""

    def __init__(self, process: "subprocess.Popen[bytes]", until: float, limit: float, over: Event) -> None:
        self._process, self._until, self._limit, self._over = process, until, limit, over
        self._said = 0
        self._buffer = bytearray()
        self._looked = 0
        self._errors = bytearray()
        self._waiting: list[bytes] = []
        self._selector = selectors.DefaultSelector()
        for stream in (process.stdout, process.stderr, process.stdin):
            assert stream is not None  # noqa: S101 - they are pipes
            os.set_blocking(stream.fileno(), False)
        self._selector.register(_of(process.stdout), selectors.EVENT_READ, self._buffer)
        self._selector.register(_of(process.stderr), selectors.EVENT_READ, self._errors)

    def ask(self, message: Mapping[str, Any], talk: Talk) -> Mapping[str, Any]:
        self.tell(message)
        while True:
            while (line := self._line()) is not None:
                found = message_of(line)
                if found is None:
                    talk.stray += bool(line.strip())
                    continue
                for one in found:
                    if one.get("id") == message["id"] and "method" not in one:
                        return one
                    talk.heard(one)
            self._wait(str(message["method"]))

    def tell(self, message: Mapping[str, Any]) -> None:
        data, stdin = compact(message).encode() + b"\n", _of(self._process.stdin)
        while data:
            try:
                data = data[os.write(stdin.fileno(), data) :]
            except BlockingIOError:
                if time.monotonic() > self._until:
                    raise Failed(f"it does not read what it is sent, for {self._limit:g} s") from None
                time.sleep(0.01)
            except OSError:
                return  # it is gone: what it said before, and how it ended, is read next

    def close(self) -> None:
        self._selector.close()

    def last_words(self, hide: Hide) -> str:
        """Return the last line that the program wrote on its standard error, without secrets."""
        with suppress(OSError):
            self._errors += os.read(_of(self._process.stderr).fileno(), _CHUNK)
        text = self._errors[-_LAST_WORDS:].decode("utf-8", "replace")
        lines = [line for line in text.splitlines() if line.strip()]
        return short(hide(lines[-1])) if lines else ""

    def _line(self) -> bytes | None:
        end = self._buffer.find(b"\n", self._looked)
        if end < 0:
            self._looked = len(self._buffer)
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        self._looked = 0
        return line

    def _wait(self, method: str) -> None:
        """Take in what arrives. Raises Failed where nothing will, or too much did."""
        left = self._until - time.monotonic()
        if self._over.is_set():
            raise Failed("nobody waits for it any more")
        if left <= 0:
            raise Failed(f"it did not answer {method} within {self._limit:g} s")
        ready = self._selector.select(min(left, 0.5))
        if not ready and (how := _how(self._process)) is not None:  # others hold its output open
            raise Failed(_ended(how))
        for key, _ in ready:
            try:
                data = os.read(key.fd, _CHUNK)
            except BlockingIOError:
                continue
            buffer: bytearray = key.data
            buffer += data
            if buffer is self._errors:
                del self._errors[:-_LAST_WORDS]
            else:
                self._said += len(data)
            if not data:
                self._selector.unregister(key.fileobj)
                if buffer is self._buffer:
                    raise Failed(_ended(_left(self._process)))
        if self._said > MOST_BYTES:
            raise Failed(f"it said more than {MOST_BYTES // 2**20} MB")


def _ended(how: "os.waitid_result | None") -> str:
    if how is None:
        return "it closed its output"
    if how.si_code == os.CLD_EXITED:
        return f"it ended with exit code {how.si_status}"
    return f"it was ended by {signal.Signals(how.si_status).name}"


def end(process: "subprocess.Popen[bytes]") -> None:
    """End a program that was started in a session of its own, with its group and what hangs on it.

    It is given time to leave by itself, then asked to, then killed. Its id is its own until the last signal was sent.
    """
    with suppress(OSError):
        _of(process.stdin).close()
    if _left(process) is None:
        _signal(process, signal.SIGTERM)
        _left(process)
    _signal(process, signal.SIGKILL)
    process.wait()
    for stream in (process.stdout, process.stderr):
        _of(stream).close()


def _left(process: "subprocess.Popen[bytes]") -> "os.waitid_result | None":
    """Return how the program ended, within the time that it is given; None: it runs. It is not waited for yet."""
    until = time.monotonic() + _GRACE
    while True:
        how = _how(process)
        if how is not None or time.monotonic() > until:
            return how
        time.sleep(0.01)


def _how(process: "subprocess.Popen[bytes]") -> "os.waitid_result | None":
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)


def _signal(process: "subprocess.Popen[bytes]", number: signal.Signals) -> None:
    for pid in descendants(process.pid):
        with suppress(OSError):
            os.kill(pid, number)
    with suppress(OSError):
        os.killpg(process.pid, number)


def _of(stream: "IO[bytes] | None") -> "IO[bytes]":
    assert stream is not None  # noqa: S101 - it is a pipe
    return stream
