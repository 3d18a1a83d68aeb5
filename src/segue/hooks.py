r"""What a coding agent runs on each of its events: puts the payload on disk and is gone.

`segue init` writes this file beside the store, with the constants filled in (`host.hookfile`), and the agent runs it with
`python -S -E FILE EVENT`. It uses modules that are built into the interpreter (`os` alone would cost as much as all the
rest), prints nothing and always exits 0: an agent is never disturbed, and reads no word of ours by mistake. Where the
spool's directory is gone, segue was uninstalled, and the hook does nothing.

The payload is appended, unparsed, to `HOME/spool/AGENT` as one frame, in one write under a lock, and synced:

    segue-spool 1 <nanoseconds since 1970> <event> <bytes of the payload>[ <pid of the agent>.<its start>]\n<payload>\n

Whoever takes the spool in locks it, renames it, makes it read-only and unlocks it: a frame is in what was taken, or in the
next file, and no hook ever waits for what is done with the frames. A payload that is too large, or finds the spool full, is
counted: one byte more in `HOME/spool/AGENT~`.

Where `HOME/sealed` is there, the store is encrypted, and this file has no key: of a payload no more is spooled then than
where the agent's own transcript has the record: ids, the transcript's path, and a few words of fixed sets (`pointer`).

Then the worker that takes spools in is started (`segue upkeep --follow`), unless it is at work: it holds the lock of
`HOME/spool/worker~` as long as it lives. The time of that file is when it was last started.
"""

import posix
import sys
import time

HOME = ""
AGENT = ""
PYTHON = ""
PROGRAM = ""

LIMIT = 64 << 20
LARGEST = 8 << 20
SEALED = "/sealed"
IDS = (
    *(b"session_id", b"thread-id", b"thread_id", b"turn_id", b"prompt_id"),
    *(b"tool_use_id", b"call_id", b"message_id", b"agent_id"),
)
PATHS = (b"transcript_path", b"agent_transcript_path")
WORDS = {
    b"source": (b"startup", b"resume", b"clear", b"compact"),
    b"reason": (b"clear", b"resume", b"logout", b"exit", b"prompt_input_exit", b"bypass_permissions_disabled", b"other"),
    b"trigger": (b"manual", b"auto"),
    b"permission_mode": (
        *(b"default", b"plan", b"acceptEdits", b"bypassPermissions", b"dontAsk"),
        *(b"auto", b"auto-edit", b"auto_edit", b"autoEdit", b"yolo"),
    ),
    b"notification_type": (*(b"permission_prompt", b"idle_prompt", b"auth_success", b"elicitation_dialog", b"ToolPermission"),),
}
SHELLS = (b"sh", b"bash", b"dash", b"zsh", b"ash", b"ksh", b"fish")


def read() -> bytes | None:
    """Return all of standard input, or None where that is more than a payload may be."""
    data: bytes | None = b""
    while part := posix.read(0, 1 << 20):
        data = data + part if data is not None and len(data) + len(part) <= LARGEST else None
    return data


def caller() -> bytes:
    """Return the process of the agent, ` PID.START`: not the shell that it runs hooks with. Nothing where that is not known."""
    pid = posix.getppid()
    try:
        for _ in range(4):
            fd = posix.open(f"/proc/{pid}/stat", posix.O_RDONLY)
            name, _, told = posix.read(fd, 1024).rpartition(b")")
            posix.close(fd)
            fields = told.split()
            if name.partition(b"(")[2] not in SHELLS:
                return b" %d.%s" % (pid, fields[19]) if pid > 1 else b""
            pid = int(fields[1])
    except (OSError, IndexError, ValueError):
        pass  # no Linux, or it is gone
    return b""


def spool(home: str, agent: str, event: str, payload: bytes | None) -> None:
    """Append one frame to the spool of *agent*, durable on return, or count one that was dropped. Raises OSError."""
    path = home + "/spool/" + agent
    while True:
        fd = posix.open(path, posix.O_WRONLY | posix.O_APPEND | posix.O_CREAT | posix.O_NOFOLLOW, 0o600)
        posix.lockf(fd, posix.F_LOCK, 0)
        found = posix.fstat(fd)
        if found.st_mode & 0o200:
            break
        posix.close(fd)  # taken between opening and locking
    if payload is not None and is_sealed(home):  # looked at under the lock: what came before is taken in after it
        payload = pointer(payload)
    head = b"segue-spool 1 %d %s %d%s\n" % (time.time_ns(), event.encode(), len(payload or b""), caller())
    data = b"%s%s\n" % (head, payload or b"")
    if payload is None or found.st_size + len(data) > LIMIT:
        drop(path)
        data = b""
    while data:
        data = data[posix.write(fd, data) :]
    posix.fsync(fd)
    posix.close(fd)


