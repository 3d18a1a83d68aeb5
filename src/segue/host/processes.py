"""Starting processes that outlive this one."""

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
