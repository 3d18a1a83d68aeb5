"""Which servers a person has agreed to have started: asked the first time, and again when what is started changes."""

import json
import os
from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path
from typing import Final

from segue.host.beside import beside
from segue.host.maskkey import mask_key
from segue.ports.mcp import Server

_NAME: Final = "agreed.json"
_MOST: Final = 10_000


class Agreed:
    """The servers that were agreed to in one home of segue. Kept are keyed digests: nothing can be read out of them."""

    def __init__(self, home: Path, workspace: str) -> None:
        """Read what was agreed to; what cannot be read was not. A server is another one in another workspace."""
        self._home, self._workspace = home, workspace
        self._path = home / "mcp" / _NAME
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            found = []
        self._known: list[str] = [d for d in found if isinstance(d, str)] if isinstance(found, list) else []

    def missing(self, servers: Iterable[Server]) -> list[Server]:
        """Return those that nobody has agreed to yet."""
        known = set(self._known)
        return [server for server in servers if not known or self._digest(server) not in known]

    def keep(self, servers: Iterable[Server]) -> None:
        """Note that *servers* were agreed to. Raises OSError."""
        found = list(dict.fromkeys([*self._known, *map(self._digest, servers)]))[-_MOST:]
        if found == self._known:
            return
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = beside(self._path)
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump(found, file, indent=1)
        temporary.rename(self._path)
        self._known = found

    def _digest(self, server: Server) -> str:
        text = json.dumps([self._workspace, server.launch], ensure_ascii=True)
        return blake2b(text.encode(), key=mask_key(self._home), digest_size=16).hexdigest()
