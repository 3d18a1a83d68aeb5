"""`make fuzz`: whatever takes in what others wrote, with libFuzzer's coverage to guide it; what breaks a promise is kept.

    python -m tests.fuzz.run --seconds 300 --seed 1          # all targets, one after another
    python -m tests.fuzz.run --target codex --seconds 60

A target is fuzzed in a process of its own, since libFuzzer ends it. An input that breaks a promise is written to
`tests/fixtures/fuzz/TARGET/`, where `make test` tries it from then on, one for each place that breaks; fuzzing goes on.
"""

import argparse
import json
import os
import platform
import re
import resource
import subprocess
import sys
import tempfile
import time
import traceback
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from random import Random
from typing import Any

from tests.fuzz.target import FOUND, Target

CORPUS = Path(".cache/fuzz")
_BEGIN, _END = "<!-- results: written by make fuzz -->", "<!-- end of results -->"
_GUIDED = ["segue.transcripts", "segue.engine.capture.spooling", "segue.host", "segue.core.together"]
_LARGEST = 3
"""How much larger than the largest seed an input becomes: what is large is tried by tests of its own."""
_HEADS = ["target", "run", "inputs", "seconds", "of them CPU", "seed", "edges reached", "corpus", "broken promises"]
_MOST = 20
"""Broken promises after which a target has said enough."""


def main() -> None:
    """Fuzz each target, and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=300, help="for each target")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--target", action="append", help="only this one; may be repeated")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the table into this page, between its marks")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        _fuzz(options.one, options.seconds, options.seed)
        return
    from tests.fuzz.targets import TARGETS

    chosen = options.target or list(TARGETS)
    if unknown := set(chosen) - set(TARGETS):
        parser.error(f"there is no target {', '.join(sorted(unknown))}; one of: {', '.join(TARGETS)}")
    reports = [_run(name, options.seconds, options.seed) for name in chosen]
    print(json.dumps({"seed": options.seed, "seconds": options.seconds, "targets": reports}, indent=2))
    if options.write:
        _write(options.write, options.seed, reports)
    sys.exit(any(report["broken"] for report in reports))


def _run(name: str, seconds: int, seed: int) -> dict[str, Any]:
    before = set((FOUND / name).glob("*"))
    idle = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "tests.fuzz.run", "--one", name, "--seconds", str(seconds), "--seed", str(seed)]
    began = time.monotonic()
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    took = time.monotonic() - began
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    new = sorted(path.name for path in set((FOUND / name).glob("*")) - before)
    if done.returncode or new:
        said = re.sub(r"^#.*\n", "", done.stdout, flags=re.MULTILINE)
        print(f"--- {name}\n{said[-20_000:]}", file=sys.stderr)
    told = re.findall(r"#\d+\s.*?cov: (\d+) ft: \d+ corp: (\d+)", done.stdout)
    runs = re.search(r"Done (\d+) runs", done.stdout) or re.search(r"number_of_executed_units: (\d+)", done.stdout)
    coverage, corpus = map(int, told[-1]) if told else (0, 0)
    return {
        "target": name,
        "inputs": int(runs[1]) if runs else 0,
        "seconds": round(took),
        "cpu": round(used.ru_utime + used.ru_stime - idle.ru_utime - idle.ru_stime),
        "edges": coverage,
        "corpus": corpus,
        "broken": new + ([f"ended with {done.returncode}"] if done.returncode else []),
    }


def _write(page: Path, seed: int, reports: list[dict[str, Any]]) -> None:
    """Put the rows of *reports* into the page's table; those of other targets stay."""
    text = page.read_text()
    begin, end = text.index(_BEGIN) + len(_BEGIN), text.index(_END)
    rows = {
        cells[0]: cells for line in text[begin:end].splitlines() if len(cells := line.strip("| ").split(" | ")) == len(_HEADS)
    }
    for r in reports:
        told = (r["inputs"], r["seconds"], r["cpu"], seed, r["edges"], r["corpus"], len(r["broken"]))
        rows[r["target"]] = [r["target"], f"{datetime.now(UTC):%Y-%m-%d}", *(f"{cell:,}" for cell in told)]
    from tests.fuzz.targets import TARGETS

    lines = [_HEADS, ["---", "---", *["---:"] * (len(_HEADS) - 2)], *(rows[name] for name in TARGETS if name in rows)]
    table = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    where = f"Python {platform.python_version()}, {os.cpu_count()} cores that others used as well."
    page.write_text(f"{text[:begin]}\n{where}\n\n{table}{text[end:]}")


def _fuzz(name: str, seconds: int, seed: int) -> None:
    import atheris

    place = _memory()
    with tempfile.TemporaryDirectory(dir=place) as directory, atheris.instrument_imports(include=_GUIDED):
        from tests.fuzz.targets import TARGETS

        target = TARGETS[name]()
        for data in target.seeds():  # what is loaded only when it is needed guides as well
            target.check(data, Path(directory))
    corpus = CORPUS / name
    corpus.mkdir(parents=True, exist_ok=True)
    for data in target.seeds():
        (corpus / blake2b(data, digest_size=16).hexdigest()).write_bytes(data)

    def mutate(data: bytes, limit: int, number: int) -> bytes:
        random = Random(number)
        if random.random() < 0.1:
            return bytes(atheris.Mutate(data, limit))
        return target.spoil(data, random, limit)

    with tempfile.TemporaryDirectory(dir=place) as directory:
        where, broken = Path(directory), _Broken(target)

        def one(data: bytes) -> None:
            try:
                target.check(data, where)
            except Exception as e:  # noqa: BLE001  (whatever it is, it is a finding)
                broken.keep(data, e)

        flags = [f"-max_total_time={seconds}", f"-seed={seed}", f"-max_len={_LARGEST * max(map(len, target.seeds()))}"]
        flags += ["-rss_limit_mb=2048", "-timeout=60", "-print_final_stats=1", f"-artifact_prefix={os.fspath(corpus)}/"]
        atheris.Setup([sys.argv[0], str(corpus), *flags], one, custom_mutator=mutate)
        atheris.Fuzz()


class _Broken:
    """Keeps inputs that break a promise, one for each place in the code."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._places: set[tuple[str, ...]] = set()

    def keep(self, data: bytes, error: Exception) -> None:
        """Write *data* down, unless another input broke the same. Raises *error* where there were many."""
        frames = traceback.extract_tb(error.__traceback__)
        place = (type(error).__name__, *(f"{frame.filename}:{frame.lineno}" for frame in frames[-3:]))
        if place in self._places:
            return
        self._places.add(place)
        kept = FOUND / self._target.name / f"{blake2b(data, digest_size=8).hexdigest()}{self._target.suffix}"
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(data)
        print(f"{kept}:\n{''.join(traceback.format_exception(error))[-3000:]}", flush=True)
        if len(self._places) >= _MOST:
            raise error


def _memory() -> str | None:
    """Return a directory in memory, where there is one: files are written thousands of times a second."""
    place = "/dev/shm"
    return place if os.access(place, os.W_OK) else None


if __name__ == "__main__":
    main()
