"""Recording what a writer does to its files: the shim is compiled, preloaded, and its records are read back."""

import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from enum import IntEnum
from functools import cache
from pathlib import Path
from typing import NamedTuple

_HEADER = struct.Struct("=IIiiQqIIII")
_PROJECT = Path(__file__).resolve().parents[2]


class Op(IntEnum):
    """The kinds of records, as in shim.c."""

    OPEN = 1
    WRITE = 2
    TRUNCATE = 3
    SYNC_BEGIN = 4
    SYNC_END = 5
    RENAME = 6
    UNLINK = 7
    RMDIR = 8
    MKDIR = 9
    LINK = 10
    ACK = 11
    SYNC_FAILED = 12
    ROOT = 13


class Record(NamedTuple):
    """One record; paths are relative to the root and begin with a slash."""

    op: Op
    pid: int
    tid: int
    inode: int
    offset: int
    path: str
    other: str
    data: bytes
    flags: int


class RecordingError(Exception):
    """The recording failed: no compiler, or the writer ended in a way that it should not."""


@cache
def compiled(name: str) -> Path:
    """Compile a library to preload, once for each version of it, and return where it is."""
    source = Path(__file__).with_name(name)
    library = _PROJECT / ".cache" / "faults" / f"{source.stem}-{source.stat().st_mtime_ns}.so"
    if not library.exists():
        # Where the machine has none, `make setup` has brought one as a package.
        found = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
        compiler = [found] if found else [sys.executable, "-m", "ziglang", "cc"]
        library.parent.mkdir(parents=True, exist_ok=True)
        fresh = library.with_suffix(f".{os.getpid()}")
        command = [*compiler, "-O2", "-shared", "-fPIC", "-o", str(fresh), str(source), "-ldl", "-lpthread"]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode:
            raise RecordingError(f"{name} does not compile: {done.stderr[-2000:]}")
        fresh.rename(library)
    return library


def record(place: Path, subject: str, seed: int, *, plan: str = "", appends: int = 24) -> tuple[Path, list[str]]:
    """Run the writer program under the shim in *place*; return the trace and the errors its writers met.

    The store is `place/store`, the acknowledgements `place/acks`.
    """
    root, acks, trace = place / "store", place / "acks", place / "trace"
    root.mkdir(0o700)
    acks.touch(0o600)
    trace.touch(0o600)
    environment = {
        **os.environ,
        "LD_PRELOAD": str(compiled("shim.c")),
        "FAULTS_ROOT": str(root),
        "FAULTS_ACKS": str(acks),
        "FAULTS_TRACE": str(trace),
        "FAULTS_PLAN": plan,
        "PYTHONPATH": os.pathsep.join([str(_PROJECT), str(_PROJECT / "src")]),
    }
    command = [sys.executable, "-m", "tests.faults.writer", subject, str(root), str(acks), str(seed), str(appends)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment, timeout=120, cwd=_PROJECT)
    if done.returncode:
        raise RecordingError(f"the writer ended with {done.returncode}: {done.stderr[-2000:]}")
    return trace, [line for line in done.stdout.splitlines() if line]


def read(trace: bytes) -> Iterator[Record]:
    """Yield the records of a trace."""
    at = 0
    while at < len(trace):
        total, op, pid, tid, inode, offset, path, other, size, flags = _HEADER.unpack_from(trace, at)
        text = at + _HEADER.size
        yield Record(
            Op(op),
            pid,
            tid,
            inode,
            offset,
            os.fsdecode(trace[text : text + path]),
            os.fsdecode(trace[text + path : text + path + other]),
            trace[text + path + other : text + path + other + size],
            flags,
        )
        at += total
