"""The repository of a mirror: bare, ours alone, beside no work tree of anybody's.

    refs/segue/sessions/<id>          a commit without parents: its tree is the session's directory
    refs/segue/scopes/<hash>          the same, of what sessions share
    refs/segue/store                  numbers and header of the store
    refs/segue/parted/<id of commit>  what a log was before the store's went on otherwise
    segue/                            lock, and what may be lost: known.json, joined

A file of the store is a blob with its bytes. One that still grows is a directory of its parts, each named by its first byte and
the byte behind its last. Objects come in as packs that are on the disk before any ref names them; refs move all together, each
from where it was. A repository that is damaged is moved aside as a whole, and read by recovery; the next one is made anew.
"""

import errno
import fcntl
import json
import os
import re
import shutil
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from segue.core.errors import MirrorError, WorkspaceError
from segue.host.mirror.commits import find_commit
from segue.host.mirror.exporting import export
from segue.host.mirror.objects import Pack
from segue.host.mirror.reading import Reader, reading
from segue.host.mirror.trees import Tree
from segue.host.mirror.writing import PARTED, REFS, Writing
from segue.host.private import bytes_below, make, new
from segue.host.workspace.gitting import Git
from segue.host.workspace.repository import sync, write
from segue.host.workspace.sweeping import sweep
from segue.ports import Clock
from segue.ports.mirror import Mirrored

ASIDE: Final = ".aside-"
"""What the name of a damaged mirror is followed by, and a number."""
_CONFIG: Final = """\
[core]
	repositoryformatversion = 0
	bare = true
	logallrefupdates = false
	hooksPath = /dev/null
	attributesFile = /dev/null
[gc]
	auto = 0
[maintenance]
	auto = false
"""  # fmt: skip
_NOWHERE: Final = "0" * 40
_MOST_PACKS: Final = 40
_MOST_REFS: Final = 64
_SMALL: Final = 8 << 20
_WAIT: Final = 120.0


