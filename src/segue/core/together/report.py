"""The whole report of a conversion: what the conversion did, and what the writer changed of it."""

from collections import Counter
from collections.abc import Iterable, Sequence

from segue.core.together.conversation import FATES, Carried


def whole(conversion: Sequence[Carried], writer: Iterable[Carried]) -> tuple[Carried, ...]:
    """Return the lines of *conversion* with what *writer* did not keep taken from what had been kept so far.

    The sum of each kind stays: a thing has one fate. What a writer tells of beyond what it was given (usage figures) is added.
    """
    lines = [line._asdict() for line in conversion]
    added = Counter[str]()
    for line in conversion:
        added[line.what] += line.number if line.fate == "added" else 0
    found = []
    for line in writer:
        if line.fate == "kept" or not line.number:
            continue
        left = line.number if line.fate != "added" else 0
        for fate in ("kept", "mapped"):
            for other in lines:
                if left and other["what"] == line.what and other["fate"] == fate:
                    taken = min(left, other["number"])
                    other["number"] -= taken
                    left -= taken
        still = min(left, added[line.what])  # what was added stays so, in whatever form
        added[line.what] -= still
        found.append(line._replace(number=line.number - still))
    found += [Carried(**line) for line in lines]
    return tuple(sorted((line for line in found if line.number), key=lambda c: (c.what, FATES.index(c.fate), -c.number, c.why)))
