"""A session that goes on in another agent: what joins the log and the transcript that was written from it.

The continuation is a fork of the session at the position that was carried over. Its id is made from the agent's name and the
agent's id of the transcript, so whoever imports that transcript later, or is told of it by a hook, finds the fork; what was
written into the transcript is not taken for new words, and what the agent adds follows the events that it was made from.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from segue.core.errors import ExistsError
from segue.core.log.events import ABSENT, Draft
from segue.core.log.kinds import is_node
from segue.core.together.conversation import Conversation
from segue.engine.foreign import Foreign, place
from segue.engine.forks import fork
from segue.engine.loading import Desk
from segue.ports import Store, Transcripts, Written

_BY_LINE = ("@", "#", "=")
"""What the names of nodes begin with that only say where a record stands, or what it says: another one may be so later."""


class Link(NamedTuple):
    """Which nodes of a transcript we wrote, and from which of ours."""

    nodes: Mapping[str, str]
    keys: Mapping[str, str]
    whose: str
    """What the names of further nodes begin with that say only where a record stands: the past has such names as well."""

    def apply(self, drafts: Iterable[Draft]) -> list[Draft]:
        """Return the drafts that are the agent's own, hung onto our events where they follow what we wrote."""
        return [self._hung(draft) for draft in drafts if not self._written(draft)]

    def _written(self, draft: Draft) -> bool:
        name = draft.node
        if name is None or name not in self.nodes or not is_node(draft.kind):
            return False
        return not name.startswith(_BY_LINE) or self.keys.get(name) == draft.key

    def _hung(self, draft: Draft) -> Draft:
        body = draft.body
        if draft.kind in {"head.moved", "compaction"}:
            told = {field: self._ours(body[field]) for field in ("to", "frm", "follows") if field in body}
            draft = draft._replace(body={**body, **told})
        node = self._own(draft.node) if draft.node is not None else None
        return draft._replace(node=node, parent=self._ours(draft.parent))

    def _ours(self, node: Any) -> Any:
        """Return the node of ours that *node* was made from; one of the agent's own by its name here."""
        return self.nodes.get(node) or self._own(node) if isinstance(node, str) else node

    def _own(self, node: str) -> str:
        return f"{self.whose}{node}" if node.startswith(_BY_LINE) else node


class Continuation(NamedTuple):
    """The session that a transcript is taken up in."""

    id: str
    new: bool


def link_of(store: Store, session: str, agent: str, foreign_id: str) -> Link | None:
    """Return what of a transcript was written from *session*'s past; None where it is the agent's own."""
    known = store.lookup(session, _key(agent, foreign_id))
    if known is None:
        return None
    event = next(store.read(session, after=known.seq - 1, upto=known.seq), None)
    body = event.body if event is not None else {}
    nodes, keys = body.get("nodes"), body.get("keys")
    if not isinstance(nodes, Mapping):
        return None
    return Link(nodes, keys if isinstance(keys, Mapping) else {}, foreign_id)


def hand_over(
    desk: Desk, transcripts: Transcripts, conversation: Conversation, agent: str, written: Written, *then: Draft
) -> Continuation:
    """Record, durably, that a session goes on as *written*, and return its continuation: the same one for the same transcript.

    *then* are further events that the continuation begins with.
    """
    session, there = place(desk.store, Foreign(agent, (written.foreign_id,)))
    if not there:
        nodes, keys, facts = _nodes(transcripts, conversation, agent, written)
        key = _key(agent, written.foreign_id)
        body = {
            "agent": agent,
            "foreign_id": written.foreign_id,
            "frm": conversation.session,
            "position": conversation.seq,
            "files": list(written.files),
            "nodes": nodes,
            "keys": keys,
        }
        header = {
            **facts,
            "agent": agent,
            "foreign_ids": [written.foreign_id],
            "foreign": [written.foreign_id],
            "workspace": conversation.workspace,
        }
        joined = Draft("session.carried", body, agent, key=key)
        try:
            fork(desk, conversation.session, conversation.seq, header, joined, *then, session=session)
        except ExistsError:  # another did the same at once
            there = True
    told = {
        "agent": agent,
        "foreign_id": written.foreign_id,
        "to": session,
        "position": conversation.seq,
        "files": list(written.files),
    }
    desk.store.append(conversation.session, [Draft("session.carried", told, key=f"{_key(agent, written.foreign_id)}:to")])
    return Continuation(session, not there)


def continuation_at(store: Store, session: str, agent: str, position: int) -> str | None:
    """Return the session that went on from *session* at *position* in *agent*, the last one; None where none did."""
    for event in store.read(session, after=position, reverse=True):
        body = event.body
        if event.kind == "session.carried" and body.get("agent") == agent and body.get("position") == position and "to" in body:
            return str(body["to"])
    return None


def _nodes(
    transcripts: Transcripts, conversation: Conversation, agent: str, written: Written
) -> tuple[dict[str, str], dict[str, str], dict[str, Any]]:
    """Return the nodes that a reader finds in the transcript, each with ours; what it reads by line also with its key.

    A record that the writer says nothing of (a header, a note) belongs to the turn before it.
    """
    known = dict(written.nodes)
    nodes = dict(known)
    keys: dict[str, str] = {}
    facts: dict[str, Any] = {}
    first = next((turn.node for turn in conversation.turns if turn.node), ABSENT)
    last = first
    for file in transcripts.find(written.files[:1], agent):
        if file.reader is None:
            continue
        for batch in file.reader.read(file.path, file.foreign_id):
            if isinstance(root := batch.facts.get("root"), str):
                facts["root"] = root
            for draft in batch.drafts:
                if draft.node is None or not is_node(draft.kind):
                    continue
                last = known.get(draft.node, last)
                nodes[draft.node] = last
                if draft.node.startswith(_BY_LINE) and draft.key:
                    keys[draft.node] = draft.key
    return nodes, keys, facts


def _key(agent: str, foreign_id: str) -> str:
    return f"{agent}:carried:{foreign_id}"
