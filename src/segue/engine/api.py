"""The Python API: an open store, and its sessions as objects."""

from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

from segue.core.session.catalogue import SessionRow
from segue.engine import sessions
from segue.engine.api_parts import Open, Parts
from segue.engine.api_session import Session
from segue.ports import EVERYTHING, Filters, Finding, Hits
from segue.ports import Store as Port

if TYPE_CHECKING:
    from segue.engine.context.evidence import Evidence
    from segue.engine.recovery.reconstructing import Reconstructed

__all__ = ["Session", "Store"]


class Store:
    """An open store. Close it when you are done, or use it in a `with` statement; what was acknowledged is on disk already.

    Example:
        >>> import segue
        >>> with segue.open("memory://") as store:
        ...     session = store.create(task="build the parser")
        ...     _ = session.append("message", {"role": "user", "parts": [{"type": "text", "content": "hello"}]})
        ...     session.state().status
        'active'
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = Open(parts)
        self.url = parts.desk.store.url
        """Where the store is; `segue.open` takes it."""

    @property
    def port(self) -> Port:
        """The store as the contract knows it: bytes, order, keys, leases and forks, without any meaning."""
        return self._parts.desk.store

    def create(self, /, **header: Any) -> Session:
        """Begin a session, durably, and return it.

        Args:
            header: fields of its header: `task`, `title`, `project`, `organisation`, `type`, `model`, `owner`, `workspace`,
                `tags`, `agents`, `foreign_ids`, `agent`, or your own. Those of the configuration are the defaults.
        """
        fields = {"workspace": self._parts.workspace, **self._parts.header, **header}
        return Session(self._parts, sessions.start(self._parts.desk, fields).id)

    def session(self, ref: str) -> Session:
        """Return the session that *ref* means: an id or the beginning of one, a name, a slug, a foreign id, a checkpoint, a task
        by its id or title, `last`, or `current` (that of the working directory).

        Raises:
            NotFoundError: nothing fits.
            AmbiguousError: several fit; `candidates` names them.
        """
        target = self._parts.catalogue.resolve(ref, workspace=self._parts.workspace)
        return Session(self._parts, target.session, target.position, target.task)

    def ensure(self, agent: str, /, *ids: object, **header: Any) -> Session:
        """Return the session of a framework's own thread or conversation, begun now where it is not there: to run an agent in.

        Args:
            agent: the framework, as its sessions say: `langgraph`, `openai_agents`, ...
            ids: its own id, in as many parts as it takes there; numbers and UUIDs are taken as texts, as frameworks do.
            header: as for `create`, where it is begun.

        Raises:
            UsageError: the framework's ids have more parts, or fewer.

        Example:
            >>> import segue
            >>> with segue.open("memory://") as store:
            ...     thread = store.ensure("langgraph", "trip-to-oslo", task="plan the trip")
            ...     thread.id == store.ensure("langgraph", "trip-to-oslo").id
            True
        """
        from segue.engine.foreign import ensure, named

        fields = {"workspace": self._parts.workspace, **self._parts.header, **header}
        return Session(self._parts, ensure(self.port, named(agent, ids), fields, clock=self._parts.desk.clock))

    def sessions(self, filters: Filters = EVERYTHING, *, text: str = "", limit: int | None = None) -> list[SessionRow]:
        """Return the catalogue's rows that fit, latest activity first."""
        return self._parts.catalogue.sessions(filters, text=text, limit=limit)

    def search(
        self,
        query: str,
        filters: Filters = EVERYTHING,
        *,
        kind: str | None = None,
        role: str | None = None,
        file: str | None = None,
        limit: int = 20,
        order: Literal["newest", "best"] = "best",
    ) -> Hits:
        """Return where the words of *query* stand in any session, the best first; "quoted words" must be there word for word.

        With the order `newest`: what has all of the words, the latest first. *kind*, *role* and *file* narrow it further.
        """
        return self._parts.catalogue.search(query, filters, kind=kind, role=role, file=file, limit=limit, order=order)

    def evidence(
        self,
        query: str,
        budget: int,
        filters: Filters = EVERYTHING,
        *,
        kind: str | None = None,
        role: str | None = None,
        file: str | None = None,
        model: str | None = None,
    ) -> "Evidence":
        """Return what *query* is about, packed into at most *budget* tokens: to read in place of the logs.

        The entries that fit best and those beside them, whole where they are not long, in the order of their logs; `items` says
        what became of each. Tokens are those of *model* (of the configured one, if not given): counted where its tokenizer is
        installed, else estimated with a margin; `family` and `method` say which.
        """
        from segue.engine.context.evidence import Wanted, gather

        wanted = Wanted(query, filters, kind, role, file)
        parts = self._parts
        return gather(parts.catalogue, self.port, wanted, budget, parts.counter(model), parts.nearness)

    def verify(self, session: str | None = None) -> list[Finding]:
        """Look at every byte of a session (by its id), or of all; change nothing; return what is not as it should be."""
        from segue.engine.recovery.validating import validate

        return validate(self.port, session)[1]

    def reconstruct(self, *paths: str, dry_run: bool = False) -> "list[Reconstructed]":
        """Make a new session of each log that *paths*, files or directories of any origin, hold something of.

        Each gap is named in what is returned, and in the session that was made. Repeatable: of the
        same events no second session is made.

        Args:
            paths: single segments, damaged backups or mirrors, lines with others lost between them, whatever surrounds them.
            dry_run: make nothing.

        Raises:
            NotFoundError: a path is not there.
        """
        from segue.engine.recovery.reconstructing import reconstruct

        return reconstruct(self._parts.sifter, self._parts.desk, paths, dry_run=dry_run)[1]

    def close(self) -> None:
        """Let go of files. What is asked of the store or its sessions from then on is a UsageError; closing it again is none."""
        if not self._parts.closed:
            self._parts.catalogue.close()
            self.port.close()
            self._parts.closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<segue store {self.url}>"
