"""Files of agents' configuration, read as what they say. What cannot be understood is told, never fatal."""

import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from segue.core.errors import ConfigurationError
from segue.host.install import files, jsonc
from segue.ports.mcp import Misread

_MOST: Final = 64 * 1024 * 1024


class Documents:
    """Reads the files of one agent, and keeps what could not be read."""

    def __init__(self, agent: str) -> None:
        """Read for *agent*."""
        self.agent = agent
        self.misread: list[Misread] = []

    def json(self, path: Path) -> Mapping[str, Any]:
        """Return the object in a file of JSON, comments allowed; an empty one where there is none."""
        return self._read(path, _json)

    def toml(self, path: Path) -> Mapping[str, Any]:
        """Return the document in a file of TOML; an empty one where there is none."""
        return self._read(path, lambda text: tomllib.loads(text.removeprefix("\ufeff")))

    def _read(self, path: Path, parse: Any) -> Mapping[str, Any]:
        try:
            if path.is_file() and path.stat().st_size > _MOST:
                reason = "it is larger than 64 MB"
            else:
                data = files.read(path)
                found = parse(data.decode()) if data is not None else {}
                if isinstance(found, Mapping):
                    return found
                reason = "it holds no object"
        except ConfigurationError as e:
            reason = str(e.fields.get("reason") or e.message)
        except (ValueError, RecursionError, OSError) as e:
            reason = f"it is not understood: {e}"
        self.misread.append(Misread(self.agent, str(path), reason))
        return {}


def _json(text: str) -> Any:
    text = text.removeprefix("\ufeff")
    try:
        return json.loads(text)  # a hundred times as quick: some of these files have megabytes
    except ValueError:
        return jsonc.parse(text).value if text.strip() else {}


def table(document: Any, *keys: str) -> Mapping[str, Any]:
    """Return the object at *keys*; an empty one where there is none."""
    for key in keys:
        document = document.get(key) if isinstance(document, Mapping) else None
    return document if isinstance(document, Mapping) else {}


def names(document: Any, *keys: str) -> list[str]:
    """Return the texts in the list at *keys*; none where there is none."""
    found = table(document, *keys[:-1]).get(keys[-1])
    return [name for name in found if isinstance(name, str)] if isinstance(found, list) else []


def entries(document: Any, *keys: str) -> Iterator[tuple[str, Any]]:
    """Yield the members of the object at *keys*."""
    yield from table(document, *keys).items()
