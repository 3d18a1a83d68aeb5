"""What killed processes left unfinished in a repository of ours: locks that git respects for ever, temporary files."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path


def sweep(repository: Path) -> None:
    """Take it all away. Nobody else may be at work in *repository*: its lock is held alone."""
    for path in _left(repository):
        with suppress(OSError):  # it is in nobody's way but for the locks, and of those git will tell
            path.unlink()


def _left(repository: Path) -> Iterator[Path]:
    yield from (repository / "refs").rglob("*.lock")
    yield from (one for one in repository.glob("*.lock") if one.is_file())  # packed-refs.lock
    yield from repository.glob("packed-refs.new")
    yield from (repository / "objects").glob("*/tmp_*")
    yield from (repository / "objects").glob("*/.tmp-*")
    yield from (repository / "info").glob("refs_*")
    yield from (repository / "objects" / "info").glob("packs_*")
    for place in (
        repository,
        repository / "info",
        repository / "sealed",
        repository / "segue",
        *(repository / "segue").glob("*"),
    ):
        yield from place.glob(".*.[0-9]*")  # see `repository.write`
