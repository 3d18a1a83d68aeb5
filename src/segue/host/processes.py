"""Processes: starting one that outlives this one or takes its place, and knowing one again.

A process is noted by its id, its start, the boot of the machine and the name of the machine: ids are used again.
"""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def detach(arguments: Sequence[str], env: Mapping[str, str]) -> None:
    """Start a process that nobody waits for: in a session of its own, without our files, in no directory of anybody's.

    Raises:
        OSError: it cannot be started.
    """
    subprocess.Popen(  # it is init's from now on
        list(arguments),
        env=dict(env),
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        close_fds=True,
    ).returncode = 0  # so that it is not complained about when it is let go


def go(prepare: Sequence[Sequence[str]], command: Sequence[str], directory: str) -> None:
    """Run the commands of *prepare* in *directory*, one after the other, then become *command* there. It does not return.

    Raises:
        OSError: a program cannot be started, or there is no such directory.
        subprocess.CalledProcessError: one of *prepare* failed.
    """
    os.chdir(directory)
    for words in prepare:
        subprocess.run(list(words), check=True, stdin=subprocess.DEVNULL)
    os.execvp(command[0], list(command))  # noqa: S606


class KnownProcesses:
    """See `ports.running.Processes`."""

    def me(self) -> dict[str, Any]:
        """See `Processes.me`."""
        return known(os.getpid())

    def known(self, pid: int, start: str) -> dict[str, Any] | None:
        """See `Processes.known`."""
        found = known(pid)
        return found if found["start"] == start else None

    def is_gone(self, process: Mapping[str, Any]) -> bool | None:
        """See `Processes.is_gone`."""
        pid, start, here = process.get("pid"), process.get("start"), _here()
        if not isinstance(pid, int) or pid <= 0 or process.get("host") != here["host"]:
            return None
        if process.get("boot") != here["boot"]:
            return True
        if process.get("space") != here["space"]:
            return None  # a container's: its ids mean nothing here
        now = _start(pid)
        return now is None or (bool(start) and now != start)


def known(pid: int) -> dict[str, Any]:
    """Return a process as it is noted: `pid`, `start`, `boot`, `host`, `space` (of process ids)."""
    return {"pid": pid, "start": _start(pid) or "", **_here()}


def _here() -> dict[str, str]:
    boot = ""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        if sys.platform == "darwin":
            boot = _said("sysctl", "-n", "kern.boottime").partition("}")[0]
    try:
        space = os.readlink("/proc/self/ns/pid")  # noqa: PTH115 - it is no path
    except OSError:
        space = ""
    return {"boot": boot, "host": os.uname().nodename, "space": space}


def _start(pid: int) -> str | None:
    """Return when a process started, in the system's own words; None where there is none, or only what is left of one."""
    try:
        told = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except FileNotFoundError:
        return None if Path("/proc/self").exists() else (_said("ps", "-o", "lstart=", "-p", str(pid)) or None)
    except OSError:  # it ended while we looked
        return None
    return None if told[0] in {b"Z", b"X"} else told[19].decode()


def _said(*words: str) -> str:
    try:
        return subprocess.run(words, capture_output=True, text=True, check=False, timeout=5).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""
