"""Fit the weights of the token estimator on exact tokenizers, and say how far it is off on text that it has not seen.

    python scripts/fit_tokens.py DATA [--write]

DATA is a directory with one directory per corpus (a corpus is one source: a language's manual pages, a project's code, the
tool outputs of agent sessions, ...) holding UTF-8 text files, nested or not. Wanted: what agents read and write. Names
that begin with `session`, `agent` or `swe` (parts of agents' transcripts) weigh most, those that begin with `words`
or `synthetic` (dictionaries, made-up numbers) least: the latter keep odd text from being far off.
The shipped weights were fitted on: parts of agent transcripts (prose, calls as JSON, outputs, file reads with line numbers,
raw records), public trajectories, a diary of console sessions, source in fifteen languages, Markdown, HTML, JSON, logs,
manual pages in seven languages besides English, dictionaries, base64 and hexadecimal. The data is not part of the project.

Teachers are the `tokens` extra: rs-bpe (o200k), and ctok (both generations of Claude; needs Python 3.12); numpy does the
sums. Weights are fitted by non-negative ridge regression on the relative error per chunk of 4,000 bytes. "unknown" learns the
largest of all families. The report leaves out one corpus at a time, fits the rest, and measures on the one left out.
"""

import argparse
import random
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from segue.core.context import tokens

try:
    import numpy as np
except ImportError:
    sys.exit("error: numpy is not installed\nhint: pip install numpy rs-bpe ctok (Python 3.12 or later)")

CHUNK = 4_000
PER_CORPUS = 60
RIDGE = 0.005
PRIOR = np.array([0.25] * tokens.PAIRS + [0.0] * 6**3)
"""What weights are drawn to: a pair is a quarter of a token, a triple says nothing more."""
MOST = 3.0
"""Tokens that one pair can stand for: a character of three bytes, each its own token."""
SIDE = 13
FEATURES = tokens.PAIRS + 6**3
IMPORTANCE = {"session": 4.0, "agent": 4.0, "swe": 4.0, "words": 0.3, "synthetic": 0.3}
TARGET = Path(__file__).parent.parent / "src/segue/core/context/weights.py"

Vector = Any
"""An array of numbers."""


class Sample(NamedTuple):
    """A chunk: its corpus, how often each pair and triple of classes occurs, what each teacher counts."""

    corpus: str
    found: Vector
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


def features(text: str) -> Vector:
    """Return how often each pair of classes and each triple of coarse ones occurs, by index of the weight."""
    data = b"\n\n" + text.encode()
    tables = (tokens._CLASSES, tokens._COARSE)  # noqa: SLF001 - the trainer of this very table
    fine, coarse = (np.frombuffer(data.translate(table), np.uint8).astype(int) for table in tables)
    pairs = np.bincount(fine[1:-1] * SIDE + fine[2:], minlength=tokens.PAIRS)
    return np.concatenate([pairs, np.bincount(coarse[:-2] * 36 + coarse[1:-1] * 6 + coarse[2:], minlength=6**3)])


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
            yield Sample(folder.name, features(text), counts)


class Normal:
    """The normal equations of a weighted least-squares fit of the relative error; corpora can be taken out again."""

    def __init__(self) -> None:
        """Begin with no samples."""
        self.gram = np.zeros((FEATURES, FEATURES))
        self.right = np.zeros(FEATURES)

    def add(self, group: Sequence[Sample], family: str) -> None:
        """Add the samples of one corpus; its weight grows with the root of its size."""
        weight = importance(group[0].corpus) / len(group) ** 0.5
        rows = np.array([sample.found / sample.counts[family] for sample in group])
        self.gram += rows.T @ rows * weight
        self.right += rows.sum(0) * weight

    def minus(self, other: "Normal") -> "Normal":
        """Return these equations without those of *other*."""
        rest = Normal()
        rest.gram, rest.right = self.gram - other.gram, self.right - other.right
        return rest

    def solve(self) -> Vector:
        """Return the weights of least error from 0 to MOST, drawn towards PRIOR where evidence is thin; by coordinate descent."""
        own = np.diag(self.gram).clip(0)
        pull = RIDGE * own + 1e-9 * own.sum()
        gram, right = self.gram + np.diag(pull), self.right + pull * PRIOR
        x = PRIOR.copy()
        for _ in range(60):
            for i in range(FEATURES):
                x[i] = min(max(0.0, x[i] + (right[i] - gram[i] @ x) / gram[i, i]), MOST)
        return x


def importance(corpus: str) -> float:
    """Return how much a corpus counts, by the beginning of its name."""
    return next((value for prefix, value in IMPORTANCE.items() if corpus.startswith(prefix)), 1.0)


def errors(group: Sequence[Sample], weights: Vector, family: str) -> list[float]:
    """Return the relative error of each sample."""
    return [float(weights @ sample.found) / sample.counts[family] - 1 for sample in group]


def summary(values: Sequence[float]) -> str:
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
        '"""Tokens per pair of byte classes in 1/10,000, then per triple: written by `scripts/fit_tokens.py`, not by hand."""',
        "",
        "from typing import Final",
        "",
        "WEIGHTS: Final = {",
    ]
    for family, values in weights.items():
        lines.append(f'    "{family}": """')
        pairs, triples = values[: tokens.PAIRS], values[tokens.PAIRS :]
        rows = [pairs[i : i + SIDE] for i in range(0, len(pairs), SIDE)] + [
            triples[i : i + 18] for i in range(0, len(triples), 18)
        ]
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
        print("hint: pip install numpy rs-bpe ctok (Python 3.12 or later)", file=sys.stderr)
        return 1
    weights = {family: fit(groups, family) for family in ("o200k", "claude-3", "claude-4.8", "unknown")}
    if arguments.write:
        TARGET.write_text(render(weights), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
