"""Which files will likely be needed next: those that went together with the ones at hand, that the talk is about, that are near.

Each signal is a number from 0 to 1 with a reason in words; a score is their weighted sum. No model, no chance: the same evidence
gives the same list. Weights are first guesses confirmed on real sessions: `docs/context-quality.md`, `benchmarks/prediction.py`.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from math import log, log2
from typing import Final, NamedTuple

from segue.core.context.relevance import words

_TOGETHER: Final = 1.3
_ABOUT: Final = 0.4
_NAMED: Final = 0.7
_COUNTERPART: Final = 1.0
_NEAR: Final = 0.2
_OFTEN: Final = 0.4

_FADES: Final = 0.88
"""What the next older file at hand counts beside the newer one."""
_RECENT: Final = 30
"""Files at hand that are looked at."""
_LARGEST: Final = 60
"""Files of a group: one that names more (a rename of everything) says nothing about each."""
_PRIOR: Final = 1.0
"""Groups of experience that a file begins with, so that one commit is no law."""
_MOST_GROUPS: Final = 2_000
_MOST_FILES: Final = 100_000
_TEST: Final = re.compile(r"(?:^|[._-])(?:tests?|spec|unittest)(?=$|[._-])|^Test(?=[A-Z])|(?<=[a-z0-9])(?:Tests?|Spec)$")
_TEST_PLACES: Final = frozenset({"test", "tests", "spec", "__tests__"})
_SOURCE_PLACES: Final = frozenset({"src", "lib", "app", "source", "main"})


_LATELY: Final = "touched in this project lately"
"""What speaks for a file for which nothing else does."""


class Group(NamedTuple):
    """Files that were used or changed together: in a session, in a commit."""

    what: str
    paths: frozenset[str]
    weight: float = 1.0


class Evidence(NamedTuple):
    """What is known when somebody asks what comes next. Paths are relative to the workspace."""

    recent: Sequence[str] = ()
    """The files of the session, each once, that touched last first."""
    talk: Sequence[tuple[str, float]] = ()
    """What is talked about, each text with its weight: the task, what the user said last, what the agent said last."""
    named: Sequence[tuple[str, float, str]] = ()
    """Paths that were named and not touched, each with what that weighs, from 0 to 1, and where it was."""
    groups: Sequence[Group] = ()
    """The latest first."""
    files: Sequence[str] = ()
    """Those that the workspace has."""


class Prediction(NamedTuple):
    """What may be needed, how much speaks for it, and what."""

    path: str
    score: float
    why: tuple[str, ...]


def predict(evidence: Evidence, limit: int = 20) -> list[Prediction]:
    """Return the files that will likely be needed next and were not touched yet, the likeliest first."""
    known = set(evidence.recent)
    weights = {path: _FADES**n for n, path in enumerate(evidence.recent[:_RECENT])}
    files = _universe(evidence) - known
    signals: list[tuple[float, Mapping[str, tuple[float, str]]]] = [
        (_TOGETHER, _together(evidence.groups, weights)),
        (_ABOUT, _about(files, evidence.talk)),
        (_NAMED, _named(evidence.named, files)),
        (_COUNTERPART, _counterparts(weights, files)),
        (_NEAR, _near(weights, files)),
        (_OFTEN, _often(evidence.groups)),
    ]
    scores: dict[str, float] = defaultdict(float)
    whys: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for share, found in signals:
        for path, (value, why) in found.items():
            if path in files and value > 0:
                scores[path] += share * value
                whys[path].append((-share * value, why))
    best = sorted(scores, key=lambda path: (-round(scores[path], 6), path))[:limit]
    return [
        Prediction(path, round(scores[path], 4), tuple(why for _, why in sorted(whys[path]) if why) or (_LATELY,))
        for path in best
    ]


def _universe(evidence: Evidence) -> set[str]:
    """Return the files that there are, and those that were named and may come to be.

    A name without a directory that is no file's may be none at all (`this.el`): it counts where a file ends as it does.
    """
    found = set(evidence.files[:_MOST_FILES])
    found.update(path for group in _told(evidence.groups) for path in group.paths)
    ends = _ends(found)
    named = {path for path, _, _ in evidence.named if not ends.get(path)}
    endings = {_ending(path) for path in (*found, *evidence.recent, *(path for path in named if "/" in path))}
    return found | {path for path in named if "/" in path or _ending(path) in endings}


def _ending(path: str) -> str:
    return path.rpartition(".")[2]


def _told(groups: Sequence[Group]) -> Iterable[Group]:
    return (group for group in groups[:_MOST_GROUPS] if 1 < len(group.paths) <= _LARGEST)


def _together(groups: Sequence[Group], weights: Mapping[str, float]) -> dict[str, tuple[float, str]]:
    """Return how often a file went with those at hand, of the times that these did."""
    seen: dict[str, float] = defaultdict(float)
    pairs: dict[tuple[str, str], float] = defaultdict(float)
    where: dict[tuple[str, str], list[str]] = defaultdict(list)
    for group in _told(groups):
        at_hand = group.paths & weights.keys()
        share = group.weight / log2(1 + len(group.paths))
        for recent in at_hand:
            seen[recent] += share
            for path in group.paths:
                if path not in weights:
                    pairs[path, recent] += share
                    where[path, recent].append(group.what)
    total = sum(weights.values()) or 1.0
    found: dict[str, float] = defaultdict(float)
    most: dict[str, tuple[float, str]] = {}
    for (path, recent), share in sorted(pairs.items()):
        value = weights[recent] * share / (seen[recent] + _PRIOR)
        found[path] += value
        if value > most.get(path, (0.0, ""))[0]:
            most[path] = (value, recent)
    highest = max(found.values(), default=1.0)
    scale = max(highest, 0.25 * total)
    return {path: (value / scale, _went(where[path, most[path][1]], most[path][1])) for path, value in found.items()}


def _went(where: Sequence[str], recent: str) -> str:
    times = f" and {len(where) - 1} more" if len(where) > 1 else ""
    return f"went with {recent} in {where[0]}{times}"


def _about(files: Iterable[str], talk: Sequence[tuple[str, float]]) -> dict[str, tuple[float, str]]:
    """Return how much the words of a path are those that are talked about, rare ones counting more."""
    wanted: dict[str, float] = {}
    for text, weight in talk:
        for word in set(words(text)):
            wanted[word] = max(wanted.get(word, 0.0), weight)
    if not wanted:
        return {}
    parts = {path: (set(words(path.rsplit("/", 1)[-1])), set(words(path))) for path in files}
    counts = Counter(word for _, every in parts.values() for word in every if word in wanted)
    rarity = {word: log(1 + len(parts) / count) * wanted[word] for word, count in counts.items()}
    found = {}
    for path, (name, every) in parts.items():
        hits = every & rarity.keys()
        if hits:
            value = sum(rarity[word] * (1.0 if word in name else 0.4) for word in sorted(hits)) / (1 + 0.15 * len(every))
            found[path] = (value, "about " + ", ".join(sorted(hits, key=lambda word: (-rarity[word], word))[:4]))
    most = max((value for value, _ in found.values()), default=1.0)
    return {path: (value / most, why) for path, (value, why) in found.items()}


def _named(named: Sequence[tuple[str, float, str]], files: set[str]) -> dict[str, tuple[float, str]]:
    """Return what naming a file weighs; a name without directories is that of the one file which ends so."""
    ends = _ends(files)
    found: dict[str, tuple[float, str]] = {}
    for name, weight, where in named:
        for path in (name,) if name in files else ends.get(name, ())[:3]:
            if weight > found.get(path, (0.0, ""))[0]:
                found[path] = (weight, f"named {where}, and not opened yet")
    return found


def _ends(files: Iterable[str]) -> dict[str, list[str]]:
    """Return which files end with a name of one or two parts."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(files):
        parts = path.split("/")
        for n in (1, 2):
            if n < len(parts):
                found["/".join(parts[-n:])].append(path)
    return found


