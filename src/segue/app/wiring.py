"""Wiring: configuration to store, index and engine. The only place that knows every layer."""

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from segue.core.errors import SegueError
from segue.host.config import Config
from segue.ports import Clock, Ids, Index, Places, Store, Target, Transcripts
from segue.ports.boxes import CLEAR, Boxes
from segue.ports.returning import Shelf
from segue.ports.seen import Seen

if TYPE_CHECKING:
    from segue.app.auditing import Auditing
    from segue.app.beside import Beside
    from segue.app.copies import Copies
    from segue.app.encryption import Secrecy
    from segue.app.saving import Saving
    from segue.core.context.pack import Counter
    from segue.core.redaction.redactor import Redactor
    from segue.core.session.state import State
    from segue.engine.api import Store as OpenStore
    from segue.engine.budget.budgets import Rules
    from segue.engine.budget.crossing import Keeper
    from segue.engine.context.going_on import Checked
    from segue.engine.context.offering import Offered
    from segue.engine.loading import Desk
    from segue.engine.resuming.agents import Means
    from segue.host.keeping import Keeping
    from segue.host.spool import Spools
    from segue.ports.keys import Keys
    from segue.ports.library import Library
    from segue.ports.live import Lives
    from segue.ports.nearness import Nearness
    from segue.ports.running import Emergencies, Host


