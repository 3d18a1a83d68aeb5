"""How good restored contexts and token figures are, in four parts, each of which also runs by itself.

    python benchmarks/context.py [evidence] [recall] [tokens] [budgets]      make bench-context

- evidence (`evidence.py`): what answers a question, in what a search packs into a budget; LoCoMo.
- recall (`recall.py`): what an agent did next, in what it would have been given; real sessions and runs.
- tokens (`token_errors.py`): estimates against tokenizers, anchored sizes against usage records.
- budgets (`budgets.py`): random contexts, none over its budget, all full.

What is measured on, and which of it nothing was tuned on: `context_data.py`; where to get it: `docs/context-quality.md`. Offline
and deterministic, but for times. Exit code 1: a target was missed, or there is no data.
"""

import sys
from collections.abc import Callable, Sequence
from typing import Final

import budgets
import evidence
import recall
import token_errors

PARTS: Final[dict[str, Callable[[Sequence[str]], int]]] = {
    "evidence": evidence.main,
    "recall": recall.main,
    "tokens": token_errors.main,
    "budgets": budgets.main,
}


def main(arguments: Sequence[str]) -> int:
    """Run the parts that are named, or all."""
    chosen = [argument for argument in arguments if argument in PARTS] or list(PARTS)
    rest = [argument for argument in arguments if argument not in PARTS]
    codes = []
    for part in chosen:
        print(f"== {part}", flush=True)
        codes.append(PARTS[part](rest))
    return max(codes)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