def is_sealed(home: str) -> bool:
    """Return whether nothing of a payload's content may lie in the spool. Raises OSError where that cannot be told."""
    try:
        posix.stat(home + SEALED)
    except FileNotFoundError:
        return False
    return True


def pointer(payload: bytes) -> bytes:
    """Return what of a *payload* tells where its record is and nothing of what was said, as JSON; little, where it is no object.

    Only texts of the object itself count, never those of a value within: quotes that are escaped are put out of sight, then the
    pieces between quotes are by turns what is outside of a text and what is inside.
    """
    pieces = payload.replace(b"\\\\", b"..").replace(b'\\"', b"..").split(b'"')
    found = {}
    key = before = b""
    depth = at = 0
    for n, piece in enumerate(pieces):
        if n % 2 == 0:
            depth += piece.count(b"{") + piece.count(b"[") - piece.count(b"}") - piece.count(b"]")
            before = piece.strip()
            if (n == 0 and before != b"{") or depth < (n < len(pieces) - 1):
                return b"{}"
        elif depth == 1:
            text = payload[at : at + len(piece)]
            if before == b":" and is_told(key, text):
                found[key] = text
            key = text
        at += len(piece) + 1
    whole = depth == 0 and len(pieces) % 2
    told = [b'"%s":"%s"' % one for one in found.items()] if whole else []
    return b"{%s}" % b",".join([b'"segue_sealed":true', *told])


def is_told(key: bytes, text: bytes) -> bool:
    """Return whether the member *key* of a payload, which is *text*, says nothing of what was said."""
    if key in PATHS:
        return len(text) <= 4096 and text.partition(b"#")[0].endswith((b".jsonl", b".json", b".db")) and min(text) >= 32
    if key in IDS:
        return len(text) <= 64 and text.replace(b"-", b"").replace(b"_", b"").isalnum()
    return text in WORDS.get(key, ())


def drop(path: str) -> None:
    """Count a payload that found no room. Raises OSError."""
    fd = posix.open(path + "~", posix.O_WRONLY | posix.O_APPEND | posix.O_CREAT | posix.O_NOFOLLOW, 0o600)
    posix.write(fd, b".")


def wake(home: str, python: str, program: str) -> None:
    """Start the worker, unless it is at work or was started within the last two seconds. Raises OSError."""
    fd = posix.open(home + "/spool/worker~", posix.O_RDWR | posix.O_NOFOLLOW)
    posix.lockf(fd, posix.F_TLOCK, 0)
    if abs(time.time() - posix.fstat(fd).st_mtime) >= 2:
        start(fd, home, python, program)


def start(fd: int, home: str, python: str, program: str) -> None:
    """Start the worker whose lock *fd* holds. Mostly it is at work."""
    posix.stat(program)  # segue was uninstalled
    posix.utime(fd)
    posix.close(fd)
    env = {name: value for name, value in posix.environ.items() if name[:6] != b"PYTHON"}
    env |= {b"SEGUE_HOME": home.encode(), b"SEGUE_UPKEEP": b"off"}
    null = (posix.POSIX_SPAWN_OPEN, 0, b"/dev/null", posix.O_RDWR, 0)
    twice = [(posix.POSIX_SPAWN_DUP2, 0, 1), (posix.POSIX_SPAWN_DUP2, 0, 2)]
    arguments = [python, "-E", "-P", "-m", "segue", "upkeep", "--follow"]
    posix.posix_spawn(python, arguments, env, file_actions=[null, *twice], setsid=True)


if __name__ == "__main__":
    try:
        spool(HOME, AGENT, sys.argv[1], read())
        wake(HOME, PYTHON, PROGRAM)
    except (OSError, IndexError, ValueError, NotImplementedError):
        pass  # nothing that goes wrong here may reach the agent; its transcript is imported all the same