class GitMirror:
    """The mirror of one store. Passes for `ports.mirror.Mirror`."""

    def __init__(self, path: Path, clock: Clock, env: Mapping[str, str] | None = None) -> None:
        """Work with the repository at *path*, made when it is needed; *env* is the user's environment."""
        self.path = path.absolute()
        self._clock, self._env = clock, os.environ if env is None else env
        self._git = Git(self.path, str(self.path), self._env)

    @property
    def place(self) -> str:
        """See `Mirror.place`."""
        return str(self.path)

    @property
    def exists(self) -> bool:
        """See `Mirror.exists`."""
        return (self.path / "HEAD").exists()

    def aside(self) -> list["GitMirror"]:
        """Return the damaged ones before it, latest first."""
        found = [path for path in self.path.parent.glob(f"{self.path.name}{ASIDE}*") if _number(path)]
        return [GitMirror(path, self._clock, self._env) for path in sorted(found, key=_number, reverse=True)]

    def below(self, place: Path) -> list["GitMirror"]:
        """Return the mirrors at or in the directory *place*, of whatever store."""
        found = [path for path in (place, *sorted(place.glob("*"))) if (path / "HEAD").is_file() and (path / "segue").is_dir()]
        return [GitMirror(path, self._clock, self._env) for path in found]

    @property
    def looked_at(self) -> float:
        """When something was last looked for that is new, in seconds since 1970; 0 where it never was."""
        try:
            return (self.path / "segue" / "known.json").stat().st_mtime
        except OSError:
            return 0.0

    def look(self) -> None:
        """Note that nothing was new just now."""
        with suppress(OSError):
            os.utime(self.path / "segue" / "known.json", (self._clock.now(),) * 2)

    # --- reading

    def logs(self) -> list[Mirrored]:
        """See `Mirror.logs`. Commits that no ref names count for logs of which there is no ref."""
        if not self.exists:
            return []
        with self._held(fcntl.LOCK_SH), reading(self._git, self.place) as reader:
            found = []
            for ref, commit in self._refs().items():
                try:
                    found.append(find_commit(reader, commit, parted=ref.startswith(PARTED))[1])
                except MirrorError:
                    found.append(Mirrored(ref.removeprefix(REFS), commit, 0, "", "", 0, parted=ref.startswith(PARTED)))
            found += self._unnamed(reader, {one.log for one in found}, {one.id for one in found})
        return sorted(found, key=lambda one: (one.parted, one.log))

    def export(self, mirrored: Mirrored, to: str) -> int:
        """See `Mirror.export`."""
        with self._held(fcntl.LOCK_SH), reading(self._git, self.place) as reader:
            return export(Tree(reader, find_commit(reader, mirrored.id)[0]), Path(to))

    def known(self) -> dict[str, Any]:
        """See `Mirror.known`."""
        try:
            found = json.loads((self.path / "segue" / "known.json").read_bytes())
        except (OSError, ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    # --- changing

    @contextmanager
    def writing(self) -> Iterator[Writing]:
        """See `Mirror.writing`."""
        self._make()
        with self._held(fcntl.LOCK_EX):
            sweep(self.path)
            try:
                with reading(self._git, self.place) as reader:
                    change = Writing(reader, self._refs(), self.known(), self._take_in, self._clock.now())
                    yield change
                    change.flush()
                    self._move(change.moves)
                self._remember(change.known())
                self._tidy()
            except (WorkspaceError, MirrorError):
                self._set_aside()
                raise
            finally:
                sweep(self.path)  # git leaves what it could not take away

    def drop(self, logs: Collection[str] | None = None) -> int:
        """See `Mirror.drop`. Damaged mirrors that were moved aside go as a whole."""
        freed = 0
        for other in self.aside():
            freed += other.size()
            shutil.rmtree(other.path)
        if not self.exists:
            return freed
        with self._held(fcntl.LOCK_EX), reading(self._git, self.place) as reader:
            sweep(self.path)
            before, refs = self.size(), self._refs()
            gone = {ref for ref, commit in refs.items() if logs is None or _log_of(reader, ref, commit) in logs}
            self._update(f"delete {ref}\n" for ref in gone)
            reader.close()
            self._remember({name: what for name, what in self.known().items() if logs is not None and name not in logs})
            self._join(empty=gone == refs.keys())
            return freed + max(0, before - self.size())

    # --- inside

    def _refs(self) -> dict[str, str]:
        """Return what each ref names; none where git cannot tell."""
        try:
            told = self._git.run("for-each-ref", "--format=%(refname) %(objectname)", REFS)
        except WorkspaceError:
            self._git.run("version")  # is it git itself?
            return {}
        return dict(line.split(" ", 1) for line in told.decode("utf-8", "replace").splitlines())

    def _unnamed(self, reader: Reader, logs: set[str], ids: set[str]) -> list[Mirrored]:
        """Return the latest commits of logs that no ref is about: refs are small files, and easily damaged."""
        try:
            told = self._git.run("cat-file", "--batch-all-objects", "--batch-check", "--unordered")
        except WorkspaceError:
            return []
        found: dict[str, Mirrored] = {}
        for line in told.splitlines():
            commit, _, rest = line.decode().partition(" ")
            if rest.startswith("commit ") and commit not in ids:
                with suppress(MirrorError):
                    one = find_commit(reader, commit)[1]
                    if one.log not in logs and one.seq >= (found[one.log].seq if one.log in found else 0):
                        found[one.log] = one
        return list(found.values())

    def _remember(self, what: Mapping[str, Any]) -> None:
        path = self.path / "segue" / "known.json"
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        with new(temporary) as file:
            file.write(json.dumps(what, separators=(",", ":")).encode())
        temporary.replace(path)
        self.look()

    def _take_in(self, pack: Pack) -> None:
        data = pack.data()
        if data:
            name = self._git.run("index-pack", "--stdin", stdin=data).decode().split()[-1]
            place = self.path / "objects" / "pack"
            for suffix in (".pack", ".idx"):
                sync(place / f"pack-{name}{suffix}")
            sync(place)

    def _move(self, moves: Mapping[str, tuple[str, str]]) -> None:
        self._update(f"update {ref} {new} {old or _NOWHERE}\n" for ref, (old, new) in moves.items())
        for ref in moves:
            with suppress(FileNotFoundError):  # packed, with many others
                sync(self.path / ref)
                sync((self.path / ref).parent)

    def _update(self, lines: Iterator[str]) -> None:
        commands = "".join(lines)
        if commands:
            self._git.run("update-ref", "--stdin", stdin=commands.encode())
            if sum(len(names) for _, _, names in os.walk(self.path / "refs")) > _MOST_REFS:
                self._git.run("pack-refs", "--all")
                sync(self.path / "packed-refs")
                sync(self.path)

    def _tidy(self) -> None:
        """Join packs where there are many, and let go of what no ref needs once that may be half of all."""
        try:
            before = int((self.path / "segue" / "joined").read_text())
        except (OSError, ValueError):
            before = 0
        if self.size() > 2 * before + _SMALL:
            self._join()
        elif sum(one.name.endswith(".pack") for one in (self.path / "objects" / "pack").iterdir()) > _MOST_PACKS:
            self._git.run("repack", "-q", "-d", "-n", "--geometric=2")

    def _join(self, *, empty: bool = False) -> None:
        """Write one pack of all that refs need, and let the rest go; *empty*: they need nothing."""
        self._git.run("repack", "-q", "-a", "-d", "-n", "--window=0")
        self._git.run("prune", "--expire=now")
        if empty:  # git leaves the packs where there is no ref
            for one in (self.path / "objects" / "pack").iterdir():
                one.unlink()
        with new(self.path / "segue" / "joined") as file:
            file.write(str(self.size()).encode())

    def _set_aside(self) -> None:
        """Move the repository away if it is damaged."""
        try:
            self._git.run("fsck", "--no-dangling", "--no-progress")
        except WorkspaceError:
            with suppress(OSError):
                number = max([0, *(_number(one.path) for one in self.aside())]) + 1
                self.path.rename(self.path.with_name(f"{self.path.name}{ASIDE}{number}"))

    def size(self) -> int:
        """Return how many bytes its objects take."""
        return bytes_below(self.path / "objects")

    def _make(self) -> None:
        """Make the repository where there is none. It is written by hand: no template of anybody's gets into it."""
        try:
            make(self.path / "segue")
            if self.exists:
                return
            with self._held(fcntl.LOCK_EX):
                for name in ("objects/pack", "objects/info", "refs/segue", "info"):
                    make(self.path / name)
                write(self.path / "config", _CONFIG.encode())
                write(self.path / "HEAD", b"ref: refs/heads/none\n")
        except OSError as e:
            raise MirrorError(self.place, f"it cannot be made: {e.strerror or e}") from e

    @contextmanager
    def _held(self, how: int) -> Iterator[None]:
        """Keep others from changing it, or from looking at it meanwhile; what git and the system refuse is a MirrorError."""
        try:
            descriptor = self._lock(how)
            try:
                self._wait(descriptor, how)
                yield
            finally:
                os.close(descriptor)
        except WorkspaceError as e:
            raise MirrorError(self.place, str(e.fields["reason"]), hint=e.hint) from e
        except OSError as e:
            raise MirrorError(self.place, (e.strerror or str(e)).lower()) from e

    def _lock(self, how: int) -> int:
        path = self.path / "segue" / "lock"
        try:
            return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as e:
            if how == fcntl.LOCK_SH and e.errno in {errno.EROFS, errno.EACCES}:
                return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            raise

    def _wait(self, descriptor: int, how: int) -> None:
        until = time.monotonic() + _WAIT
        while True:
            with suppress(BlockingIOError):
                fcntl.flock(descriptor, how | fcntl.LOCK_NB)
                return
            if time.monotonic() > until:
                raise MirrorError(self.place, "another process is at work on it", hint="try again")
            time.sleep(0.02)


def named(store: Path, home: Path) -> str:
    """Return what the mirror of the store at an absolute path is called; one in *home* moves with it."""
    if store.parent == home:
        return store.name
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", store.name).strip(".-") or "store"
    return f"{name[:40]}-{blake2b(os.fsencode(store), digest_size=4).hexdigest()}"


def _log_of(reader: Reader, ref: str, commit: str) -> str:
    try:
        return find_commit(reader, commit)[1].log
    except MirrorError:
        return ref.removeprefix(REFS)


def _number(path: Path) -> int:
    number = path.name.rpartition(ASIDE)[2]
    return int(number) if number.isdigit() else 0
