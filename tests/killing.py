"""A child that is killed at a chosen one of its operations on files."""

import os
import signal
import sys


def killed_at(n, operations, work):
    """Do *work* in a child that is killed at its *n*th of these *operations* ; return whether it came to that."""
    child = os.fork()
    if child == 0:
        seen = 0

        def audit(event, _arguments):
            nonlocal seen
            if event in operations:
                seen += 1
                if seen == n:
                    os.kill(os.getpid(), signal.SIGKILL)

        try:
            sys.addaudithook(audit)
            work()
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])
