"""What the benchmarks and the gates write: made-up conversations whose text is the standard library's source.

Sizes as measured on agents' transcripts: median about 1.3 kB an event, mean about 3 kB, one in a hundred 50 to 200 kB.
The same seed gives the same events; no text is used twice before all of it was used once (about 10 MB).
"""

import json
import random
import sysconfig
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from segue.core.log.events import Draft

_LEFT_OUT = {"test", "tests", "idlelib", "lib2to3", "site-packages", "ensurepip", "__pycache__", "turtledemo"}


@cache
def _text() -> str:
    root = Path(sysconfig.get_path("stdlib"))
    files = sorted(p for p in root.rglob("*.py") if not _LEFT_OUT & set(p.relative_to(root).parts))
    random.Random(7).shuffle(files)
    return "".join(p.read_text("utf-8", "replace") for p in files)


class Conversation:
    """Turns of four messages: the user's, a tool call, its result, an answer."""

    def __init__(self, seed: int = 1) -> None:
        """Begin at a place in the text that depends on *seed*."""
        self._random = random.Random(seed)
        self._at = self._random.randrange(len(_text()))

    def turns(self, count: int) -> Iterator[list[Draft]]:
        """Yield *count* turns."""
        for n in range(count):
            call = f"call-{n}"
            yield [
                _message("user", _part("text", content=self._say(250, 600))),
                _message(
                    "assistant",
                    _part("text", content=self._say(200, 500)),
                    _part("tool_call", id=call, name="Read", arguments={"path": self._say(20, 60)}),
                    usage={"input_tokens": 9000 + n, "output_tokens": 300},
                ),
                _message("tool", _part("tool_call_response", id=call, response=self._result())),
                _message("assistant", _part("text", content=self._say(600, 2000))),
            ]

    def events(self, count: int) -> list[Draft]:
        """Return *count* events, in their order."""
        return list(islice((draft for turn in self.turns(count // 4 + 1) for draft in turn), count))

    def _result(self) -> str:
        if self._random.random() < 0.04:  # of a turn's four events: one in a hundred
            return self._say(50_000, 200_000)
        return self._say(200, 200 + int(self._random.lognormvariate(7.3, 0.8)))

    def _say(self, least: int, most: int) -> str:
        size, text = self._random.randint(least, most), _text()
        if self._at + size > len(text):
            self._at = 0
        self._at += size
        return text[self._at - size : self._at]


def small(count: int, size: int = 1300) -> list[Draft]:
    """Return *count* user messages of about *size* bytes each, all different."""
    text = cycle(_text()[i : i + size] for i in range(0, 4_000_000, size))
    return [_message("user", _part("text", content=f"{n} {next(text)}")) for n in range(count)]


def raw_bytes(draft: Draft) -> int:
    """Return what an event weighs by itself: its body as compact JSON."""
    return len(json.dumps(draft.body, ensure_ascii=False, separators=(",", ":")).encode())


def _message(role: str, *parts: Mapping[str, Any], **more: Any) -> Draft:
    return Draft("message", {"role": role, "parts": list(parts), **more})


def _part(type_: str, **fields: Any) -> dict[str, Any]:
    return {"type": type_, **fields}
