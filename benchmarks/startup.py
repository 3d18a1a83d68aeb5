"""What it costs to start: CPU of whole processes, children included, in turns with a bare interpreter."""

import os
import random
import statistics
import subprocess
import sys
from pathlib import Path

BARE, BARE_HOOK, HELP, HOOK = (
    "python -c pass",
    "python -S -E -c pass",
    "segue --help",
    "hook",
)


def cpu(command: list[str], *, stdin: bytes = b"") -> float:
    """Return the CPU seconds of one run."""
    read, write = os.pipe()
    os.write(write, stdin)
    os.close(write)
    process = subprocess.Popen(command, stdin=read, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(read)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command} failed with {process.returncode}")
    return used.ru_utime + used.ru_stime


def measure(place: Path, count: int) -> dict[str, dict[str, float]]:
    """Return CPU seconds and the ratio to the bare interpreter for each way in that there is."""
    from segue.host.hookfile import hook_text

    (place / "spool").mkdir()
    hook = place / "hook.py"
    hook.write_text(hook_text(str(place), "claude"))
    payload = b'{"session_id":"s","hook_event_name":"PostToolUse","tool_name":"Read"}' * 20
    commands = {
        BARE: ([sys.executable, "-c", "pass"], b""),
        BARE_HOOK: ([sys.executable, "-S", "-E", "-c", "pass"], b""),
        HOOK: ([sys.executable, "-S", "-E", str(hook), "PostToolUse"], payload),
    }
    program = Path(sys.executable).with_name("segue")
    if program.exists() and subprocess.run([program, "--help"], capture_output=True, check=False).returncode == 0:
        commands[HELP] = ([str(program), "--help"], b"")
    found: dict[str, list[float]] = {name: [] for name in commands}
    order = list(commands)
    for n in range(count + 1):
        random.Random(n).shuffle(order)
        for name in order:
            command, stdin = commands[name]
            found[name].append(cpu(command, stdin=stdin))
    base = {HOOK: BARE_HOOK}
    return {
        name: {
            "cpu": statistics.median(times[1:]),
            "ratio": statistics.median(t / b for t, b in zip(times[1:], found[base.get(name, BARE)][1:], strict=True)),
        }
        for name, times in found.items()
    }
