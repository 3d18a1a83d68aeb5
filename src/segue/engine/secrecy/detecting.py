"""Where secrets stand: in files, and in sessions that are in the log already. Nothing is changed."""

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

from segue.core.redaction.values import Located
from segue.ports import OnDamage, Store

_SKIPPED: Final = frozenset({".git", ".hg", ".svn", "node_modules", ".venv", "__pycache__"})
_LARGEST: Final = 64 << 20
"""Bytes of a line, or of a file that is no text of lines, that are looked through at once."""


class Detector(Protocol):
    """Finds secrets."""

    def locate(self, value: Any) -> list[Located]:
        """Return where the secrets in *value* stand."""
        ...


class Detected(NamedTuple):
    """A secret: its kind, and where it stands. Nothing of it is told."""

    kind: str
    where: str


def in_session(store: Store, session: str, detector: Detector, on_damage: OnDamage | None = None) -> Iterator[Detected]:
    """Yield the secrets in the events of a session, each with the number of its event and its member."""
    for event in store.read(session, on_damage=on_damage):
        source = dict(event.source or {})
        raw = source.pop("raw", None)
        record = _value(raw) if isinstance(raw, str) else None
        told = {"body": event.body, "source": source, "record": record, "scopes": event.scopes, "key": event.key}
        for found in detector.locate(told):
            yield Detected(found.kind, f"event {event.seq} {found.where}")


def in_paths(paths: Iterable[str], detector: Detector) -> Iterator[Detected]:
    """Yield the secrets in the files that *paths* name or hold; repositories' own files and packages are passed over.

    Raises:
        OSError: a file that was named cannot be read.
    """
    for path in paths:
        for file in _files(path):
            with file.open("rb") as opened:
                yield from in_lines(str(file), opened, detector)


def in_lines(name: str, lines: Iterable[bytes], detector: Detector) -> Iterator[Detected]:
    """Yield the secrets in lines of text: lines of JSON are decoded, others are read together."""
    held: list[str] = []
    first = size = 0
    for number, data in enumerate(lines, 1):
        text = data.decode("utf-8", "replace")
        value = _value(text) if text.lstrip()[:1] in {"{", "["} else text
        if isinstance(value, str):
            first = first or number
            held.append(text)
            size += len(text)
            if size < _LARGEST:
                continue
        yield from _in_text(name, first, "".join(held), detector)
        held, first, size = [], 0, 0
        if not isinstance(value, str):
            for found in detector.locate(value):
                yield Detected(found.kind, f"{name}:{number} {found.where}")
    yield from _in_text(name, first, "".join(held), detector)


def _in_text(name: str, first: int, text: str, detector: Detector) -> Iterator[Detected]:
    line, at = first, 0
    for found in detector.locate(text) if text else ():
        line += text.count("\n", at, found.start)
        at = found.start
        yield Detected(found.kind, f"{name}:{line}")


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _files(path: str) -> Iterator[Path]:
    if not Path(path).is_dir():
        yield Path(path)
        return
    for place, directories, names in os.walk(path):
        directories[:] = sorted(d for d in directories if d not in _SKIPPED)
        yield from (file for name in sorted(names) if (file := Path(place, name)).is_file() and not file.is_symlink())