def _counterparts(weights: Mapping[str, float], files: set[str]) -> dict[str, tuple[float, str]]:
    """Return the tests of files at hand, and what tests at hand are of: same name but for what makes it a test's."""
    by_stem: dict[str, list[str]] = defaultdict(list)
    for path in files:
        by_stem[_stem(path)].append(path)
    found: dict[str, tuple[float, str]] = {}
    for recent, weight in weights.items():
        for path in by_stem.get(_stem(recent), ()):
            value = weight * (0.5 + 0.5 * _alike(recent, path))
            if _is_test(path) != _is_test(recent) and value > found.get(path, (0.0, ""))[0]:
                found[path] = (value, f"test of {recent}" if _is_test(path) else f"tested by {recent}")
    return found


def _stem(path: str) -> str:
    name = path.rsplit("/", 1)[-1]
    return _TEST.sub("", name.split(".", 1)[0] if not name.startswith(".") else name).strip("._-").lower()


def _is_test(path: str) -> bool:
    *above, name = path.split("/")
    return (
        bool(_TEST.search(name.split(".", 1)[0]))
        or bool(_TEST_PLACES.intersection(above))
        or ".test." in name
        or ".spec." in name
    )


def _alike(one: str, other: str) -> float:
    """Return how far two paths have the same directories, those that only divide tests from sources left out."""
    a, b = ([p for p in path.split("/")[:-1] if p not in _TEST_PLACES | _SOURCE_PLACES] for path in (one, other))
    same = sum(1 for x, y in zip(reversed(a), reversed(b), strict=False) if x == y)
    return same / max(len(a), len(b), 1)


def _near(weights: Mapping[str, float], files: Iterable[str]) -> dict[str, tuple[float, str]]:
    """Return how much of what is at hand is in the same directory."""
    places: dict[str, float] = defaultdict(float)
    for recent, weight in weights.items():
        places[recent.rpartition("/")[0]] += weight
    most = max(places.values(), default=1.0)
    crowd = Counter(path.rpartition("/")[0] for path in files)
    found = {}
    for path in files:
        place = path.rpartition("/")[0]
        if place in places:
            found[path] = (
                places[place] / most / (1 + 0.1 * crowd[place]) ** 0.5,
                f"beside others in {place or 'the top directory'}",
            )
    return found


def _often(groups: Sequence[Group]) -> dict[str, tuple[float, str]]:
    """Return how often a file was touched lately, whatever with."""
    found: dict[str, float] = defaultdict(float)
    for n, group in enumerate(_told(groups)):
        for path in group.paths:
            found[path] += group.weight * 0.98**n
    most = max(found.values(), default=1.0)
    return {path: (value / most, "") for path, value in found.items()}
