"""The agents' transcripts: read into events, and written from them."""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol, runtime_checkable

from segue.core.log.events import Draft
from segue.core.together.conversation import Accepts, Carried, Conversation

EMPTY: Final = "empty file"
"""The reason of a transcript that has nothing in it yet."""


class Noted(NamedTuple):
    """A place in a transcript that could not be read as it should, and why."""

    where: str
    reason: str


class Batch(NamedTuple):
    """The next stretch of a transcript as events, and where the transcript goes on behind it."""

    foreign_id: str
    """The agent's own id of the session that the events belong to."""
    drafts: Sequence[Draft]
    position: dict[str, Any] | None
    """What `read` takes to go on behind this stretch, as JSON; None: the file is read whole each time."""
    facts: dict[str, Any]
    """Fields of the session's header that this stretch told or changed."""
    began: str | None = None
    """The time of the first record, where it has one."""
    noted: tuple[Noted, ...] = ()
    """What is not an event yet, and may become one: a torn last line that is waited for."""


class TranscriptReader(Protocol):
    """Reads one agent's transcripts.

    Every record of a file becomes exactly one event, or a `loss` event that names it and keeps its bytes. Nothing in a
    transcript is an error: bad input is normal input. Reading on from a position gives what reading at once gives.
    """

    agent: str
    version: str
    """The reader's own version; each event names it, so that a newer reader can tell what to correct."""

    def sniff(self, path: str, head: bytes) -> bool:
        """Return whether a file which begins with *head* is this agent's; by its name where no line of *head* can be read."""
        ...

    def identify(self, path: str, head: bytes) -> str:
        """Return the agent's own id of the session that the file belongs to."""
        ...

    def read(
        self, path: str, foreign_id: str, position: Mapping[str, Any] | None = None, *, trusted: bool = False
    ) -> Iterator[Batch]:
        """Yield what follows *position* in the file, in stretches of bounded size; nothing new yields nothing.

        A file that was rewritten or cut before the position is read again from its start, and the fact is noted in a
        `loss` event. *trusted*: the caller has watched the file since it read that position; only the last 64 KiB before
        it are compared.

        Raises:
            OSError: the file cannot be opened or read.
        """
        ...


@runtime_checkable
class ManySessions(Protocol):
    """What a reader has besides where one file of its agent, a database, holds many sessions.

    Each of them then has a path of its own, `<file>#<session>`, which the reader's other methods take.
    """

    def sessions(self, path: str) -> Sequence[tuple[str, str]]:
        """Return the path and the foreign id of each session in the file at *path*, a session before its subagents'.

        A file that holds no session, or none that can be told apart, is one itself. What has one session has no others.
        """
        ...

    def stamp(self, path: str) -> str:
        """Return a short text that changes when the session of that path does; empty where there is none."""
        ...

    def size(self, path: str) -> int:
        """Return how many bytes the records of the session of that path have. Raises OSError."""
        ...


class Found(NamedTuple):
    """A file to import: who reads it, or why nobody does."""

    path: str
    """Absolute; a session in a file of many has `#` and its id behind the file's."""
    reader: TranscriptReader | None
    foreign_id: str = ""
    reason: str = ""
    shared: bool = False
    """It is one session of a file that holds many."""
    stranger: bool = False
    """It was read, and is no agent's transcript."""


class Asked(NamedTuple):
    """A reader that was asked whose a file is: what it looks for, and what it saw in the file instead."""

    agent: str
    missed: str


class Transcripts(Protocol):
    """The transcripts on this machine."""

    agents: tuple[str, ...]
    """Those whose transcripts can be read."""
    readers: str
    """The readers by agent and version, as one text."""

    def find(
        self, paths: Iterable[str], agent: str | None = None, *, known: Container[str] = (), others: bool = False
    ) -> Iterator[Found]:
        """Yield the transcripts that *paths* name or hold, but for those of *known* paths.

        Directories are walked as they are read, a session's own file before its subagents'. A named file that nobody can
        read is found without a reader, and with a reason; in directories, files that are nobody's are passed over (with
        *others*, they are not), unreadable ones are not. With *agent*, only that agent's; a named file is then read as one
        whatever it looks like. A file that the user excluded is nobody's.

        Raises:
            UsageError: there is no reader of that name.
        """
        ...

    def stamp(self, path: str) -> str:
        """Return a short text that changes when the file does, or what belongs to it; empty where there is none."""
        ...

    def size(self, path: str) -> tuple[int, float]:
        """Return a file's bytes and when it was written to last, in seconds since 1970; zeros where there is none.

        Of a session in a file of many: the bytes of its records, and when the file was written to.
        """
        ...

    def ask(self, path: str) -> list[Asked]:
        """Return why each reader does not take a file for its own, those that do left out. Raises OSError."""
        ...


class Destination(NamedTuple):
    """Where a transcript is written, and for whom."""

    home: str
    """The agent's own directory (`~/.claude`, `CODEX_HOME`, ...), absolute; it need not exist."""
    workspace: str
    """The directory that the agent will be started in, absolute."""
    version: str = ""
    """The version of the agent that will read it; empty: not known, the newest known form is written."""
    model: str = ""
    """What the agent will run, where it must be named in the transcript; empty: the writer's own default."""


class Written(NamedTuple):
    """A transcript that an agent's own resume command takes."""

    foreign_id: str
    """The agent's id of the new session, made from the conversation: the same one written twice is the same session."""
    files: tuple[str, ...]
    """What was written, absolute; the transcript itself first."""
    prepare: tuple[tuple[str, ...], ...]
    """Commands that must be run before, in the workspace (opencode: its import)."""
    command: tuple[str, ...]
    """The command that goes on with the session, run in the workspace."""
    profile: str
    """The version whose form was written."""
    carried: tuple[Carried, ...]
    """What the writer did not keep as the conversation has it, counted by part; together with the conversion's own it is the
    whole report. Lines with the fate `kept` are allowed and say nothing new."""
    nodes: tuple[tuple[str, str], ...] = ()
    """(a record of the transcript as this agent's reader names its node, the node of the turn that it was made from): so that
    what the agent does next follows our own events when it is imported."""
    warnings: tuple[str, ...] = ()


class TranscriptWriter(Protocol):
    """Writes one agent's transcripts so that the agent's own resume command goes on from them."""

    agent: str
    accepts: Accepts
    risk: str
    """What the agent's resume command may destroy, in a sentence: copied first. Empty: nothing known."""

    def home(self, env: Mapping[str, str]) -> str:
        """Return the agent's own directory by the environment *env* (`CODEX_HOME`, `HOME`, ...), absolute."""
        ...

    def find(self, foreign_id: str, to: Destination) -> str | None:
        """Return the file that holds the agent's own session *foreign_id*, where its resume command would find it; else None."""
        ...

    def command(self, foreign_id: str, to: Destination) -> tuple[str, ...]:
        """Return the command that goes on with the agent's own session *foreign_id*, run in the workspace."""
        ...

    def write(self, conversation: Conversation, to: Destination) -> Written:
        """Write *conversation* as a new session. All or nothing; files that exist are never changed.

        Repeatable: the same conversation has the same foreign id; while its file is as it was written, that is returned again.
        Every part of every turn is in the transcript, or counted in `carried` with its fate and a reason. Where the format
        has room, the transcript names segue's session and position (`conversation.session`, `.seq`).

        Raises:
            ExistsError: this conversation was written there before, and the agent has gone on with it since.
            OSError: it cannot be written.
        """
        ...

    def validate(self, path: str) -> list[Noted]:
        """Return what the agent's loader would refuse, drop or misread in the transcript at *path*; nothing: it is sound."""
        ...
