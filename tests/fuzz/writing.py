"""Writers, as a target: whatever a reader makes of a spoilt transcript goes on in every agent, and nothing of it is unaccounted for.

The input is the agent's name, a line end, and the transcript. For which agent it is written, and how calls are told, its content says.
"""

import re
import shutil
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any, Final

from segue.core.context.tokens import Estimator
from segue.core.log.events import Draft, Event
from segue.core.session.state import fold
from segue.core.together.conversation import Carried, ToolChoice
from segue.core.together.converting import Target, convert
from segue.core.together.counting import MEDIA, things
from segue.core.together.report import whole
from segue.ports import Destination
from segue.testing import WriterContract
from segue.testing.builders import created
from segue.testing.conversations import flaws
from segue.testing.events import written as logged
from segue.testing.transcripts import read
from tests.fuzz.mutate import spoil, spoil_document
from tests.fuzz.promises import put
from tests.fuzz.subjects import agents, excerpts, reader_of, seeds
from tests.unit.transcripts import test_writers

CONTRACTS: Final[tuple[WriterContract, ...]] = (
    test_writers.TestClaudeCode(),
    test_writers.TestCodex(),
    test_writers.TestGemini(),
    test_writers.TestOpenCode(),
    test_writers.TestQwen(),
    test_writers.TestAtif(),
    test_writers.TestMessages(),
    test_writers.TestAider(),
)
_TOOLS: Final[tuple[ToolChoice, ...]] = ("map", "keep", "text")
_SLOTS: Final = ("reasoning", "text", "tool_call", "tool_call_response")
_RECORDS: Final = 14
_NOT_CARRIED: Final = re.compile(r"\n?\[[^\n]*: not carried over\]")


class Writing:
    """What one agent's reader yields, written for another."""

    name = "conversations"
    suffix = ".transcript"

    def __init__(self) -> None:
        self._files = {agent: seeds(agent)[0].name for agent in agents()}

    @cached_property
    def _excerpts(self) -> dict[str, list[bytes]]:
        return {agent: excerpts(agent, _RECORDS) for agent in agents()}

    def seeds(self) -> list[bytes]:
        """See `Target.seeds`."""
        return [agent.encode() + b"\n" + data for agent, found in self._excerpts.items() for data in found]

    def spoil(self, data: bytes, random: Random, limit: int) -> bytes:
        """See `Target.spoil`."""
        agent, _, rest = data.partition(b"\n")
        name = agent.decode("utf-8", "replace")
        if self._files.get(name, "").endswith(".json"):
            return agent + b"\n" + spoil_document(rest, random, limit - len(agent) - 1)
        return agent + b"\n" + spoil(rest, random, self._excerpts.get(name, []), limit - len(agent) - 1)

    def check(self, data: bytes, directory: Path) -> None:
        """See `Target.check`. What is written is sound, says what was said, and the report counts every thing."""
        number = sum(data)
        name, _, rest = data.partition(b"\n")
        agent = name.decode("utf-8", "replace")
        if agent not in self._files:
            agent = agents()[number % len(self._files)]
        put(directory / self._files[agent], rest)
        events = _events(agent, read(reader_of(agent), directory / self._files[agent]).drafts)
        contract = CONTRACTS[number // 7 % len(CONTRACTS)]
        writer = contract.writer()
        workspace = directory / "project"
        workspace.mkdir(exist_ok=True)
        target = Target(writer.agent, writer.accepts, str(workspace), _TOOLS[number // 3 % len(_TOOLS)])

        done = convert(events, fold(events), target, Estimator())

        assert flaws(done.conversation, target.accepts) == []
        assert _counted(done.carried) == things(events), "the report of the conversion does not add up"
        if not done.conversation.turns:
            return
        home = directory / "home"
        shutil.rmtree(home, ignore_errors=True)
        made = writer.write(done.conversation, Destination(str(home), str(workspace)))
        assert writer.validate(made.files[0]) == [], "what was written is not what the agent's loader takes"
        slots = _SLOTS if writer.agent in {"atif", "messages"} else ()
        found, wanted = (_said(said, slots) for said in (contract.told(made).spoken, contract.expected(done.conversation)))
        assert found == wanted, "what is read back is not what was written"
        given = things(events)
        told = Counter({what: n for what, n in _counted(whole(done.carried, made.carried)).items() if what in given})
        assert told == given, "the whole report does not add up"


def _events(agent: str, drafts: list[Draft]) -> list[Event]:
    """Return the log of a session that holds *drafts*, each key once."""
    once = {draft.key: draft for draft in reversed(drafts)}
    return logged([created(agent=agent, workspace="/home/dev/project", title="anything"), *reversed(once.values())])


def _said(spoken: Iterable[tuple[str, Any]], slots: Sequence[str]) -> list[tuple[str, Any]]:
    """Return who said what, media left out: those that a writer has no place for it tells of, and counts.

    A form that has *slots* for what a message holds, tells it in their order, texts of one slot as one.
    """
    found: list[tuple[str, Any]] = []
    for role, parts in spoken:
        if isinstance(parts, str):  # words are all that there is
            found.append((role, parts))
            continue
        kept = [_wordy(part) for part in parts if part["type"] not in MEDIA]
        kept = [part for part in kept if part.get("content", part) != ""]
        if found and found[-1][0] == role:
            found[-1][1].extend(kept)
        elif kept:
            found.append((role, kept))
    return [(role, _slotted(parts, slots) if slots and role == "assistant" else parts) for role, parts in found]


def _slotted(parts: list[dict[str, Any]], slots: Sequence[str]) -> list[Any]:
    """Return what stands in each slot: texts as one, however they are joined."""
    found: list[Any] = []
    for kind in slots:
        here = [part for part in parts if part["type"] == kind]
        found += here if kind.startswith("tool") else ["".join("".join(part["content"] for part in here).split())]
    return found


def _wordy(part: dict[str, Any]) -> dict[str, Any]:
    if part["type"] == "text":
        return part | {"content": _NOT_CARRIED.sub("", part["content"])}
    response = part.get("response")
    if isinstance(response, list):
        response = "\n".join(item["content"] for item in response if item["type"] == "text")
    return part | {"response": _NOT_CARRIED.sub("", response).strip()} if isinstance(response, str) else part


def _counted(report: tuple[Carried, ...]) -> Counter[str]:
    found: Counter[str] = Counter()
    for line in report:
        if line.fate != "added":
            found[line.what] += line.number
    return found
