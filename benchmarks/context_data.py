"""Where the data is that contexts are measured on, and which of it may be tuned on.

Nothing of it is part of the project. `docs/context-quality.md` says what to fetch and where to put it: a directory that
SEGUE_CONTEXT_DATA names, or `.cache/context` beside the sources, with a directory for each source.
"""

import json
import os
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

Split = Literal["tuned on", "held out"]
SPLITS: Final[tuple[Split, ...]] = ("tuned on", "held out")

_TUNED_ON: Final = ("258c7280", "4d5611e5")
"""The sessions that lanes and shares were chosen on."""
_FEWEST_CALLS: Final = 36
"""Calls of a session below which it has no regular cut."""


class Session(NamedTuple):
    """A real session: what to call it, who may learn from it, and its transcript."""

    name: str
    split: Split
    path: Path


def home() -> Path:
    """Return the directory of the data, there or not."""
    given = os.environ.get("SEGUE_CONTEXT_DATA")
    return Path(given) if given else Path(__file__).parents[1] / ".cache/context"


def sessions() -> list[Session]:
    """Return the transcripts of coding agents: those of SEGUE_SAMPLES, of the project's samples, and of the data's directory."""
    given = os.environ.get("SEGUE_SAMPLES")
    places = [
        Path(given) if given else Path(__file__).parents[2] / "shared/samples/long",
        home() / "spotter",
        home() / "session-share",
    ]
    found: dict[str, Session] = {}
    for place in places:
        for path in sorted(path for pattern in ("*.jsonl", "*.jsonl.gz") for path in place.glob(pattern)):
            name = path.name.removeprefix("claude-code-")[:8]
            found.setdefault(name, Session(name, "tuned on" if name in _TUNED_ON else "held out", path))
    return list(found.values())


def runs(make: Callable[[str], Path]) -> Iterator[Session]:
    """Yield the runs of mini-SWE-agent; *make* gives the path of a file to write each to, as generic chat messages.

    An even hash of the instance's name is for tuning, an odd one is not.
    """
    for path in sorted((home() / "swe").glob("*/*.traj.json")):
        name = path.name.removesuffix(".traj.json")
        split: Split = "held out" if sha256(name.encode()).digest()[0] % 2 else "tuned on"
        target = make(name)
        target.write_text("".join(f"{json.dumps(message)}\n" for message in _messages(path)), "utf-8")
        yield Session(name, split, target)


def _messages(path: Path) -> Iterator[dict[str, Any]]:
    """Yield a run as chat messages: the command in the last code block of an answer is a call, what comes back is its result."""
    call = ""
    for number, message in enumerate(json.loads(path.read_text("utf-8"))["messages"]):
        said = message["content"]
        if message["role"] == "assistant":
            head, _, rest = said.rpartition("```bash\n")
            command = rest.split("\n```")[0]
            call = f"call-{number}"
            asked = {"id": call, "type": "function", "function": {"name": "bash", "arguments": json.dumps({"command": command})}}
            yield {"role": "assistant", "content": head if rest else said} | ({"tool_calls": [asked]} if rest and head else {})
            call = call if rest and head else ""
        elif call:
            yield {"role": "tool", "tool_call_id": call, "content": said}
            call = ""
        else:
            yield {"role": message["role"], "content": said}


class Turn(NamedTuple):
    """What somebody said in a conversation of LoCoMo: the session, its id there, and the words."""

    session: str
    id: str
    speaker: str
    text: str


class Question(NamedTuple):
    """A question to a conversation of LoCoMo, and the turns that answer it."""

    conversation: int
    split: Split
    category: int
    text: str
    evidence: tuple[str, ...]


class Talk(NamedTuple):
    """A session of a conversation: when it was, and its turns."""

    name: str
    at: str
    turns: tuple[Turn, ...]


CATEGORIES: Final = {1: "multi-hop", 2: "temporal", 3: "open", 4: "single-hop"}
"""Of LoCoMo; the fifth, questions without an answer, has no evidence to find."""


def locomo() -> tuple[list[Talk], list[Question]]:
    """Return all sessions of LoCoMo and the questions to them; two empty lists where it is not there."""
    path = home() / "locomo/locomo10.json"
    if not path.is_file():
        return [], []
    talks, questions = [], []
    for number, each in enumerate(json.loads(path.read_text("utf-8"))):
        said = {name: turns for name, turns in each["conversation"].items() if isinstance(turns, list)}
        ids = set()
        for name, turns in said.items():
            found = tuple(_turn(number, name, turn) for turn in turns)
            ids |= {turn.id for turn in found}
            talks.append(Talk(f"{number}/{name}", each["conversation"][f"{name}_date_time"], found))
        for asked in each["qa"]:
            evidence = {
                f"{number}/{part}" for entry in asked.get("evidence", ()) for part in entry.replace(";", " ").split()
            } & ids
            if asked["category"] in CATEGORIES and evidence:
                split: Split = "tuned on" if number < 5 else "held out"
                questions.append(Question(number, split, asked["category"], asked["question"], tuple(sorted(evidence))))
    return talks, questions


def _turn(conversation: int, session: str, turn: dict[str, Any]) -> Turn:
    picture = f" [shares a picture: {turn['blip_caption']}]" if turn.get("blip_caption") else ""
    return Turn(f"{conversation}/{session}", f"{conversation}/{turn['dia_id']}", turn["speaker"], f"{turn['text']}{picture}")
