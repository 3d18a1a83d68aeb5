"""`make fuzz`: each reader, with libFuzzer's coverage to guide it, for some seconds; what breaks a promise is kept.

    python -m tests.fuzz.run --seconds 300 --seed 1          # all readers, one after another
    python -m tests.fuzz.run --agent codex --seconds 60

A reader is fuzzed in a process of its own, since libFuzzer ends it. An input that breaks a promise is written to
`tests/fixtures/fuzz/AGENT/`, where `make test` tries it from then on.
"""

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from random import Random

from tests.fuzz.mutate import flip, spoil, spoil_document
from tests.fuzz.subjects import FOUND, agents, reader_of, seeds

CORPUS = Path(".cache/fuzz")
_BEGIN, _END = "<!-- results: written by make fuzz -->", "<!-- end of results -->"


def main() -> None:
    """Fuzz each reader, and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=300, help="for each reader")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--agent", action="append", help="only this one; may be repeated")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the table into this page, between its marks")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        _fuzz(options.one, options.seconds, options.seed)
        return
    chosen = options.agent or agents()
    if unknown := set(chosen) - set(agents()):
        parser.error(f"there is no reader for {', '.join(sorted(unknown))}; one of: {', '.join(agents())}")
    reports = [_run(agent, options.seconds, options.seed) for agent in chosen]
    print(json.dumps({"seed": options.seed, "seconds": options.seconds, "readers": reports}, indent=2))
    if options.write:
        _write(options.write, options.seed, reports)
    sys.exit(any(report["broken"] for report in reports))


def _run(agent: str, seconds: int, seed: int) -> dict[str, object]:
    before = set((FOUND / agent).glob("*"))
    command = [sys.executable, "-m", "tests.fuzz.run", "--one", agent, "--seconds", str(seconds), "--seed", str(seed)]
    began = time.monotonic()
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    took = time.monotonic() - began
    new = sorted(path.name for path in set((FOUND / agent).glob("*")) - before)
    if done.returncode:
        print(f"--- {agent}\n{done.stdout[-4000:]}", file=sys.stderr)
    told = re.findall(r"#(\d+)\s.*?cov: (\d+) ft: (\d+) corp: (\d+)", done.stdout)
    runs, coverage, features, corpus = map(int, told[-1]) if told else (0, 0, 0, 0)
    return {
        "agent": agent,
        "runs": runs,
        "seconds": round(took),
        "coverage": coverage,
        "features": features,
        "corpus": corpus,
        "broken": new if new or not done.returncode else [f"ended with {done.returncode}"],
    }


def _write(page: Path, seed: int, reports: list[dict[str, object]]) -> None:
    text = page.read_text()
    begin, end = text.index(_BEGIN) + len(_BEGIN), text.index(_END)
    head = ("reader", "inputs", "seconds", "seed", "edges reached", "corpus", "broken promises")
    rows = [head, ("---", *["---:"] * (len(head) - 1))]
    for r in reports:
        row = (r["agent"], r["runs"], r["seconds"], seed, r["coverage"], r["corpus"], len(r["broken"]))  # type: ignore[arg-type]
        rows.append(tuple(f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row))
    when = f"{datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, {os.cpu_count()} cores"
    table = "".join(f"| {' | '.join(row)} |\n" for row in rows)
    page.write_text(f"{text[:begin]}\nRun {when}.\n\n{table}{text[end:]}")


def _fuzz(agent: str, seconds: int, seed: int) -> None:
    import atheris

    with atheris.instrument_imports(include=["segue.transcripts", "segue.core.log.kinds", "segue.core.log.codec"]):
        reader = reader_of(agent)
    from tests.fuzz.promises import check

    given = seeds(agent)
    lines, name = given[0].is_lines, given[0].name
    corpus = CORPUS / agent
    corpus.mkdir(parents=True, exist_ok=True)
    others = [seed.data for seed in given]
    for data in others:
        (corpus / blake2b(data, digest_size=16).hexdigest()).write_bytes(data)

    def mutate(data: bytes, limit: int, number: int) -> bytes:
        random = Random(number)
        if random.random() < 0.1:
            return bytes(atheris.Mutate(data, limit))
        if random.random() < 0.05:
            return flip(data, random)[:limit]
        return spoil(data, random, others, limit) if lines else spoil_document(data, random, limit)

    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / name

        def one(data: bytes) -> None:
            try:
                check(reader, file, data, len(data) * (sum(data) % 97) // 97, lines=lines)
            except Exception:
                kept = FOUND / agent / f"{blake2b(data, digest_size=8).hexdigest()}{Path(name).suffix}"
                kept.parent.mkdir(parents=True, exist_ok=True)
                kept.write_bytes(data)
                raise

        flags = [f"-max_total_time={seconds}", f"-seed={seed}", "-max_len=200000", "-rss_limit_mb=2048", "-timeout=60"]
        atheris.Setup([sys.argv[0], str(corpus), *flags, f"-artifact_prefix={os.fspath(corpus)}/"], one, custom_mutator=mutate)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
