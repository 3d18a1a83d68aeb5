"""Where agents look for their configuration: the user's home and directories, the workspace, the environment."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple


class Ground(NamedTuple):
    """What reading configurations takes."""

    home: Path
    """The user's."""
    workspace: Path
    """The root of the project."""
    env: Mapping[str, str]
    configs: Mapping[str, str]
    """By agent: the directory of the user's settings for it."""

    def config(self, agent: str) -> Path:
        """Return the directory of the user's settings for an agent."""
        return Path(self.configs[agent])
