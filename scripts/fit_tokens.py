"""Fit the weights of the token estimator on exact tokenizers, and say how far it is off on text that it has not seen.

    python scripts/fit_tokens.py DATA [--write]

DATA is a directory with one directory per corpus (a corpus is one source: a language's manual pages, a project's code, the
tool outputs of agent sessions, ...) holding UTF-8 text files, nested or not. Wanted: what agents read and write. Names
that begin with `session`, `agent` or `swe` (parts of agents' transcripts) weigh most, those that begin with `words`
or `synthetic` (dictionaries, made-up numbers) least: the latter keep odd text from being far off.
The shipped weights were fitted on: parts of agent transcripts (prose, calls as JSON, outputs, file reads with line numbers,
raw records), public trajectories, a diary of console sessions, source in fifteen languages, Markdown, HTML, JSON, logs,
manual pages in seven languages besides English, dictionaries, base64 and hexadecimal. The data is not part of the project.

Teachers are the `tokens` extra: rs-bpe (o200k), and ctok (both generations of Claude; needs Python 3.12). Weights are fitted
by non-negative ridge regression on the relative error per chunk of 4,000 bytes. "unknown" learns the largest of all
families. The report leaves out one corpus at a time, fits the rest, and measures on the one left out.
"""

import argparse
import random
import sys
from collections.abc import Iterator, Sequence
from itertools import pairwise
from operator import mul
from pathlib import Path
from typing import NamedTuple

from segue.core.context import tokens

CHUNK = 4_000
PER_CORPUS = 60
RIDGE = 0.005
PRIOR = 0.25
MOST = 3.0
"""Tokens that one pair can stand for: a character of three bytes, each its own token."""
SIDE = 13
IMPORTANCE = {"session": 4.0, "agent": 4.0, "swe": 4.0, "words": 0.3, "synthetic": 0.3}
TARGET = Path(__file__).parent.parent / "src/segue/core/context/weights.py"

Vector = list[float]


class Sample(NamedTuple):
    """A chunk: its corpus, its pairs by code, what each teacher counts."""

    corpus: str
    pairs: dict[int, int]
    size: int
    counts: dict[str, int]


def chunks(folder: Path) -> list[str]:
    """Return chunks of CHUNK bytes from the files of a corpus, files shorter than that joined, chosen with a fixed seed."""
    found, rest = [], ""
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        rest += file.read_text("utf-8", "replace") + "\n"
        data = rest.encode("utf-8", "replace")
        while len(data) >= CHUNK:
            text = data[:CHUNK].decode("utf-8", "ignore")
            found.append(text)
            data = data[len(text.encode()) :]
        rest = data.decode("utf-8", "ignore")
    random.Random(7).shuffle(found)
    return found[:PER_CORPUS]


def pairs_of(text: str) -> dict[int, int]:
    """Return how often each pair of classes occurs, by index of the weight."""
    classes = bytes((tokens._NEWLINE,)) + text.encode().translate(tokens._CLASSES)  # noqa: SLF001 - the trainer of this very table
    counts: dict[int, int] = {}
    for first, second in pairwise(classes):
        counts[first * SIDE + second] = counts.get(first * SIDE + second, 0) + 1
    return counts


def samples(data: Path) -> Iterator[Sample]:
    """Yield every chunk with what the teachers count."""
    from ctok import token_count
    from rs_bpe.bpe import openai

    o200k = openai.o200k_base()
    frames = {version: token_count("", version) for version in ("3.0", "4.8")}
    for folder in sorted(path for path in data.iterdir() if path.is_dir()):
        for text in chunks(folder):
            counts = {
                "o200k": o200k.count(text),
                "claude-3": token_count(text, "3.0") - frames["3.0"],
                "claude-4.8": token_count(text, "4.8") - frames["4.8"],
            }
            counts["unknown"] = max(*counts.values(), round(counts["o200k"] * tokens.GEMINI_PER_O200K))
            yield Sample(folder.name, pairs_of(text), len(text.encode()), counts)


