r"""What a coding agent runs on each of its events: puts the payload on disk and is gone.

`segue init` writes this file beside the store, with HOME and AGENT filled in (`host.hookfile`), and the agent runs it with
`python -S -E FILE EVENT`. It uses modules that are built into the interpreter (`os` alone would cost as much as all the
rest), prints nothing and always exits 0: an agent is never disturbed, and reads no word of ours by mistake. Where the
spool's directory is gone, segue was uninstalled, and the hook does nothing.

The payload is appended, unparsed, to `HOME/spool/AGENT` as one frame, in one write under a lock, and synced:

    segue-spool 1 <nanoseconds since 1970> <event> <bytes of the payload>\n<payload>\n

Whoever takes the spool in locks it, renames it, makes it read-only and unlocks it: a frame is in what was taken, or in the
next file, and no hook ever waits for what is done with the frames.
"""

import posix
import sys
import time

HOME = ""
AGENT = ""


def read() -> bytes:
    """Return all of standard input."""
    data = b""
    while part := posix.read(0, 1 << 20):
        data += part
    return data


def spool(home: str, agent: str, event: str, payload: bytes) -> None:
    """Append one frame to the spool of *agent*, durable on return. Raises OSError."""
    path = f"{home}/spool/{agent}"
    data = b"segue-spool 1 %d %s %d\n%s\n" % (time.time_ns(), event.encode(), len(payload), payload)
    while True:
        fd = posix.open(path, posix.O_WRONLY | posix.O_APPEND | posix.O_CREAT | posix.O_NOFOLLOW, 0o600)
        posix.lockf(fd, posix.F_LOCK, 0)
        if posix.fstat(fd).st_mode & 0o200:
            break
        posix.close(fd)  # taken between opening and locking
    while data:
        data = data[posix.write(fd, data) :]
    posix.fsync(fd)


if __name__ == "__main__":
    try:  # noqa: SIM105  (contextlib costs more than the hook)
        spool(HOME, AGENT, sys.argv[1], read())
    except (OSError, IndexError, ValueError):
        pass  # nothing that goes wrong here may reach the agent; its transcript is imported all the same
