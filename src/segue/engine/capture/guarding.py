"""What agents will destroy of their own transcripts, and what of that is not in the log yet."""

from typing import Any

from segue.ports import Place, Places, Transcripts
from segue.ports.places import Hazard
from segue.ports.seen import Seen

_DAY = 86_400.0
_SOON = 7.0
"""Days before a deletion at which it is warned of."""


def agents(places: Places, transcripts: Transcripts, seen: Seen, now: float) -> list[dict[str, Any]]:
    """Return what `doctor` says of each agent that is or was used on this machine. Files are counted, none is opened."""
    checks = []
    for place in places.all():
        files = [(path, at) for path, at in places.files(place) if not path.endswith((".meta.json", "-wal", "-shm"))]
        version = places.version(place)
        if not files and not version:
            continue
        waiting = [at for path, at in files if _waits(path, transcripts, seen)]
        known = f"{place.title} {version}".strip() if version else f"{place.title} (not installed now)"
        what = f"{known}: {len(files):,} {'file' if len(files) == 1 else 'files'} of transcripts in {place.home}"
        if files:
            what += f", {len(waiting):,} of them not in the log as they are now" if waiting else ", all in the log"
        checks.append(_check("ok", what, "segue import --all" if waiting else None))
        checks += [_hazard(place, hazard, waiting, now) for hazard in places.hazards(place)]
    return checks or [_check("ok", "no coding agent was used on this machine", None)]


def _waits(path: str, transcripts: Transcripts, seen: Seen) -> bool:
    """Return whether a file is not in the log as it is now, as far as imports remember."""
    sighting = seen.get(path)
    return sighting is None or sighting.stamp != transcripts.stamp(path)


def _hazard(place: Place, hazard: Hazard, waiting: list[float], now: float) -> dict[str, Any]:
    count = sum(1 for at in waiting if now - at >= (hazard.days - _SOON) * _DAY)
    what = f"{place.title} {hazard.what}"
    if not count:
        return _check("ok", f"{what}; nothing is at stake that is not in the log", None)
    when = f" within {_SOON:g} days" if hazard.days else ""
    return _check(
        "warn",
        f"{what}; not in the log and at stake{when}: {count:,} of its files",
        f"segue import --all keeps them; so does {hazard.against}",
    )


def _check(status: str, what: str, hint: str | None) -> dict[str, Any]:
    return {"check": "agent", "status": status, "what": what, "hint": hint}
