"""Fit what characters of each script take beyond the estimator's pairs of bytes; say how far it is off on what was left out.

    python scripts/fit_blocks.py DATA [--write]

DATA is a directory with one UTF-8 text for each language or way of writing (`heb.txt`, `kor-nfd.txt`, ...). The shipped figures
were fitted on the Universal Declaration of Human Rights in 65 languages; in Vietnamese, Korean, Japanese, Greek, French and
German also decomposed, in Hebrew and Arabic also with points, in English and Japanese also of other width; on 31 texts of
messages of programs; and on lists of emoji and mathematical letters. The data is not part of the project.

To be run after `fit_tokens.py --write`: what that leaves is what this explains. A block is what the first byte of a character,
or its first two, tell (`tokens.block_of`). Teachers as there. Figures are fitted by ridge regression on the relative error of 600
characters; every third piece is left out, and measured on. A figure is at least what keeps more text from being fewer tokens.
"""

import argparse
import sys
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from segue.core.context import tokens
from segue.core.context.weights import WEIGHTS

try:
    import numpy as np
except ImportError:
    sys.exit("error: numpy is not installed\nhint: pip install numpy rs-bpe ctok (Python 3.12 or later)")

PIECE, LEAST, MOST = 600, 250, 20
"""Characters of a piece, and of the shortest; pieces of a language."""
RIDGE = 1e-4
RARE = 150
"""So many characters are to be seen before a block gets a figure of its own."""
TOP = 3.0
TARGET = Path(__file__).parent.parent / "src/segue/core/context/blocks.py"


class Piece(NamedTuple):
    """A piece of text: its language, whether it is left out, what each block occurs in it, what each family counts."""

    language: str
    held: bool
    text: str
    blocks: Counter[str]
    counts: dict[str, int]


def pieces(data: Path) -> list[Piece]:
    """Return the pieces of every language with what the teachers count."""
    from ctok import token_count
    from rs_bpe.bpe import openai

    o200k = openai.o200k_base()
    frames = {version: token_count("", version) for version in ("3.0", "4.8")}
    found = []
    for file in sorted(data.glob("*.txt")):
        said = file.read_text("utf-8")
        for number, start in enumerate(range(0, min(len(said), PIECE * MOST), PIECE)):
            text = said[start : start + PIECE]
            if len(text) < LEAST:
                continue
            counts = {
                "o200k": o200k.count(text),
                "claude-3": token_count(text, "3.0") - frames["3.0"],
                "claude-4.8": token_count(text, "4.8") - frames["4.8"],
            }
            counts["unknown"] = max(*counts.values(), round(counts["o200k"] * tokens.GEMINI_PER_O200K))
            blocks = Counter(map(tokens.block_of, tokens.BEGINNING.findall(text.encode())))
            found.append(Piece(file.stem, number % 3 == 2, text, blocks, counts))
    return found


def floor(family: str, block: str) -> float:
    """Return the least figure of a block: the pair of a character's first two bytes may become nothing, not less."""
    first = int(block[:2], 16)
    kind = 10 if first < 0xE0 else 11 if first < 0xF0 else 12
    return -int(WEIGHTS[family].split()[kind * 13 + 7]) / 10_000


def fit(found: list[Piece], family: str) -> dict[str, float]:
    """Return the figure of each block that was seen often enough, in tokens; print how far it is off with it and without."""
    seen = sum((piece.blocks for piece in found), Counter[str]())
    names = sorted(name for name, count in seen.items() if count >= RARE)
    real = np.array([piece.counts[family] for piece in found], float)
    plain = np.array([tokens.estimate_by_pairs(piece.text, family) for piece in found], float)
    rows: Any = np.array([[piece.blocks[name] for name in names] for piece in found]) / real[:, None]
    missing = (real - plain) / real
    learn = np.array([not piece.held for piece in found])
    gram, right = rows[learn].T @ rows[learn], rows[learn].T @ missing[learn]
    least, x = np.array([floor(family, name) for name in names]), np.zeros(len(names))
    for _ in range(300):
        for i in range(len(names)):
            step = (right[i] - gram[i] @ x - RIDGE * x[i]) / (gram[i, i] + RIDGE)
            x[i] = min(max(least[i], x[i] + step), TOP)
    after = plain / real + rows @ x
    print(f"\n{family}: pieces left out, estimated by real: before, now")
    for language in dict.fromkeys(piece.language for piece in found):
        out = np.array([piece.language == language and piece.held for piece in found])
        if out.any():
            print(f"  {language:20} {(plain / real)[out].mean():.2f} {after[out].mean():.2f}")
    for name, values in (("before", plain / real), ("now", after)):
        error = np.abs(values - 1)[~learn]
        print(
            f"  {name:7} median {np.median(error):.3f}, p90 {np.quantile(error, 0.9):.3f};",
            f"least of 99 % {np.quantile(values[~learn], 0.01):.2f}",
        )
    return dict(zip(names, x.tolist(), strict=True))


def main() -> int:
    """Fit all families, report, and write the figures if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, metavar="DATA")
    parser.add_argument("--write", action="store_true", help=f"write {TARGET.name}")
    given = parser.parse_args()
    found = pieces(given.data)
    lines = [
        '"""Tokens of a character beyond its pairs of bytes, in 1/10,000, by its block: written by `scripts/fit_blocks.py`."""',
        "",
    ]
    lines += ["from typing import Final", "", "BLOCKS: Final = {"]
    for family in WEIGHTS:
        figures = [f"{name}:{round(value * 10_000)}" for name, value in fit(found, family).items()]
        rows = [" ".join(figures[i : i + 10]) for i in range(0, len(figures), 10)]
        lines += [f'    "{family}": """', *(f"    {row}" for row in rows), '    """,']
    if given.write:
        TARGET.write_text("\n".join([*lines, "}", ""]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
