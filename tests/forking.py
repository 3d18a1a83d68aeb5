"""Children of the test's own process: other processes without the time that a framework takes to be imported."""

import os
import signal
import sys
import traceback
import warnings


class Forked:
    """A child that does `work(say, *args)` and ends; what it says is read line by line."""

    def __init__(self, work, *args):
        reading, writing = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # threads are none of the child's
            self.pid = os.fork()
        if self.pid == 0:
            code = 1
            try:
                os.close(reading)
                work(lambda text: os.write(writing, f"{text}\n".encode()), *args)
                code = 0
            except BaseException:  # noqa: BLE001 - the child has nobody else to tell
                traceback.print_exc(file=sys.__stderr__)
            finally:
                os._exit(code)
        os.close(writing)
        self.said = os.fdopen(reading)

    def kill(self):
        """End it as a power failure would."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        self.said.close()

    def end(self):
        """Return all that it said, when it has ended well."""
        with self.said:
            told = self.said.read().splitlines()
        assert os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1]) == 0
        return told
