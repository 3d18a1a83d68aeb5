"""The steps that writers of a file for each session have in common."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Generic, NamedTuple

from segue.core.together.conversation import Accepts, Conversation, identity
from segue.ports import Destination, Noted, Written
from segue.transcripts._writing import Form, Tally, form_for, make_file
from segue.transcripts.places import Machine


class Made(NamedTuple):
    """A transcript that is to be written."""

    path: str
    data: bytes
    nodes: Sequence[tuple[str, str]]
    """See `Written.nodes`."""


class FileWriter(ABC, Generic[Form]):
    """Writes a session as one file. See `ports.TranscriptWriter`."""

    agent: str
    accepts: Accepts
    risk = ""
    program: str
    """The agent's name for people."""
    forms: Sequence[Form]
    newest: str
    """The latest version that was tried."""

    def home(self, env: Mapping[str, str]) -> str:
        """See `TranscriptWriter.home`."""
        return Machine(env).of(self.agent).home

    @abstractmethod
    def find(self, foreign_id: str, to: Destination) -> str | None:
        """See `TranscriptWriter.find`."""

    @abstractmethod
    def command(self, foreign_id: str, to: Destination) -> tuple[str, ...]:
        """See `TranscriptWriter.command`."""

    @abstractmethod
    def validate(self, path: str) -> list[Noted]:
        """See `TranscriptWriter.validate`."""

    def write(self, conversation: Conversation, to: Destination) -> Written:
        """See `TranscriptWriter.write`."""
        form, warnings = self._form(to)
        tally = Tally()
        session = self._session(conversation)
        made = self._make(conversation, session, form, to, tally)
        path = self._put(made, session, to)
        prepare, command = self._prepare(path), self.command(session, to)
        return Written(session, (path,), prepare, command, form.version, tally.carried(), tuple(made.nodes), warnings)

    def _form(self, to: Destination) -> tuple[Form, tuple[str, ...]]:
        """Return the form that the agent's version takes, and warnings."""
        return form_for(to.version, self.forms, self.newest, self.program)

    def _session(self, conversation: Conversation) -> str:
        """Return the agent's id of the session that is made from *conversation*."""
        return identity(conversation, self.agent)

    @abstractmethod
    def _make(self, conversation: Conversation, session: str, form: Form, to: Destination, tally: Tally) -> Made:
        """Return what is to be written; *tally* counts what it does not hold as it was."""

    def _put(self, made: Made, session: str, to: Destination) -> str:
        """Write it, all or nothing, and return where it is."""
        del to
        make_file(made.path, made.data, self.agent, session)
        return made.path

    def _prepare(self, path: str) -> tuple[tuple[str, ...], ...]:
        """Return the commands that must be run before the agent's own."""
        del path
        return ()
