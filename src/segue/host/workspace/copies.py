"""The repository of snapshots in a backup: its files as they are at one moment, whether a copy is whole, and back from one."""

import filecmp
import os
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Final

from segue.core.errors import WorkspaceError
from segue.host.workspace.gitting import Git
from segue.host.workspace.repository import SNAPSHOTS, Repository, sync
from segue.host.workspace.vault import Vault

_PLAIN: Final = ("HEAD", "config", "info/attributes")
_REFS: Final = "packed-refs"
_PACKS: Final = "objects/pack"


class SnapshotCopies:
    """What of the repository of snapshots belongs into the backups of a store. See `ports.backups.Beside`."""

    def __init__(self, home: Path, env: Mapping[str, str], vault: Callable[[], Vault] | None = None) -> None:
        """Work with what is below *home*, in *vault* where it is not in the open; *env* is the user's environment."""
        self._place, self._env, self._make = home.absolute() / "workspaces", env, vault

    @cached_property
    def _vault(self) -> Vault:
        return self._make() if self._make else Vault(self._place)

    @cached_property
    def _ours(self) -> Repository:
        return Repository(self._place, str(self._place), self._env, self._vault)

    @contextmanager
    def captured(self) -> Iterator[Mapping[str, str]]:
        """See `Beside.captured`. Packs never change: links keep them while others join or drop theirs."""
        if self._vault.is_sealed:
            with self._vault.captured() as found:
                yield found
            return
        if not self._ours.exists:
            yield {}
            return
        aside = self._ours.path / "segue" / "capturing"
        try:
            yield self._capture(aside)
        finally:
            shutil.rmtree(aside, ignore_errors=True)

    def check(self, copy: str) -> str:
        """See `Beside.check`. Where there is no git, or no key, nobody can say: the bytes have to do."""
        try:
            with self._vault.reading(Path(copy)) as place:
                return self._check(str(place)) if place else ""
        except ValueError as e:
            return f"a box is damaged: {e}"

    def _check(self, copy: str) -> str:
        commits = _refs(Path(copy)).values()
        if not commits:
            return ""
        with tempfile.TemporaryDirectory(prefix="segue-") as place:
            for name in ("objects", "refs"):
                (Path(place) / name).mkdir()
            (Path(place) / "HEAD").write_text("ref: refs/heads/none\n")
            git = Git(Path(place), copy, self._env)
            try:
                git.run("version")
            except WorkspaceError:
                return ""
            wanted = "".join(f"{one}\n" for one in commits).encode()
            env = {"GIT_OBJECT_DIRECTORY": str(Path(copy) / "objects")}
            try:
                git.run("rev-list", "--objects", "--quiet", "--stdin", stdin=wanted, env=env)
            except WorkspaceError as e:
                return str(e.fields["reason"])
        return ""

    def bring_back(self, copy: str, wanted: Collection[str]) -> set[str]:
        """See `Beside.bring_back`."""
        try:
            with self._vault.reading(Path(copy)) as place:
                if place is None:
                    return set()
                with self._vault.opened(whole=True, make=True):
                    return self._bring_back(str(place), wanted)
        except ValueError as e:
            raise WorkspaceError(self._ours.root, f"a box of the backup is damaged: {e}") from e

    def _bring_back(self, copy: str, wanted: Collection[str]) -> set[str]:
        found = {commit for ref, commit in _refs(Path(copy)).items() if ref.startswith(SNAPSHOTS)} & set(wanted)
        if not found:
            return found
        with self._ours.adding():
            try:
                for pack in sorted(Path(copy, _PACKS).glob("*.pack")):
                    for one in (pack, pack.with_suffix(".idx")):  # without an index it is none
                        _take(one, self._ours.path / _PACKS / one.name)
                sync(self._ours.path / _PACKS)
            except OSError as e:
                raise WorkspaceError(self._ours.root, str(e)) from e
            self._ours.give_names(self._ours.lacking(found))
        return found

    def _capture(self, aside: Path) -> dict[str, str]:
        found = {name: self._ours.path / name for name in _PLAIN if (self._ours.path / name).is_file()}
        try:
            with self._ours.alone():
                shutil.rmtree(aside, ignore_errors=True)  # of one who was killed
                aside.mkdir(mode=0o700)
                refs = sorted(_refs(self._ours.path).items())
                (aside / _REFS).write_text("".join(f"{commit} {ref}\n" for ref, commit in refs))
                found[_REFS] = aside / _REFS
                for index in (self._ours.path / _PACKS).glob("*.idx"):
                    for one in (index.with_suffix(".pack"), index):
                        _link(one, aside / one.name)
                        found[f"{_PACKS}/{one.name}"] = aside / one.name
        except OSError as e:
            raise WorkspaceError(self._ours.root, str(e)) from e
        return {name: str(path) for name, path in found.items()}


def _refs(repository: Path) -> dict[str, str]:
    """Return the refs of a repository of ours, without any git."""
    found = {}
    with suppress(FileNotFoundError):
        for line in (repository / _REFS).read_text().splitlines():
            commit, _, ref = line.partition(" ")
            if ref.startswith("refs/segue/"):
                found[ref] = commit
    for path in (repository / "refs" / "segue").rglob("*"):
        if path.is_file() and not path.name.endswith(".lock"):
            found[path.relative_to(repository).as_posix()] = path.read_text().strip()
    return found


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:  # a file system without links
        shutil.copy2(source, target)


def _take(source: Path, target: Path) -> None:
    """Copy a file, durably and at once, unless the same is there: what is there may be damaged."""
    if target.exists() and filecmp.cmp(source, target, shallow=False):
        return
    part = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.copyfile(source, part)
    part.chmod(0o400)
    sync(part)
    part.rename(target)
