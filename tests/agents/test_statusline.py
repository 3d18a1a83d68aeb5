"""Claude Code on a terminal shows segue's line below its prompt, with the figures of the answer that it just had."""

import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from pathlib import Path

import pytest

from tests.agents import processes
from tests.agents.programs import Claude
from tests.agents.segue import Segue

pytestmark = pytest.mark.long

WAIT = 90
_CONTROL = re.compile(rb"\x1b\[[0-9;?<>=]*[A-Za-z~]|\x1b\][^\x07]*\x07|\x1b[()=>78][0-9A-B]?")


class Screen:
    """A program on a terminal of its own, and all that it has written there."""

    def __init__(self, command, cwd, env):
        """Start it on 120 columns and 40 lines."""
        self._mine, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        self._program = subprocess.Popen(
            command,
            cwd=cwd,
            env=env | {"TERM": "xterm-256color"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        self._said = b""

    def until(self, words, wait=WAIT):
        """Read until *words* were written, blanks not counted; return what was, as text."""
        end = time.monotonic() + wait
        wanted = re.sub(r"\s", "", words)
        while time.monotonic() < end:
            if select.select([self._mine], [], [], 0.2)[0]:
                try:
                    self._said += os.read(self._mine, 65_536)
                except OSError:
                    break
            plain = _CONTROL.sub(b" ", self._said).decode("utf-8", "replace")
            if wanted in re.sub(r"\s", "", plain):
                return plain
        raise AssertionError(f"{words!r} was never shown:\n{_CONTROL.sub(b' ', self._said).decode('utf-8', 'replace')[-4000:]}")

    def type(self, keys):
        """Type *keys*, and forget what was shown before."""
        self._said = b""
        os.write(self._mine, keys.encode())

    def close(self):
        """End the program, and all that it started."""
        processes.kill_tree(self._program.pid)
        self._program.wait()
        os.close(self._mine)


def onboarded(program):
    """Tell Claude Code what it asks a new user on a terminal: theme, key, and whether this directory is trusted."""
    project = {"hasTrustDialogAccepted": True, "hasCompletedProjectOnboarding": True}
    key = {"approved": ["dummy"], "rejected": []}
    Path(program.place.home, ".claude.json").write_text(
        json.dumps(
            {
                "hasCompletedOnboarding": True,
                "theme": "dark",
                "customApiKeyResponses": key,
                "projects": {str(program.place.project): project},
            }
        )
    )


def test_the_line_shows_how_full_the_context_is_after_an_answer(place, server):
    program = Claude(place)
    program.prepare()
    onboarded(program)
    segue = Segue(program)
    segue.run("init", "--statusline", "--yes")
    screen = Screen([place.program("claude")], place.project, segue.environment())
    try:
        screen.until("segue")
        screen.type("say it [[say the word is ORCHID]]\r")
        screen.until("the word is ORCHID")
        shown = screen.until("left")
    finally:
        screen.close()
    assert re.search(r"segue\s+[█░]{10}\s+\d+\s+%", shown), shown[-2000:]
