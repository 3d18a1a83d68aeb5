"""What notes cost: a look at a folder for the first time, unchanged, and with ten changed notes; beside a walk over its files."""

import os
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

WALK, FIRST, SAME, CHANGED = "os.scandir and stat of every file", "first look", "look, nothing changed", "look, ten notes changed"
SEARCH, OFFER = "search", "notes for a restored context"
_CHANGED = 10
_LONG_AGO = 1_700_000_000


def measure(place: Path, sizes: tuple[int, ...], rounds: int) -> dict[str, dict[str, float]]:
    """Return CPU seconds (the least of *rounds*; of the first look the only one) by folder size and what is done."""
    return {f"{count}": _folder(place / f"notes{count}", count, rounds) for count in sizes}


def _folder(root: Path, count: int, rounds: int) -> dict[str, float]:
    from segue.core.session.state import State
    from segue.engine.context.offering import offer
    from segue.host.clock import SystemClock
    from segue.host.library.folders import Folders

    paths = _write(root, count)

    def library() -> Folders:
        return Folders([str(root)], root.parent / "home", SystemClock())

    def look() -> Any:
        opened = library()
        found = opened.listed()
        opened.close()
        return found

    found = {FIRST: _cpu(look), WALK: min(_cpu(lambda: _walk(root)) for _ in range(rounds))}
    found[SAME] = min(_cpu(look) for _ in range(rounds))
    changed = []
    for turn in range(rounds):
        for path in random.Random(turn).sample(paths, _CHANGED):
            path.write_text(path.read_text(encoding="utf-8") + f"\nagain {turn}\n", encoding="utf-8")
            os.utime(path, (_LONG_AGO + turn + 1, _LONG_AGO + turn + 1))
        changed.append(_cpu(look))
    found[CHANGED] = min(changed)
    opened = library()
    opened.listed()
    found[SEARCH] = min(_cpu(lambda: opened.search("prices word17 word99")) for _ in range(rounds))
    found[OFFER] = min(
        _cpu(lambda: offer(opened, State("0199a5d2-0000-7000-8000-000000000001"), "prices word17")) for _ in range(rounds)
    )
    opened.close()
    return found


def _write(root: Path, count: int) -> list[Path]:
    """Write notes of some 1.8 kB, each with two links, as they were long ago."""
    chosen = random.Random(1)
    words = [f"word{n}" for n in range(5_000)]
    paths = []
    for n in range(count):
        path = root / f"{n // 100:04}" / f"2026-{n // 10_000 + 1:02}-{n % 10_000:04}-note.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        body = "\n".join(" ".join(chosen.choices(words, k=12)) for _ in range(20))
        links = " ".join(f"[[2026-01-{chosen.randrange(min(count, 10_000)):04}]]" for _ in range(2))
        front = f"---\nid: {path.name[:12]}\ntitle: Note {n} on prices\ntags: [a, b{n % 50}]\ncreated: 2026-01-02\n---\n"
        path.write_text(f"{front}# Note {n}\n{body}\n{links}\n", encoding="utf-8")
        os.utime(path, (_LONG_AGO, _LONG_AGO))
        paths.append(path)
    time.sleep(2.1)  # what was written just now is looked at again
    return paths


def _walk(root: Path) -> int:
    stack, seen = [str(root)], 0
    while stack:
        for entry in os.scandir(stack.pop()):
            if entry.is_dir(follow_symlinks=False):
                stack.append(entry.path)
            else:
                seen += entry.stat(follow_symlinks=False).st_size > 0
    return seen


def _cpu(call: Callable[[], object]) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start
