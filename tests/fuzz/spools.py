"""What agents' hooks spooled, as a target: frames and payloads of any shape, taken into a store that knows one session."""

import json
import os
from pathlib import Path
from random import Random
from typing import Any, Final

from segue.core.log.codec import encode_content
from segue.core.log.events import Draft
from segue.core.log.kinds import validate
from segue.engine.capture.importing import import_paths
from segue.engine.capture.spooling import STREAM, ingest
from segue.host.spool import Spools
from segue.stores.memory import MemoryStore
from segue.testing import FakeClock, FakeIds
from segue.transcripts import transcripts
from tests.fuzz.mutate import RAW, changed, flip
from tests.fuzz.promises import put
from tests.fuzz.subjects import excerpts

AGENT: Final = "claude-code"
_HOME: Final = "/HOME"
"""What a payload has for the directory of the transcripts."""
_FILE: Final = "7dcc6b33-a8e7-41fa-a76f-5d0f155f452e.jsonl"
_LAST: Final = b'{"session_id":"%s","hook_event_name":"Stop","said":"the last words"}'
_EVENTS: Final = ("SessionStart", "UserPromptSubmit", "PreToolUse", "PostToolUse", "PreCompact", "Stop", "SessionEnd")
_NOW: Final = 1_768_469_400_000_000_000


class Hooks:
    """A spool of any content. The input is the spool as hooks write it."""

    name = "hooks"
    suffix = ".spool"

    def __init__(self) -> None:
        self._transcript = excerpts(AGENT)[0]
        told = (json.loads(line).get("sessionId") for line in self._transcript.splitlines())
        self._session: str = next(identity for identity in told if identity)

    def seeds(self) -> list[bytes]:
        """See `Target.seeds`."""
        about = {"session_id": self._session, "transcript_path": f"{_HOME}/{_FILE}", "cwd": "/home/dev/project"}
        payloads = [
            about | {"hook_event_name": "SessionStart", "source": "startup"},
            about | {"hook_event_name": "PreToolUse", "tool_name": "Bash", "tool_input": {"command": "ls"}},
            {"thread-id": self._session, "type": "agent-turn-complete", "input-messages": ["Go on."]},
            {"session_id": "nobody-knows-it", "transcript_path": f"{_HOME}/gone.jsonl"},
            about | {"hook_event_name": "SubagentStop", "agent_transcript_path": f"{_HOME}/agent-1.jsonl"},
        ]
        frames = [frame(json.dumps(payload).encode(), _EVENTS[i], _NOW + i) for i, payload in enumerate(payloads)]
        return [b"".join(frames), frames[0], b"".join(frames[2:4])]

    def spoil(self, data: bytes, random: Random, limit: int) -> bytes:
        """See `Target.spoil`: in payloads, in heads, as a hook that was killed leaves them."""
        frames = [b"segue-spool 1 " + piece for piece in data.split(b"segue-spool 1 ") if piece] or [b""]
        for _ in range(random.randint(1, 4)):
            at = random.randrange(len(frames))
            head, _, payload = frames[at].partition(b"\n")
            way = random.randrange(8)
            if way < 3:
                frames[at] = frame(_payload(payload, random), random.choice(_EVENTS), _NOW + random.randrange(99))
            elif way == 3:
                numbers = [str(random.choice([0, 1, 10**12 - 1, 10**19, 99999999999999999999, _NOW])) for _ in "ab"]
                event = random.choice([*_EVENTS, "\udcff", "a" * 200, "\x1b[2J", "../../x", "é"])
                spoilt = f"segue-spool 1 {numbers[0]} {event} {random.choice([numbers[1], str(len(payload) - 1)])}"
                frames[at] = spoilt.encode("utf-8", "surrogateescape") + b"\n" + payload
            elif way == 4:
                frames[at] = frames[at][: random.randrange(len(frames[at]) + 1)]
            elif way == 5:
                frames.insert(random.randrange(len(frames) + 1), random.choice([frames[at], random.choice(RAW), head]))
            elif way == 6:
                frames[at] = frame(random.choice(RAW), random.choice(_EVENTS), _NOW)
            else:
                frames[at] = flip(frames[at], random)
        return b"".join(frames)[:limit]

    def check(self, data: bytes, directory: Path) -> None:
        """See `Target.check`. All of a spool is a record, waits, or is counted as broken; what comes behind it is not lost."""
        home, clock = directory / "home", FakeClock()
        (home / "spool" / "taken").mkdir(parents=True, exist_ok=True)
        for left in (home / "spool" / "taken").iterdir():
            left.unlink()
        put(directory / _FILE, self._transcript)
        store = MemoryStore(clock=clock, ids=FakeIds())
        import_paths(store, transcripts(), [str(directory / _FILE)], clock=clock)
        (session,) = store.sessions()
        said = [event for event in store.read(session) if event.stream != STREAM]
        here = data.replace(_HOME.encode(), os.fsencode(directory))
        put(home / "spool" / AGENT, here + frame(_LAST % self._session.encode(), "Stop", _NOW))
        (taken,) = Spools(home).take()
        _check_every_byte_is_in_a_frame_or_broken(taken, (home / "spool" / "taken" / taken.path.name).read_bytes())

        report = ingest(store, Spools(home), transcripts(), clock=clock)

        hooked = [event for event in store.read(session) if event.stream == STREAM]
        assert report.payloads + report.waiting + report.broken == len(taken.frames) + len(taken.broken)
        assert "the last words" in str([event.source for event in hooked]), "what a hook wrote behind a damaged place is lost"
        assert [event for event in store.read(session) if event.stream != STREAM] == said, "a payload changed what was said"
        assert {event.kind for event in hooked} == {"record"}
        assert len({(e.body["type"], e.at, str(e.source)) for e in hooked}) == len(hooked)
        for event in hooked:
            validate(event.kind, event.body)
            encode_content(Draft(event.kind, event.body, event.actor, at=event.at, source=event.source), "0" * 32)
        waits = [one for spool in Spools(home).take() for one in spool.frames]
        assert len(waits) == report.waiting
        assert {(f.payload, f.event) for f in waits} <= {(f.payload, f.event) for f in taken.frames}
        again = ingest(store, Spools(home), transcripts(), clock=clock)
        assert (again.events, again.waiting, again.broken) == (0, report.waiting, 0), "taking in again gives something else"


