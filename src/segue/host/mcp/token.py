"""The token of the MCP server over HTTP: in a file that its user alone can read."""

import os
import secrets
import stat
from pathlib import Path
from typing import Final

from segue.core.errors import ConfigurationError
from segue.host.beside import beside

_NAME: Final = "http-token"
_SHORTEST: Final = 32


def token_of(home: Path, *, new: bool = False) -> tuple[Path, str]:
    """Return where the token is, and the token; made where there is none, or a *new* one is asked for.

    Raises:
        ConfigurationError: others may read it, or it is none.
        OSError: it cannot be read or written.
    """
    path = home / "mcp" / _NAME
    if new or not path.exists():
        _write(path, secrets.token_urlsafe(_SHORTEST))
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    with os.fdopen(fd, encoding="ascii", errors="replace") as file:
        if stat.S_IMODE(os.fstat(fd).st_mode) & 0o077:
            raise ConfigurationError(str(path), "others than you can read it", hint="segue mcp serve --http --new-token")
        token = file.read(1_000).strip()
    if len(token) < _SHORTEST or not token.isascii() or not token.isprintable():
        raise ConfigurationError(str(path), "it holds no token", hint="segue mcp serve --http --new-token")
    return path, token


def _write(path: Path, token: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = beside(path)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as file:
        file.write(token + "\n")
    temporary.rename(path)
