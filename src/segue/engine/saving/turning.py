"""A conversation is turned back to a checkpoint: its head is moved, and its agent gets a transcript that ends there.

An agent's own transcript is never written to. The new one is taken up by a session of its own, a fork at the head: it has all of
the past, what was left included, and what the old transcript still gets stays where it belongs.
"""

from typing import Final, NamedTuple

from segue.core.context.windows import window_of
from segue.core.errors import HeadMovedError, UsageError
from segue.core.log.events import ANY, Draft
from segue.core.session.state import State
from segue.core.session.tree import moves_back
from segue.core.together.conversation import Carried, Conversation
from segue.core.together.converting import Target, convert
from segue.core.together.report import whole
from segue.engine.capture.carrying import hand_over
from segue.engine.loading import TRIES, event_at, load
from segue.engine.restores import Checkpoint
from segue.engine.resuming.agents import Means, counter_of, destination, flaws, take_note
from segue.engine.saving.checkpoints import Made
from segue.ports import TranscriptWriter

_FOLLOWING: Final = frozenset({"openai_agents"})
"""Frameworks whose adapter goes where the head of the session is moved to."""


class Turned(NamedTuple):
    """A conversation that is what it was."""

    agent: str
    continuation: str
    """The session that goes on from there; empty: the session itself does."""
    foreign_id: str = ""
    files: tuple[str, ...] = ()
    prepare: tuple[tuple[str, ...], ...] = ()
    command: tuple[str, ...] = ()
    workspace: str = ""
    carried: tuple[Carried, ...] = ()
    turns: int = 0
    condensed: int = 0
    warnings: tuple[str, ...] = ()


def agent_of(means: Means, state: State) -> str:
    """Return the agent that keeps the session's transcript; empty: none does.

    Raises:
        UsageError: a framework keeps the conversation's head itself.
    """
    agent = state.header["agent"]
    if agent in means.writers:
        return agent if state.header["foreign_ids"] else ""
    if agent and agent not in _FOLLOWING and state.header["foreign_ids"]:
        raise UsageError(
            f"the conversation of session {state.header['name'] or state.session!r} is led by {agent}",
            hint=f"go back in {agent} by its own means, or go on in a coding agent: segue resume CHECKPOINT --in AGENT",
        )
    return ""


def turn_back(means: Means, session: str, checkpoint: Checkpoint, before: Made, agent: str) -> Turned:
    """Bring the conversation of *session* back to *checkpoint*, and return how it goes on.

    *before*: the checkpoint of what is there now. *agent*: who gets a new transcript; empty: it goes back in place.

    Raises:
        ExistsError, OSError: the transcript cannot be written.
        HeadMovedError: others append without a pause.
    """
    if agent:
        return _in_transcript(means, session, checkpoint, before, means.writers[agent])
    _in_place(means, session, checkpoint)
    return Turned("", "")


def _in_place(means: Means, session: str, checkpoint: Checkpoint) -> None:
    store = means.desk.store
    for left in reversed(range(TRIES)):
        head = store.info(session).head.seq
        try:
            store.append(session, _moves(means, session, checkpoint, head), expect=head if left else ANY)
        except HeadMovedError:
            continue
        return


def _in_transcript(means: Means, session: str, checkpoint: Checkpoint, before: Made, writer: TranscriptWriter) -> Turned:
    store, agent = means.desk.store, writer.agent
    state = load(store, session, checkpoint.position, on_damage=_overlook)
    workspace = load(store, session, on_damage=_overlook).header["workspace"] or means.cwd
    events = store.read(session, upto=checkpoint.position, on_damage=_overlook)
    # what segue knows beside the conversation the agent never heard: it gets what it had
    window = window_of(agent, state.header["model"], writer.accepts.window, means.windows)
    target = Target(agent, writer.accepts, workspace, window=window.tokens, beside=False)
    done = convert(events, state, target, counter_of(means, agent, state.header["model"]))
    conversation = _at(done.conversation, session, before, event_at(store, session, before.seq).digest)
    written = writer.write(conversation, destination(means, writer, workspace))
    found = flaws(writer, written)
    moves = _moves(means, session, checkpoint, before.seq)
    taken_up = hand_over(means.desk, means.transcripts, conversation, agent, written, *moves)
    take_note(means, agent, written)
    return Turned(
        agent,
        taken_up.id,
        written.foreign_id,
        written.files,
        written.prepare,
        written.command,
        workspace,
        whole(done.carried, written.carried),
        len(conversation.turns),
        done.condensed,
        (*written.warnings, *found, *filter(None, (writer.risk,))),
    )


def _at(conversation: Conversation, session: str, before: Made, digest: str) -> Conversation:
    """Return the conversation as one that is written now: each restore has a transcript of its own."""
    return conversation._replace(session=session, seq=before.seq, digest=digest)


def _moves(means: Means, session: str, checkpoint: Checkpoint, upto: int) -> list[Draft]:
    events = means.desk.store.read(session, upto=upto, blobs=False, on_damage=_overlook)
    return moves_back(events, checkpoint.position, checkpoint=checkpoint.name, reason="a checkpoint was restored")


def _overlook(_damage: object) -> None:
    """What is damaged is told of by `validate`."""
