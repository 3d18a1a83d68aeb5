import json
from pathlib import Path

import pytest

from segue.host.mcp.ground import Ground
from segue.host.mcp.lists import ConfiguredServers


class Machine:
    """A user's home and a project, and the agents' files in them."""

    def __init__(self, place: Path) -> None:
        self.home, self.project = place / "home", place / "shop"
        self.home.mkdir()
        self.project.mkdir()
        self.env = {"HOME": str(self.home), "TOKEN": "t0ken-of-fruit"}

    @property
    def ground(self) -> Ground:
        folders = {"claude-code": ".claude", "codex": ".codex", "gemini-cli": ".gemini", "qwen-code": ".qwen"}
        configs = {agent: str(self.home / folder) for agent, folder in folders.items()}
        return Ground(self.home, self.project, self.env, {**configs, "opencode": str(self.home / ".config/opencode")})

    def write(self, path: str, content: object) -> Path:
        """Write a file: `~/...` in the home, else in the project; anything but text as JSON."""
        file = self.home / path[2:] if path.startswith("~/") else self.project / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content if isinstance(content, str) else json.dumps(content, indent=2))
        return file

    def read(self):
        return ConfiguredServers(self.ground).read()

    def servers(self):
        """Return the servers that are named, by agent and name."""
        return {(s.agent, s.name): s for s in self.read().servers}

    def shown(self, server):
        """Return a server in short: how it is started or reached, its scope, and whether it is off."""
        how = " ".join(server.command) or server.url or server.problem
        off = f", off: {server.off}" if server.off else ""
        return f"{server.scope} {server.transport or 'broken'}: {how}{off}".replace(str(self.home), "~").replace(
            str(self.project), "."
        )

    def listing(self):
        """Return all servers in short."""
        return {f"{agent} {name}": self.shown(server) for (agent, name), server in self.servers().items()}


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)
