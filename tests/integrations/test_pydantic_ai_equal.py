"""Whatever is done, our store of conversations and the framework's own in memory give equal answers."""

import asyncio
from copy import deepcopy

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from pydantic_ai import Conversation
from pydantic_ai.conversation_store import ConversationConflict, InMemoryConversationStore
from pydantic_ai.exceptions import UserError
from pydantic_ai.messages import ModelRequest, ModelResponse, TextPart, UserPromptPart
from pydantic_ai.usage import RunUsage

from segue.host.clock import SystemClock, SystemIds
from segue.integrations.pydantic_ai import SegueConversationStore
from segue.stores.memory import MemoryStore

NAMES = st.sampled_from(["a", "b", "c"])
SCOPES = st.sampled_from([None, "ada", "bob"])
PLACES = st.integers(-1, 6)
HOLDERS = st.integers(0, 2)


class Equal(RuleBasedStateMachine):
    """Two stores that are asked the same. Their ids and revisions differ: what is compared is where they are in each."""

    @initialize()
    def begin(self):
        sync = MemoryStore(clock=SystemClock(), ids=SystemIds())
        self.theirs = InMemoryConversationStore()
        self.ours = [SegueConversationStore(sync) for _ in range(2)]  # two processes
        self.number = 0
        self.held = {}
        """What callers hold: their copies of a conversation, the framework's and ours."""

    def ask(self, call):
        """Do the same in both, in ours in one of two processes; return both answers, told alike."""
        self.number += 1
        return [self._one(call, self.theirs, 0), self._one(call, self.ours[self.number % 2], 1)]

    @staticmethod
    def _one(call, store, which):
        try:
            return asyncio.run(call(store, which))
        except (ConversationConflict, UserError) as e:
            return type(e).__name__

    def told(self, answers):
        a, b = ([self._plain(m) for m in x.messages] if isinstance(x, Conversation) else x for x in answers)
        assert a == b
        return answers

    @staticmethod
    def _plain(message):
        return [(type(part).__name__, part.content) for part in message.parts]

    @rule(name=NAMES, holder=HOLDERS, limit=st.sampled_from([None, None, 1, 3]), scope=SCOPES)
    def load(self, name, holder, limit, scope):
        answers = self.told(self.ask(lambda s, _: s.load(name, limit=limit, scope=scope)))
        if isinstance(answers[0], Conversation):
            self.held[holder] = answers

    @rule(name=NAMES, holder=HOLDERS)
    def make(self, name, holder):
        self.held[holder] = [Conversation(conversation_id=name) for _ in range(2)]

    @precondition(lambda self: self.held)
    @rule(holder=HOLDERS, turns=st.integers(0, 2), scope=SCOPES)
    def save(self, holder, turns, scope):
        if holder not in self.held:
            return
        for n in range(turns):
            self.number += 1
            said = [ModelRequest([UserPromptPart(f"q{self.number}.{n}")]), ModelResponse([TextPart(f"a{self.number}.{n}")])]
            for conversation in self.held[holder]:
                conversation.messages += deepcopy(said)
                conversation.usage.incr(RunUsage(requests=1, input_tokens=n + 1))

        async def save(store, which):
            return len(await store.save(self.held[holder][which], scope=scope))

        a, b = self.ask(save)
        assert a == b

    @precondition(lambda self: self.held)
    @rule(holder=HOLDERS, keep=PLACES)
    def rewrite(self, holder, keep):
        for conversation in self.held.get(holder, ()):
            del conversation.messages[max(keep, 0) :]

    @precondition(lambda self: self.held)
    @rule(holder=HOLDERS, place=PLACES, left=st.booleans())
    def branch(self, holder, place, left):
        if holder not in self.held:
            return

        async def branch(store, which):
            held = self.held[holder][which]
            where = {"at": place}
            if left:
                record = await store.read_record(held.conversation_id)
                tips = record.branches if record else []
                where = {"from_entry": tips[place % len(tips)] if tips else "nowhere"}
            return await store.branch(held.conversation_id, expected_revision=held.revision, **where)

        answers = self.told(self.ask(branch))
        if isinstance(answers[0], Conversation):
            self.held[holder] = answers

    @rule(name=NAMES, new=NAMES, place=st.none() | PLACES, scope=SCOPES)
    def fork(self, name, new, place, scope):
        self.told(self.ask(lambda s, _: s.fork(name, at=place, new_conversation_id=new, scope=scope)))

    @rule(name=NAMES, scope=SCOPES)
    def delete(self, name, scope):
        before = [self._entries(which) for which in range(2)]
        self.ask(lambda s, _: s.delete(name, scope=scope))
        gone = [asyncio.run(self._gone(which, entries)) for which, entries in enumerate(before)]
        assert gone[0] == gone[1]

    def _entries(self, which):
        """The entries of all conversations and their branches, told by what they say."""
        return asyncio.run(self._all(which))

    async def _all(self, which):
        store, found = (self.theirs, self.ours[0])[which], {}
        for record in await store.list_conversations():
            for tip in (record.head_id, *record.branches):
                for entry in await store.read_history(tip):
                    found[entry.id] = str(self._plain(entry.message))
        return found

    async def _gone(self, which, entries):
        """What said what is no more."""
        store, found = (self.theirs, self.ours[1])[which], []
        for entry, text in entries.items():
            try:
                await store.read_entry(entry)
            except LookupError:
                found.append(text)
        return sorted(found)

    @invariant()
    def the_same_is_there(self):
        if not hasattr(self, "ours"):
            return
        assert self._listed(self.theirs) == self._listed(self.ours[0]) == self._listed(self.ours[1])

    def _listed(self, store):
        async def look():
            found = []
            for record in await store.list_conversations():
                lines = [
                    [self._plain(entry.message) for entry in await store.read_history(tip)]
                    for tip in (record.head_id, *record.branches)
                ]
                known = (record.usage.requests, record.usage.input_tokens, record.scope, record.forked_from)
                found.append((record.conversation_id, lines, known, record.forked_at is None))
            return found

        return asyncio.run(look())


Equal.TestCase.settings = settings(
    max_examples=10, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
)
TestShort = Equal.TestCase


class Longer(Equal):
    """The same, for long."""


Longer.TestCase.settings = settings(
    max_examples=300, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
TestLong = pytest.mark.long(pytest.mark.timeout(3600)(Longer.TestCase))
