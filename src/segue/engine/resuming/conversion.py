"""`resume --in`: a session goes on in an agent. As the agent has it; else converted; else as a restored context to be read.

Nothing is started here. What is answered says what would be, what was verified, and the exact command.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from segue.core.context.pack import LEVELS
from segue.core.context.windows import Window, room, window_of
from segue.core.errors import ExistsError, UsageError
from segue.core.log.events import Draft, Event
from segue.core.session.tree import active_chain
from segue.core.together.conversation import Conversation
from segue.core.together.converting import Target, convert, position
from segue.core.together.counting import things
from segue.core.together.report import whole
from segue.engine.capture.carrying import continuation_at, hand_over
from segue.engine.context.restoring import Wanted, restore
from segue.engine.loading import load
from segue.engine.recovery.validating import validate
from segue.engine.resuming.agents import PROMPTED, READERS, SHOWN, Means, catch_up, counter_of, destination, flaws, take_note
from segue.engine.resuming.resumption import Checked, Resumption, Way, Wish
from segue.engine.sessions import move
from segue.ports import Destination, TranscriptWriter, Written

if TYPE_CHECKING:
    from segue.core.context.pack import Counter


def resume_in(means: Means, session: str, wish: Wish) -> Resumption:
    """Return how *session* goes on in an agent, everything made ready for it: see `Way`. Repeatable.

    What the session's own agent wrote since it was last looked at is taken in first. A transcript that is written is read
    back and validated, and recorded on both sides: in the log by a fork that takes up what the agent does.

    Raises:
        UsageError: segue knows no agent of that name.
        NotFoundError: no such session or position.
        OSError: what must be written cannot be.
    """
    if wish.agent not in means.writers and wish.agent not in PROMPTED:
        known = ", ".join(sorted({*means.writers, *PROMPTED}))
        raise UsageError(f"a session cannot go on in {wish.agent!r}: no such agent is known", hint=f"one of: {known}")
    if not wish.dry:
        catch_up(means, session)
    going = _Going(means, session, wish)
    return (None if wish.fresh else going.natively() or going.converted()) or going.prompted()


class _Going:
    """One session on its way to one agent."""

    def __init__(self, means: Means, session: str, wish: Wish) -> None:
        store = means.desk.store
        self.means, self.session, self.wish = means, session, wish
        self.state = load(store, session, wish.position, on_damage=_overlook)
        self.events = list(store.read(session, upto=self.state.seq, on_damage=_overlook))
        self.writer = means.writers.get(wish.agent)
        self.workspace = wish.workspace or self.state.header["workspace"] or means.cwd
        self.warnings: list[str] = []
        findings = tuple(f for f in validate(store, session)[1] if f.severity in {"damage", "gap"})
        self.warnings += [f"{f.where}: {f.reason}" for f in findings[:SHOWN]]
        first, last = (self.events[0].digest, self.events[-1].digest) if self.events else ("", "")
        self.checked = Checked(len(self.events), first, last, things(self.events).total(), findings)

    # --- as the agent has it

    def natively(self) -> Resumption | None:
        """Return the agent's own resumption of the session, where it has it as the log has it."""
        header = self.state.header
        moved = self.workspace != header["workspace"]
        if self.writer is None or header["agent"] != self.wish.agent or moved or not header["foreign_ids"]:
            return None
        if self.wish.position is not None and self.wish.position < self.means.desk.store.info(self.session).head.seq:
            return None
        foreign_id = header["foreign_ids"][0]
        to = self._destination(self.writer)
        path = self.writer.find(foreign_id, to)
        if path is None or not self._all_there(path):
            return None
        usage = self.state.usage
        window = self._window(self.writer, (usage["model"] if usage else "") or header["model"])
        used = usage["context_tokens"] if usage else 0
        if used and window.tokens and window.tokens - used < self.means.reserve:
            return self._condensed(used, window)
        if self.wish.tools or self.wish.reasoning:
            self.warnings.append("the agent has the session itself: nothing is told in another way")
        copies: tuple[str, ...] = ()
        if self.writer.risk and not self.wish.dry:
            copies = (self.means.keeping.keep(path, f"{self.wish.agent}/{foreign_id}"),)
            self.warnings.append(self.writer.risk)
        if not self.wish.dry and self.state.status not in {"created", "active"}:
            move(self.means.desk, self.session, "resume", note=f"in {self.wish.agent}")
        return self._resumption(
            "native",
            self.writer.command(foreign_id, to),
            foreign_id=foreign_id,
            continuation=self.session,
            files=(path,),
            copies=copies,
            tokens=used,
            method="usage" if usage else "",
            **_shown(window),
        )

    def _condensed(self, used: int, window: Window) -> Resumption:
        """Return the resumption from a condensed context: too little is left in the agent's own conversation."""
        left = max(window.tokens - used, 0)
        self.warnings.append(
            f"{left:,} tokens are left in the agent's own conversation, fewer than {self.means.reserve:,} (budget.reserve)"
        )
        found = self.prompted()
        freed = max(used - found.tokens, 0)
        if not self.wish.dry:
            body = {
                "trigger": "resuming",
                "before": used,
                "after": found.tokens,
                "freed": freed,
                "method": found.method,
                "applied": False,
                "position": self.state.seq,
                "budget": found.window,
            }
            answered = self.state.usage["seq"] if self.state.usage else 0
            key = f"condensed:{self.session}:{answered}:resuming"
            self.means.desk.store.append(self.session, [Draft("budget.condensed", body, key=key)])
        return found._replace(freed=freed)

    def _all_there(self, path: str) -> bool:
        """Return whether all that was said in the session's own log is in the agent's transcript at *path*."""
        first = self.means.desk.store.info(self.session).first
        own = [e for e in active_chain(self.events) if e.seq >= first and e.kind == "message"]
        read = next((entry["records"] for entry in self.state.imports.values() if entry["path"] == path), 0)
        lines = [line for e in own if _source(e, "file") == path and isinstance(line := _source(e, "line"), int)]
        cut = read and lines and max(lines) > read  # what the log has of it, it no longer has itself
        return not cut and all(_source(e, "agent") == self.wish.agent for e in own)

    # --- converted

    def converted(self) -> Resumption | None:
        """Return the resumption of a transcript that is written now, or was before from the same position."""
        writer = self.writer
        if writer is None:
            return None
        header = self.state.header
        window = self._window(writer, header["model"] if header["agent"] == self.wish.agent else "")
        wish = self.wish
        target = Target(
            wish.agent,
            writer.accepts,
            self.workspace,
            wish.tools,
            wish.reasoning,
            window.tokens,
            task=wish.task,
            reserve=self.means.reserve,
        )
        last = position(self.events)
        state = load(self.means.desk.store, self.session, last.seq if last else None, on_damage=_overlook)
        done = convert(self.events, state, target, self._counter())
        if not done.conversation.turns:
            return None
        self.checked = self.checked._replace(last=done.conversation.digest)
        try:
            written, found = self._write(writer, done.conversation)
        except ExistsError:
            return self._gone_on(done.conversation.seq)
        continuation = ""
        if written.command and not self.wish.dry:  # nobody goes on in a form that other tools read
            going_on = hand_over(self.means.desk, self.means.transcripts, done.conversation, self.wish.agent, written)
            continuation = going_on.id
            take_note(self.means, self.wish.agent, written)
        self.warnings += [*written.warnings, *found, *filter(None, (writer.risk,))]
        return self._resumption(
            "converted",
            written.command,
            foreign_id=written.foreign_id,
            continuation=continuation,
            prepare=written.prepare,
            files=written.files,
            profile=written.profile,
            carried=whole(done.carried, written.carried),
            turns=len(done.conversation.turns),
            condensed=done.condensed,
            freed=done.freed,
            paths=done.paths,
            tokens=done.size.upper,
            method=done.size.method,
            **_shown(window),
        )

    def _write(self, writer: TranscriptWriter, conversation: Conversation) -> tuple[Written, list[str]]:
        """Return what was written, validated; in a dry run it goes away at once."""
        if not self.wish.dry:
            written = writer.write(conversation, self._destination(writer))
            return written, flaws(writer, written)
        with self.means.scratch() as home:
            written = writer.write(conversation, self._destination(writer)._replace(home=home))
            return written._replace(files=(), prepare=()), flaws(writer, written)

    def _gone_on(self, position: int) -> Resumption | None:
        """Return the resumption of the session that went on in the agent from here before; None where none is known."""
        other = continuation_at(self.means.desk.store, self.session, self.wish.agent, position)
        if other is None:
            raise ExistsError(f"{self.wish.agent} transcript of session", self.state.header["name"] or self.session)
        self.warnings.append("the agent went on from here before: that is where it goes on")
        catch_up(self.means, other)
        going = _Going(self.means, other, self.wish._replace(position=None))
        going.warnings = [*self.warnings, *going.warnings]
        return going.natively() or going.converted()

    # --- as a text

    def prompted(self) -> Resumption:
        """Return the resumption of a new session of the agent that reads the restored context first."""
        model = self.wish.model or READERS.get(self.wish.agent)
        usual = self.writer.accepts.window if self.writer is not None else 0
        window = self.wish.window or window_of(self.wish.agent, self.wish.model, usual, self.means.windows).tokens
        most = LEVELS[self.wish.level]
        wanted = Wanted(
            at=self.state.seq,
            budget=room(window, most, self.means.reserve) if window else most,
            task=self.wish.task,
            model=model,
            changed=self.wish.changed,
            offer=self.means.offer,
        )
        restored = restore(self.means.desk.store, self.session, wanted, self.means.counter)
        name = self.state.header["name"] or self.session
        file = f"{name}-{self.state.seq}.md"
        path = file if self.wish.dry else self.means.keeping.leave(file, restored.context.text)
        words = PROMPTED.get(self.wish.agent)
        if words is None:
            raise UsageError(f"session {name!r} has nothing to go on with in {self.wish.agent!r}", hint=f"segue show {name}")
        command = tuple(word.format(file=path) for word in words)
        size = restored.context.size
        return self._resumption(
            "prompt", command, files=(path,), tokens=size.upper, window=restored.context.budget, method=size.method
        )

    # --- what is common

    def _destination(self, writer: TranscriptWriter) -> Destination:
        return destination(self.means, writer, self.workspace, self.wish.version, self.wish.model)

    def _window(self, writer: TranscriptWriter, model: str) -> Window:
        """Return the window that the session goes on in, *model* being what the agent ran it with."""
        if self.wish.window:
            return Window(self.wish.window, "wish", self.wish.model)
        return window_of(self.wish.agent, self.wish.model or model, writer.accepts.window, self.means.windows)

    def _counter(self) -> "Counter":
        if self.wish.model:
            return self.means.counter(self.wish.model)
        return counter_of(self.means, self.wish.agent, self.state.header["model"])

    def _resumption(self, way: Way, command: Sequence[str], **more: Any) -> Resumption:
        return Resumption(
            session=self.session,
            name=self.state.header["name"],
            agent=self.wish.agent,
            way=way,
            command=tuple(command),
            workspace=self.workspace,
            checked=self.checked,
            warnings=tuple(self.warnings),
            dry=self.wish.dry,
            **more,
        )


def _shown(window: Window) -> dict[str, Any]:
    return {"window": window.tokens, "window_by": window.by, "window_model": window.model}


def _source(event: Event, field: str) -> Any:
    return (event.source or {}).get(field)


def _overlook(_damage: object) -> None:
    """What is damaged is told of by `validate`."""