class Normal:
    """The normal equations of a weighted least-squares fit of the relative error; corpora can be taken out again."""

    def __init__(self) -> None:
        """Begin with no samples."""
        self.gram = [[0.0] * SIDE**2 for _ in range(SIDE**2)]
        self.right = [0.0] * SIDE**2

    def add(self, group: Sequence[Sample], family: str) -> None:
        """Add the samples of one corpus; its weight grows with the root of its size."""
        weight = importance(group[0].corpus) / len(group) ** 0.5
        for sample in group:
            target = sample.counts[family]
            row = [(index, count / target) for index, count in sample.pairs.items()]
            for index, value in row:
                scaled = value * weight
                self.right[index] += scaled
                gram = self.gram[index]
                for other, factor in row:
                    gram[other] += scaled * factor

    def minus(self, other: "Normal") -> "Normal":
        """Return these equations without those of *other*."""
        rest = Normal()
        rest.gram = [[a - b for a, b in zip(x, y, strict=True)] for x, y in zip(self.gram, other.gram, strict=True)]
        rest.right = [a - b for a, b in zip(self.right, other.right, strict=True)]
        return rest

    def solve(self) -> Vector:
        """Return the weights of least error from 0 to MOST, drawn towards PRIOR where evidence is thin; by coordinate descent."""
        trace = sum(self.gram[i][i] for i in range(SIDE**2))
        gram = [row[:] for row in self.gram]
        right = self.right[:]
        for i in range(SIDE**2):
            pull = RIDGE * max(gram[i][i], 0.0) + 1e-9 * trace
            gram[i][i] += pull
            right[i] += pull * PRIOR
        x = [PRIOR] * SIDE**2
        for _ in range(60):
            for i in range(SIDE**2):
                x[i] = min(max(0.0, x[i] + (right[i] - sum(map(mul, gram[i], x))) / gram[i][i]), MOST)
        return x


def importance(corpus: str) -> float:
    """Return how much a corpus counts, by the beginning of its name."""
    return next((value for prefix, value in IMPORTANCE.items() if corpus.startswith(prefix)), 1.0)


def errors(group: Sequence[Sample], weights: Vector, family: str) -> Vector:
    """Return the relative error of each sample."""
    return [sum(weights[i] * n for i, n in sample.pairs.items()) / sample.counts[family] - 1 for sample in group]


def summary(values: Vector) -> str:
    """Return median and 90th percentile of the absolute error, and the mean error, in percent."""
    size = sorted(map(abs, values))
    return f"{100 * size[len(size) // 2]:5.1f} {100 * size[int(len(size) * 0.9)]:5.1f} {100 * sum(values) / len(values):+6.1f}"


def fit(groups: dict[str, list[Sample]], family: str) -> Vector:
    """Fit one family; print the errors with each corpus left out."""
    parts = {}
    total = Normal()
    for name, group in groups.items():
        parts[name] = Normal()
        parts[name].add(group, family)
        total.add(group, family)
    left_out = {name: errors(group, total.minus(parts[name]).solve(), family) for name, group in groups.items()}
    weights = total.solve()
    print(f"\n{family}: corpus left out, 4 KB chunks: median, p90 of |error|, mean error (percent)")
    for name, values in left_out.items():
        print(f"  {name:24}{len(values):4}  {summary(values)}")
    everything = [value for values in left_out.values() for value in values]
    agents = [value for name, values in left_out.items() if importance(name) > 1 for value in values]
    code = [value for name, values in left_out.items() if importance(name) >= 1 for value in values]
    fitted = [value for group in groups.values() for value in errors(group, weights, family)]
    for name, values in (
        ("agent transcripts", agents),
        ("and code, documents", code),
        ("everything", everything),
        ("(fitted on itself)", fitted),
    ):
        print(f"  {name:24}{len(values):4}  {summary(values)}")
    return weights


def render(weights: dict[str, Vector]) -> str:
    """Return the module that holds the weights."""
    lines = [
        '"""Tokens per pair of byte classes, in 1/10,000, row by row: written by `scripts/fit_tokens.py`, not by hand."""',
        "",
        "from typing import Final",
        "",
        "WEIGHTS: Final = {",
    ]
    for family, values in weights.items():
        lines.append(f'    "{family}": """')
        rows = [values[i : i + SIDE] for i in range(0, len(values), SIDE)]
        lines += [" ".join(f"{round(value * tokens._UNIT):5}" for value in row) for row in rows]  # noqa: SLF001 - as above
        lines.append('""",')
    return "\n".join([*lines, "}", ""])


def main() -> int:
    """Fit all families; with --write, replace the weights that are shipped."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--write", action="store_true", help=f"write {TARGET.name}")
    arguments = parser.parse_args()
    try:
        groups: dict[str, list[Sample]] = {}
        for sample in samples(arguments.data):
            groups.setdefault(sample.corpus, []).append(sample)
    except ImportError as error:
        print(f"error: the teachers are not installed: {error}", file=sys.stderr)
        print("hint: pip install rs-bpe ctok (Python 3.12 or later)", file=sys.stderr)
        return 1
    weights = {family: fit(groups, family) for family in ("o200k", "claude-3", "claude-4.8", "unknown")}
    if arguments.write:
        TARGET.write_text(render(weights), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
