"""Taking what is erased out of a backup: the same backup again, but for that, made beside it and put in its place.

<series>/.erased-<name>    the new form; once its manifest is whole, it counts where the backup itself is not there
"""

import os
import shutil
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from segue.core.errors import DamagedError, SegueError
from segue.core.log.needles import Needle
from segue.ports.keys import Keys
from segue.stores.log import files
from segue.stores.log.backup import manifest as manifests
from segue.stores.log.backup.copying import is_whole
from segue.stores.log.backup.manifest import BESIDE, STORE, Copied, new_hash
from segue.stores.log.cipher import Cipher
from segue.stores.log.clearing import clear

_MADE: Final = ".erased-"


class Clearing(NamedTuple):
    """What is to go, and what is known of other backups of the series."""

    needle: Needle
    erased: Collection[str]
    """Digests of events."""
    keys: Keys | None
    holds: Callable[[Path], bool]
    """Whether what is kept beside a store, in a directory, holds something."""
    made: dict[str, Path]
    """New forms of files, by their hashes: backups share them."""


def clear_backup(backup: Path, clearing: Clearing) -> int:
    """Make *backup* anew without what is to go; return how many of its files changed. The series must be held alone."""
    try:
        manifest = manifests.read(backup)
    except SegueError:
        return _clear_damaged(backup, clearing)
    target = backup.with_name(f"{_MADE}{backup.name}")
    shutil.rmtree(target, ignore_errors=True)
    try:
        target.mkdir(mode=files.DIR_MODE)
        for part in (STORE, BESIDE):
            _link(backup / part, target / part)
        cipher = Cipher(target / STORE, clearing.keys).refresh()
        changed = clear(target / STORE, clearing.needle, clearing.erased, cipher)
        names = {path.relative_to(target / STORE).as_posix() for path in changed}
        beside = {} if manifest.beside and clearing.holds(target / BESIDE) else manifest.beside
        if not names and beside == manifest.beside:
            return 0
        if beside != manifest.beside:
            shutil.rmtree(target / BESIDE)
        new = {name: _renewed(target / STORE, name, old, names, clearing.made) for name, old in manifest.files.items()}
        kept = {name: copied for name, copied in new.items() if copied is not None}
        about = manifests.about(backup)
        manifests.write(target, manifest._replace(files=kept, beside=beside), events=about.events, copied=about.copied)
        for name in names & kept.keys():
            if not is_whole(target / STORE / name, kept[name], sync=True):
                raise DamagedError(f"backup file {name!r}", "it does not read back as it was written")
        for directory, _, _ in os.walk(target):
            files.sync_dir(Path(directory))
        going = backup.with_name(f".going-{backup.name}")
        backup.rename(going)
        target.rename(backup)
        files.sync_dir(backup.parent)
        shutil.rmtree(going)
    finally:
        if backup.exists():
            shutil.rmtree(target, ignore_errors=True)
    return len(names) + len(manifest.beside) - len(beside)


def finish_clearing(series: Path) -> None:
    """Put in place what an interrupted clearing had made; the rest of it goes."""
    for made in series.glob(f"{_MADE}*"):
        backup = made.with_name(made.name.removeprefix(_MADE))
        if not backup.exists() and not manifests.about(made).damaged:
            made.rename(backup)
            files.sync_dir(series)
        else:
            shutil.rmtree(made, ignore_errors=True)


def _clear_damaged(backup: Path, clearing: Clearing) -> int:
    """Clear what is no backup any more where it stands: nothing vouches for its files."""
    with suppress(SegueError):
        cipher = Cipher(backup / STORE, clearing.keys).refresh()
        return len(clear(backup / STORE, clearing.needle, clearing.erased, cipher))
    return 0


def _link(source: Path, target: Path) -> None:
    """Link all files below *source* below *target*; copied where that cannot be."""
    for directory, _, names in os.walk(source):
        here = target / Path(directory).relative_to(source)
        here.mkdir(mode=files.DIR_MODE)
        for name in names:
            try:
                os.link(Path(directory, name), here / name, follow_symlinks=False)
            except OSError:
                shutil.copy2(Path(directory, name), here / name, follow_symlinks=False)


def _renewed(store: Path, name: str, old: Copied, changed: Collection[str], made: dict[str, Path]) -> Copied | None:
    """Return what the manifest is to say of a file; None where it went. What an earlier backup has in its new form is linked."""
    path = store / name
    if name not in changed:
        return old if path.exists() else None
    if not path.exists():
        return None
    data = files.read_file(path)
    digest = new_hash()
    digest.update(data)
    found = Copied(len(data), digest.hexdigest(), "")
    earlier = made.get(found.hash)
    if earlier is not None and earlier.exists():
        path.unlink()
        os.link(earlier, path)
    made[found.hash] = Path(str(path).replace(f"/{_MADE}", "/", 1))
    return found