def frame(payload: bytes, event: str, at: int) -> bytes:
    """Return a payload as a hook spools it."""
    return b"segue-spool 1 %d %s %d\n%s\n" % (at, event.encode("utf-8", "surrogateescape"), len(payload), payload)


def _payload(data: bytes, random: Random) -> bytes:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return flip(data, random)
    value = changed(value, random)
    if isinstance(value, dict) and random.random() < 0.2:
        names = ["session_id", "thread-id", "thread_id", "transcript_path", "agent_transcript_path"]
        value[random.choice(names)] = random.choice(_HOSTILE)
    return json.dumps(value, ensure_ascii=random.random() < 0.5).encode("utf-8", "surrogatepass")


_HOSTILE: list[Any] = [
    "\0", "\ud800.jsonl", "a\0b.jsonl", "/", "/HOME", "/HOME/home/spool/taken", f"/HOME/{_FILE}#ses_x", f"/HOME/{_FILE}", "~/.jsonl",
    "relative.jsonl", "x" * 5000 + ".jsonl", "/dev/stdin.jsonl", "/HOME/../../../../etc/passwd.json", "", "\x1b[2J", "last", "current",
    7, None, [], {}, True, f"/HOME/{_FILE}/x.jsonl", "/HOME/new\nline.db", "/HOME/.db#" + "s" * 300,
]  # fmt: skip


def _check_every_byte_is_in_a_frame_or_broken(taken: Any, data: bytes) -> None:
    pieces = sum(len(piece) for _, piece in taken.broken)
    rest = data
    for _, piece in taken.broken:
        assert piece in rest, "a broken piece is not as it was"
    framed = sum(len(one.payload) + 1 for one in taken.frames)
    heads = sum(len(line) + 1 for line in _heads(taken, data))
    assert pieces + framed + heads == len(data), "bytes of a spool are in no frame and no broken piece"


def _heads(taken: Any, data: bytes) -> list[bytes]:
    broken, at, found = dict(taken.broken), 0, []
    for one in taken.frames:
        while at in broken:
            at += len(broken[at])
        head = data[at : data.index(b"\n", at)]
        assert data[at + len(head) + 1 :].startswith(one.payload + b"\n"), "a payload is not as it was spooled"
        found.append(head)
        at += len(head) + len(one.payload) + 2
    return found
