"""Files that agents' status lines write (`segue.statusline`), and the remarks that they show."""

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from segue.host.beside import beside
from segue.ports import Clock
from segue.ports.live import Live

_DAY: Final = 86_400.0
_LARGEST: Final = 4_096


class LiveFiles:
    """What lies in the directory `live` of segue's home. See `ports.Lives`."""

    def __init__(self, home: Path, clock: Clock) -> None:
        """Read nothing yet."""
        self._directory, self._clock = home / "live", clock

    def all(self) -> Iterator[Live]:
        """See `Lives.all`. Files of a day ago are taken away."""
        for path in self._paths("*.json"):
            found = _read(path)
            if found is None:
                continue
            if self._clock.now() - found.at > _DAY:
                with suppress(OSError):
                    path.unlink()
                    path.with_suffix(".note").unlink(missing_ok=True)
                continue
            yield found

    def of(self, agent: str, foreign_ids: Sequence[str]) -> Live | None:
        """See `Lives.of`."""
        named = (self._directory / f"{agent}~{one}.json" for one in foreign_ids if _is_name(one))
        return max(filter(None, map(_read, named)), key=lambda live: live.at, default=None)

    def tell(self, agent: str, foreign_id: str, text: str) -> None:
        """See `Lives.tell`."""
        path = self._directory / f"{agent}~{foreign_id}.note"
        if not _is_name(foreign_id) or not path.with_suffix(".json").exists():
            return
        with suppress(OSError):
            if not text:
                path.unlink(missing_ok=True)
                return
            temporary = beside(path)
            temporary.write_text(text + "\n", encoding="utf-8")
            temporary.chmod(0o600)
            temporary.replace(path)

    def _paths(self, pattern: str) -> list[Path]:
        try:
            return sorted(self._directory.glob(pattern))
        except OSError:
            return []


def _read(path: Path) -> Live | None:
    agent, _, foreign_id = path.stem.partition("~")
    try:
        with path.open("rb") as file:
            told: Any = json.loads(file.read(_LARGEST))
        at, cost, model = told.get("at"), told.get("cost_usd"), told.get("model")
    except (OSError, ValueError, AttributeError, RecursionError):
        return None
    if not foreign_id or not isinstance(at, (int, float)):
        return None
    used, window = (n if isinstance(n := told.get(name), int) and 0 <= n < 10**9 else 0 for name in ("used", "window"))
    cost = float(cost) if isinstance(cost, (int, float)) else None
    return Live(agent, foreign_id, float(at), used, window, cost, model if isinstance(model, str) else "")


def _is_name(foreign_id: str) -> bool:
    return bool(foreign_id) and len(foreign_id) <= 64 and foreign_id.replace("-", "").replace("_", "").isalnum()
