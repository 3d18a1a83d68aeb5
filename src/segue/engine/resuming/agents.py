"""Coding agents, as a session is given to them: where their transcripts belong, who counts their tokens, what they refuse."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from segue.core.session.budget import RESERVE
from segue.engine.capture.importing import import_paths
from segue.engine.loading import Desk, load
from segue.ports import Destination, Transcripts, TranscriptWriter, Written
from segue.ports.places import Places

if TYPE_CHECKING:
    from segue.core.context.pack import Counter
    from segue.core.session.state import State
    from segue.engine.context.offering import Offered

SHOWN: Final = 20
"""Findings that are warned of one by one."""
_ASK: Final = "Read {file} first: it is the restored context of the session that you go on with. Then go on from there."
PROMPTED: Final[Mapping[str, tuple[str, ...]]] = {
    "claude-code": ("claude", _ASK),
    "codex": ("codex", _ASK),
    "gemini-cli": ("gemini", "--prompt-interactive", _ASK),
    "qwen-code": ("qwen", "--prompt-interactive", _ASK),
    "opencode": ("opencode", "--prompt", _ASK),
    "aider": ("aider", "--read", "{file}"),
}
"""Agent -> the command that begins with a text to be read."""
READERS: Final[Mapping[str, str]] = {"claude-code": "claude", "codex": "codex", "gemini-cli": "gemini"}
"""Agent -> the family of models that it runs, where it is one: its tokens are counted. Others run any."""


class Keeping(Protocol):
    """Files of ours beside the store."""

    def keep(self, path: str, name: str) -> str:
        """Copy the file *path* durably into our directory *name*, and return the copy's path; earlier copies stay."""
        ...

    def leave(self, name: str, text: str) -> str:
        """Write *text* as our file *name*, and return its path."""
        ...


class Means(NamedTuple):
    """What going on in an agent takes: handed in by the wiring."""

    desk: Desk
    writers: Mapping[str, TranscriptWriter]
    transcripts: Transcripts
    places: Places
    env: Mapping[str, str]
    counter: "Callable[[str | None], Counter]"
    keeping: Keeping
    scratch: Callable[[], AbstractContextManager[str]]
    """A directory that goes away."""
    cwd: str
    """Where a session goes on that never said where it worked."""
    windows: Mapping[str, int] = {}
    """Windows by configuration: of a model, of all whose names begin so, or of an agent. See `window_of`."""
    offer: "Callable[[State, str], Offered] | None" = None
    """What of the library may be given; None: nothing."""
    reserve: int = RESERVE
    """Tokens: where fewer are left in a window, a session is condensed first."""


def catch_up(means: Means, session: str) -> None:
    """Take in what the session's transcripts have behind the last import. Repeatable."""
    state = load(means.desk.store, session, on_damage=_overlook)
    known = {entry["path"]: entry["agent"] for entry in state.imports.values()}
    for path, agent in known.items():
        if path and agent in means.transcripts.agents and means.transcripts.stamp(path):
            import_paths(means.desk.store, means.transcripts, [path], clock=means.desk.clock, agent=agent)


def destination(means: Means, writer: TranscriptWriter, workspace: str, version: str = "", model: str = "") -> Destination:
    """Return where the agent of *writer* finds a transcript of *workspace*, in the version that is installed if none is given."""
    if not version:
        place = next((p for p in means.places.all() if p.agent == writer.agent), None)
        version = means.places.version(place) if place is not None else ""
    return Destination(writer.home(means.env), workspace, version, model)


def counter_of(means: Means, agent: str, model: str) -> "Counter":
    """Return what counts the tokens that *agent* reads; *model*: the session's, for an agent that runs any."""
    return means.counter(READERS.get(agent) or model or None)


def flaws(writer: TranscriptWriter, written: Written) -> list[str]:
    """Return what the agent would refuse or misread in what was written, a line each; nothing: it is sound."""
    found = writer.validate(written.files[0]) if written.files else []
    return [f"{flaw.where}: {flaw.reason}" for flaw in found[:SHOWN]]


def take_note(means: Means, agent: str, written: Written) -> None:
    """Read a transcript that was written once: what comes later begins behind what we wrote."""
    desk = means.desk
    import_paths(desk.store, means.transcripts, written.files[:1], clock=desk.clock, agent=agent)


def _overlook(_damage: object) -> None:
    """What is damaged is told of by `validate`."""
