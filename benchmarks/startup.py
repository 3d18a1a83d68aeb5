"""What it costs to start: CPU of whole processes, children included, in turns with a bare interpreter."""

import os
import random
import statistics
import subprocess
import sys
from pathlib import Path

BARE, BARE_HOOK, HELP, HOOK, NO_OP, INSTALLED = (
    "python -c pass",
    "python -S -E -c pass",
    "segue --help",
    "hook",
    "sh -c :",
    "hook as installed",
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
    """Return CPU seconds and the ratio to the bare interpreter for each way in that there is.

    The installed hook is what an agent runs: the whole command in a shell, with the worker at work as it is in a session;
    `more` is what it costs beyond a shell that does nothing.
    """
    from segue.host.hookfile import hook_text
    from segue.host.install import Setup, command
    from segue.host.install.agents import CLAUDE_CODE
    from segue.host.worker import Post

    setup = Setup(home=place, python=sys.executable, program="segue", config={})
    hook = setup.hook(CLAUDE_CODE)
    (place / "spool").mkdir()
    hook.parent.mkdir()
    hook.write_text(hook_text(str(place), "claude-code", sys.executable, __file__))
    (place / "spool" / "worker~").touch()
    post = Post(place)
    post.take()
    payload = b'{"session_id":"s","hook_event_name":"PostToolUse","tool_name":"Read"}' * 20
    commands = {
        BARE: ([sys.executable, "-c", "pass"], b""),
        BARE_HOOK: ([sys.executable, "-S", "-E", "-c", "pass"], b""),
        HOOK: ([sys.executable, "-S", "-E", str(hook), "PostToolUse"], payload),
        NO_OP: (["sh", "-c", ":"], payload),
        INSTALLED: (["sh", "-c", command(setup, CLAUDE_CODE, "PostToolUse")], payload),
    }
    program = Path(sys.executable).with_name("segue")
    if program.exists() and subprocess.run([program, "--help"], capture_output=True, check=False).returncode == 0:
        commands[HELP] = ([str(program), "--help"], b"")
    found: dict[str, list[float]] = {name: [] for name in commands}
    order = list(commands)
    for n in range(count + 1):
        random.Random(n).shuffle(order)
        for name in order:
            arguments, stdin = commands[name]
            found[name].append(cpu(arguments, stdin=stdin))
    post.leave()
    base = {HOOK: BARE_HOOK, NO_OP: NO_OP, INSTALLED: NO_OP}
    return {
        name: {
            "cpu": statistics.median(times[1:]),
            "ratio": statistics.median(t / b for t, b in zip(times[1:], found[base.get(name, BARE)][1:], strict=True)),
            "more": statistics.median(t - b for t, b in zip(times[1:], found[base.get(name, BARE)][1:], strict=True)),
        }
        for name, times in found.items()
    }