class App:
    """Everything that one call of segue works with, each made when it is first needed.

    Args:
        env: the environment (SEGUE_HOME, SEGUE_STORE, ...).
        flags: settings given on the command line, which win.
        cwd: the workspace, as an absolute path.
        clock: the time; the system's by default.
        ids: randomness; the system's by default.
        store: a store that is open already, in the place of the configured one.
        progress: is told how many of how many sessions were indexed, where that takes long.
    """

    def __init__(
        self,
        env: Mapping[str, str] | None = None,
        *,
        flags: Mapping[str, str | None] | None = None,
        cwd: str | None = None,
        clock: Clock | None = None,
        ids: Ids | None = None,
        store: Store | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        self.env = os.environ if env is None else env
        self.config = Config(self.env, flags)
        self.cwd = cwd or _here(self.env)
        self._clock, self._ids, self._store, self._progress = clock, ids, store, progress
        self._opened: Store | None = None

    @cached_property
    def clock(self) -> Clock:
        """The time."""
        if self._clock is not None:
            return self._clock
        from segue.host.clock import SystemClock

        return SystemClock()

    @cached_property
    def ids(self) -> Ids:
        """Randomness."""
        if self._ids is not None:
            return self._ids
        from segue.host.clock import SystemIds

        return SystemIds()

    @cached_property
    def store(self) -> Store:
        """The configured store, opened; made where there is none. Raises UsageError, StoreTooNewError, StoreUnusableError."""
        from segue.app.stores import opened, rescue

        store = self._opened = self._store or opened(self)
        self._seal()
        rescue(self, store)
        return store

    @property
    def keys(self) -> "Keys":
        """Where this machine has the keys of encrypted stores."""
        from segue.host.keys import MachineKeys

        return MachineKeys(self.env, self.config["key.file"])

    @cached_property
    def redactor(self) -> "Redactor | None":
        """What takes secrets out of all that comes in, by configuration; None: they are kept as they are."""
        return None if self.config["redact"] == "off" else self.make_redactor(emails=self.config["redact"] == "emails")

    def make_redactor(self, *, emails: bool = False) -> "Redactor":
        """Return what finds secrets: by rules, and those of this environment wherever they stand."""
        from segue.core.redaction.known import of_environment
        from segue.core.redaction.redactor import Redactor

        return Redactor(of_environment(self.env), emails=emails)

    @cached_property
    def desk(self) -> "Desk":
        """What use cases work with."""
        from segue.engine.loading import Desk

        return Desk(self.store, self.clock, self.ids)

    @cached_property
    def index(self) -> Index:
        """The index of the store, beside its logs; a scan where Python has no full text."""
        try:
            from segue.stores.index.database import no_key
            from segue.stores.index.index import SqliteIndex, check_full_text

            check_full_text()
        except ImportError:
            from segue.engine.scanning import ScanIndex

            return ScanIndex(self.store)
        place, cipher = getattr(self.store, "path", None), getattr(self.store, "cipher", None)
        path, key = place / "index.sqlite" if place else ":memory:", cipher.index_key if cipher else no_key
        return SqliteIndex(self.store, path, key=key, progress=self._progress)

    @cached_property
    def spools(self) -> "Spools":
        """What agents' hooks wrote and nobody took in yet."""
        from segue.host.spool import Spools

        return Spools(self.config.home, wipe=self.redactor is not None)

    @cached_property
    def host(self) -> "Host":
        """This machine, as a run of an agent needs it."""
        from segue.host.running import ThisHost

        return ThisHost(self.config.home, self.env, self._wake, self.boxes)

    def _wake(self) -> None:
        from segue.app.upkeep import wake

        wake(self)

    @cached_property
    def emergencies(self) -> "Emergencies":
        """What could not be appended, and nobody took in yet."""
        from segue.host.emergency import EmergencyFiles

        return EmergencyFiles(self.config.home, self.env, lambda: self.boxes)

    @property
    def keeping(self) -> "Keeping":
        """Copies of what agents might destroy, and texts that they are to read."""
        from segue.host.keeping import Keeping

        return Keeping(self.config.home, self.boxes, self.env)

    @property
    def boxes(self) -> Boxes:
        """What the store is encrypted with, for what lies beside it."""
        cipher: Boxes = getattr(self._opened or self.store, "cipher", CLEAR)
        return cipher

    def _seal(self) -> None:
        """Have agents' hooks spool nothing of what is said where the store is encrypted."""
        if self.boxes.tag:
            self.spools.seal()

    @cached_property
    def saving(self) -> "Saving":
        """What saving works with."""
        from segue.app.saving import Saving

        return Saving(self)

    @cached_property
    def secrecy(self) -> "Secrecy":
        """The encryption of the configured store."""
        from segue.app.encryption import Secrecy

        return Secrecy(self)

    @cached_property
    def beside(self) -> "Beside":
        """What lies beside the store."""
        from segue.app.beside import Beside

        return Beside(self)

    @cached_property
    def copies(self) -> "Copies":
        """The copies of the configured store."""
        from segue.app.copies import Copies

        return Copies(self)

    @cached_property
    def auditing(self) -> "Auditing":
        """What an audit of MCP servers works with."""
        from segue.app.auditing import Auditing

        return Auditing(self)

    @cached_property
    def transcripts(self) -> Transcripts:
        """The transcripts of coding agents on this machine."""
        from segue.transcripts import transcripts

        return transcripts([p for p in self.config["import.exclude"].split(":") if p])

    @cached_property
    def seen(self) -> Seen:
        """What earlier imports saw of the files on this machine."""
        from segue.host.seen import SeenFile

        return SeenFile(self.config.home, self.store.url, self.transcripts.readers)

    @cached_property
    def places(self) -> Places:
        """Where the coding agents of this user are at home."""
        from segue.transcripts.places import Machine

        return Machine(self.env)

    @property
    def means(self) -> "Means":
        """What going on in another agent takes."""
        from segue.app.agents import means

        return means(self)

    @cached_property
    def library(self) -> "Library":
        """The notes in the configured folders."""
        from segue.app.library import library_of

        return library_of(self)

    def offer(self, state: "State", task: str) -> "Offered":
        """Return what the library offers the context of a session. A library that fails is missing, and nothing else."""
        from segue.app.library import concerns
        from segue.engine.context.offering import Offered, offer

        try:
            return offer(self.library, state, task) if concerns(self, state) else Offered()
        except (SegueError, OSError, ImportError) as e:
            return Offered(missing=(("library", str(e)),))

    def offer_foreseen(self, state: "State", task: str) -> "Offered":
        """Return that, and what will likely be needed next."""
        from segue.app.foreseeing import offer_foreseen

        return offer_foreseen(self, state, task)

    @cached_property
    def shelf(self) -> Shelf:
        """Where agents look for their transcripts."""
        from segue.transcripts import shelf

        return shelf(self.places)

    @cached_property
    def workspace(self) -> str:
        """The directory that a session begun here works in: the root of the git work tree, else the directory itself."""
        place = Path(self.cwd)
        for directory in (place, *place.parents):
            if (directory / ".git").exists():
                return str(directory)
        return str(place)

    @property
    def header(self) -> dict[str, str]:
        """The fields of the header that new sessions have by configuration."""
        names = ("organisation", "project", "type", "owner", "model")
        found = {name: self.config[name] for name in names if self.config[name]}
        return {"project": Path(self.workspace).name} | found

    def counter(self, model: str | None) -> "Counter":
        """Return what counts tokens best here for *model*, or for the configured one."""
        from segue.host.tokenizers import counter_for

        return counter_for(model or self.config["model"] or None)

    @cached_property
    def nearness(self) -> "Nearness | None":
        """What tells how near texts are in meaning, by configuration; None: words alone count. Raises UsageError."""
        where = self.config["search.vectors"]
        if not where:
            return None
        from segue.host.vectors import vectors

        return vectors(where)

    @cached_property
    def budgets(self) -> "Rules":
        """What the user says of budgets. Raises UsageError where the settings contradict each other."""
        from segue.app.budgets import rules

        return rules(self.config)

    @property
    def lives(self) -> "Lives":
        """What agents' status lines tell."""
        from segue.host.live import LiveFiles

        return LiveFiles(self.config.home, self.clock)

    @property
    def keeper(self) -> "Keeper":
        """What looks after the budgets of sessions that somebody works in."""
        from segue.app.budgets import keeper

        return keeper(self)

    def opened(self) -> "OpenStore":
        """Return the store as the Python API shows it."""
        from segue.app import protocols
        from segue.engine.api import Store
        from segue.engine.api_parts import Parts

        saving, copies, here = self.saving, self.copies, self.workspace
        host, rewinding, sifter = lambda: self.host, lambda: saving.rewinding, lambda: copies.sifter
        rules, means = lambda: self.budgets, (self.desk, self.index, self.counter, here, self.header)
        far = (lambda: protocols.means(self), self._check, self.offer, lambda: self.nearness)
        return Store(Parts(*means, host, saving.moment, rewinding, sifter, rules, *far))

    def _check(self, session: str) -> "Checked":
        from segue.app.delta import check

        return check(self, session)

    def resolve(self, ref: str) -> Target:
        """Return what a reference means, seen from here. Raises NotFoundError, AmbiguousError."""
        from segue.app.references import resolve

        return resolve(self, ref)

    @property
    def commit_of(self) -> Callable[[str], str]:
        """What tells at which commit a directory is."""
        from segue.host.project.looking import commit_of

        return commit_of

    def settled(self, state: "State") -> "State":
        """Return *state*, or where its agents are gone without a word, the state after that was noted."""
        from segue.core.session.interruptions import processes

        if not processes(state):
            return state
        from segue.engine.capture.spooling import ingest
        from segue.engine.loading import load
        from segue.engine.saving.interrupting import find_lost, settle

        if not find_lost(self.store, [state.session], self.host):
            return state
        if not self.spools.is_empty():  # its hook may have told why it ends, and nobody taken it in yet
            with suppress(SegueError, OSError):
                ingest(self.store, self.spools, self.transcripts, clock=self.clock, hosts=self.host)
        found = settle(self.desk, [state.session], self.host, self.saving.moment)
        return load(self.store, state.session, on_damage=lambda _: None) if found else state

    def remember_commits(self, sessions: Iterable[str]) -> set[str]:
        """Note at which commit the workspaces of *sessions* are, so that they are found later; return where it was new."""
        from segue.engine.moving import remember

        return remember(self.store, sessions, self.commit_of)

    def tend(self) -> None:
        """Start the background worker when there is something for it to do. Nothing is wrong where it cannot be started."""
        if "store" in self.__dict__:
            from segue.app.upkeep import tend

            tend(self)

    def close(self) -> None:
        """Let go of what was opened."""
        for name in ("library", "index", "store"):
            if name in self.__dict__:
                self.__dict__[name].close()


def _here(env: Mapping[str, str]) -> str:
    """Return where we are, also where that directory is gone: what its sessions have is asked for just then."""
    try:
        return str(Path.cwd())
    except FileNotFoundError:
        return env["PWD"] if env.get("PWD", "").startswith("/") else "/"


def open(url_or_path: str | os.PathLike[str] | None = None, *, durability: str | None = None) -> "OpenStore":  # noqa: A001 - segue.open
    """Return an open store: of a URL (`log:///directory`, `memory://`), of a directory, or the configured one.

    It is made where there is none. Many processes may have it open at once.

    Args:
        url_or_path: which one; None: SEGUE_STORE, the configuration, else the default one in SEGUE_HOME.
        durability: `strict`, an append that returned survives a power loss; `relaxed`, it survives the end of the process.

    Raises:
        UsageError: there is no such kind of store.
        StoreTooNewError: a newer program wrote it.
        StoreUnusableError: the place cannot hold a store.
    """
    store = None if url_or_path is None else os.fspath(url_or_path)
    return App(flags={"store": store, "durability": durability}).opened()
