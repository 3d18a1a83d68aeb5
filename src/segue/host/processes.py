"""Starting processes: one that outlives this one, or one that takes its place."""

import os
import subprocess
from collections.abc import Mapping, Sequence


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
