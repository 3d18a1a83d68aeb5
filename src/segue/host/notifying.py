"""The user's command for crossings of a budget's thresholds."""

import json
import os
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

_PATIENCE: Final = 60.0
_NAMES: Final = ("crossing", "session", "name", "agent", "model", "workspace", "band", "from", "percent", "used", "successor")


def notifier(command: str, env: Mapping[str, str], patience: float = _PATIENCE) -> Any:
    """Return what runs *command* in a shell, given what a crossing tells as JSON and as `SEGUE_*`; it returns why that failed.

    What it prints goes nowhere. It has *patience* seconds; then it is ended with all that it began.
    """

    def notify(told: Mapping[str, Any]) -> str:
        more = {f"SEGUE_{name.upper()}": str(told[name]) for name in _NAMES if told.get(name) not in (None, "")}
        try:
            process = subprocess.Popen(
                ["/bin/sh", "-c", command],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={**env, **more},
                cwd="/",
                start_new_session=True,
            )
        except OSError as e:
            return f"it cannot be run: {e.strerror or e}"
        try:
            process.communicate(json.dumps(dict(told)).encode(), timeout=patience)
        except subprocess.TimeoutExpired:
            with suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return f"it took longer than {patience:g} seconds"
        return f"it ended with {process.returncode}" if process.returncode else ""

    return notify
