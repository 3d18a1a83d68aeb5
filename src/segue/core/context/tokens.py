"""How many tokens a text is, for the model family that reads it: estimated without a vocabulary, anchored on real usage.

The estimate: every byte is one of thirteen classes (vowel, consonant, capital, digit, space, ...), and each pair of adjacent
classes has a weight; so has each triple of six coarser ones. They are fitted on exact tokenizers by `scripts/fit_tokens.py`.
Outside of Latin that is not enough: what a character of Hebrew takes beyond it is told by its block (`scripts/fit_blocks.py`).
Weights are whole 1/10,000 tokens and no byte takes any away, so that counting in pieces gives exactly what counting at once
gives, and more text is never fewer tokens.
How far it is off, per family and kind of text: `docs/context-quality.md`.
"""

import re
from functools import cache
from typing import Final, Literal, NamedTuple, get_args
from zlib import adler32

from segue.core.context.blocks import BLOCKS
from segue.core.context.weights import WEIGHTS

Family = Literal["o200k", "claude-3", "claude-4.8", "gemini", "unknown"]
"""Who counts alike: OpenAI since GPT-4o; Claude up to 4.6; Claude from 4.7; Gemini; and the most pessimistic of them."""
Method = Literal["estimate", "anchored", "exact"]

FAMILIES: Final[tuple[Family, ...]] = get_args(Family)
FAMILY_NAMES: Final[dict[Family, str]] = {
    "o200k": "OpenAI models",
    "claude-3": "Claude up to 4.6",
    "claude-4.8": "Claude from 4.7",
    "gemini": "Gemini",
    "unknown": "any model",
}
"""What a person calls the models of a family: families are named after their tokenizers."""
MARGINS: Final[dict[Family, float]] = {"o200k": 0.12, "claude-3": 0.07, "claude-4.8": 0.07, "gemini": 0.15, "unknown": 0.07}
"""What is kept free for the error of an estimate, as a share of it: more than the largest error of 96 whole contexts each (o200k
11.2 %, Claude 4.9 %); for Gemini the spread of its ratio to o200k besides; `unknown` is pessimistic already."""
GEMINI_PER_O200K: Final = 1.20
"""Sum over 3,961 steps of public Gemini 3 Pro runs: real tokens / o200k tokens (median 1.17, p10 to p90 1.08 to 1.30)."""
CALL_TOKENS: Final = 88
"""Framing of one tool call that no text shows: fitted on 600 pairs of requests of Claude Code (80 to 100)."""

_UNIT: Final = 10_000
_BLOCK: Final = 1 << 16
_LETTERS: Final = {"aeiou": 0, "bcdfghlmnprst": 1, "jkqvwxyz": 2, "_-./": 9}
_NEWLINE: Final = 6
_BEFORE: Final = b"\n\n"
"""What a text is taken to stand behind."""


def _class(byte: int) -> int:
    """Return the class of *byte*: below 16, so that a pair fits one byte."""
    for letters, number in _LETTERS.items():
        if chr(byte) in letters:
            return number
    if byte in b"ABCDEFGHIJKLMNOPQRSTUVWXYZ":
        return 3
    if byte in b"0123456789":
        return 4
    if byte == 0x20:
        return 5
    if byte in b"\t\n\r":
        return _NEWLINE
    if byte == 0xE2 or byte >= 0xF0:
        return 12  # begins an arrow, a dash, a frame, an emoji
    if byte >= 0xE0:
        return 11  # any other character of three bytes
    if byte >= 0xC0:
        return 10  # of two bytes
    return 7 if byte >= 0x80 else 8


_CLASSES: Final = bytes(map(_class, range(256)))
_COARSE: Final = bytes({0: 0, 1: 1, 2: 1, 3: 2, 4: 3, 5: 4, _NEWLINE: 4}.get(number, 5) for number in _CLASSES)
"""Vowel, consonant, capital, digit, space, anything else: six classes, so that a triple fits one byte."""
PAIRS: Final = 13**2
Weights = tuple[bytes, bytes]
"""The lower and the higher byte of each weight, to translate codes by."""
Table = tuple[Weights, Weights, Family]
"""Weights of pairs, by the class of the first byte times 16 plus that of the second; of triples, by 36, 6 and 1; and whose."""
_ADDED_AT_ONCE: Final = 256
"""Bytes whose sum adler32 gives whole: it is below 65,521, what it counts by."""


@cache
def _table(family: Family) -> Table:
    """Return the weights of *family*, made when they are first asked for."""
    weights = list(map(int, WEIGHTS["o200k" if family == "gemini" else family].split()))
    if family == "gemini":
        weights = [round(weight * GEMINI_PER_O200K) for weight in weights]
    side = round(PAIRS**0.5)
    pairs = [0] * 256
    for index, weight in enumerate(weights[:PAIRS]):
        pairs[index // side * 16 + index % side] = max(weight, 1)  # so that only nothing is no token
    return _split(pairs), _split(weights[PAIRS:]), family


BEGINNING: Final = re.compile(rb"[\xc6-\xe1\xe3-\xf4][\x80-\xbf]")
"""The first two bytes of a character outside of Latin, punctuation and symbols: those the pairs know well."""
_OTHERS: Final = bytes(byte for byte in range(256) if not 0xC6 <= byte <= 0xF4 or byte == 0xE2)
_UNSEEN: Final = {2: 10_000, 3: 17_000, 4: 25_000}
"""What a character of so many bytes takes beyond its pairs where its block was never seen: too much rather than too little."""


def block_of(beginning: bytes) -> str:
    """Return the block of a character by its first two bytes, in hexadecimal: its script or 64 characters of it. Ideographs are
    one, and so are the syllables of Korean, and all beyond the basic plane but emoji.
    """
    first, second = beginning
    if first < 0xE0 or first > 0xF0:
        return f"{first:02x}"
    if 0xE4 <= first <= 0xE9:
        return "e4"
    if 0xEB <= first <= 0xED or (first == 0xEA and second >= 0xB0):
        return "ea"
    return f"{first:02x}{second:02x}"


def _seconds(first: int) -> list[int]:
    """Return what may stand behind the byte *first*: second bytes of blocks that were seen come before the others."""
    seen = {one.partition(":")[0] for one in BLOCKS["unknown"].split()}
    known = [second for second in range(0x80, 0xC0) if block_of(bytes((first, second))) in seen]
    return [*known, *(set(range(0x80, 0xC0)) - {*known})]


_FIRSTS: Final = [first for first in range(0xC6, 0xF5) if first != 0xE2]
_TOLD_BY_TWO: Final = {first: _seconds(first) for first in (0xE0, 0xE1, 0xE3, 0xEA, 0xEF, 0xF0)}


@cache
def _blocks(family: Family) -> dict[bytes, int]:
    """Return what a character takes beyond its pairs, by its first two bytes, in 1/10,000 tokens."""
    told = BLOCKS["o200k" if family == "gemini" else family].split()
    known = {name: int(weight) for name, _, weight in (one.partition(":") for one in told)}
    times = GEMINI_PER_O200K if family == "gemini" else 1
    found = {}
    for first in range(0xC6, 0xF5):
        unseen = _UNSEEN[2 if first < 0xE0 else 3 if first < 0xF0 else 4]
        for second in range(0x80, 0xC0):
            two = bytes((first, second))
            found[two] = round(known.get(block_of(two), unseen) * times)
    return found


def _beyond(data: bytes, family: Family, before: bytes) -> int:
    """Return what the characters of *data* behind *before* take beyond their pairs, in 1/10,000 tokens."""
    if data.isascii():
        return 0
    try:
        data.decode()
    except UnicodeDecodeError:  # cut within a character, or none at all
        blocks = _blocks(family)
        return sum([blocks[two] for two in BEGINNING.findall(before[-1:] + data)])
    firsts = data.translate(None, _OTHERS)
    return sum([_of_first(data, first, firsts.count(first), family) for first in _FIRSTS if first in firsts]) if firsts else 0


def _of_first(data: bytes, first: int, left: int, family: Family) -> int:
    """Return what the characters that begin with the byte *first* take; *left* is how many there are."""
    weight, blocks = 0, _blocks(family)
    if first not in _TOLD_BY_TWO:
        return left * blocks[bytes((first, 0x80))]
    for second in _TOLD_BY_TWO[first]:
        count = data.count(bytes((first, second)))
        weight += count * blocks[bytes((first, second))]
        left -= count
        if not left:
            break
    return weight


def _split(weights: list[int]) -> Weights:
    whole = [*weights, *[0] * (256 - len(weights))]
    return bytes(weight & 255 for weight in whole), bytes(weight >> 8 for weight in whole)


class Count(NamedTuple):
    """A figure and what it is worth: `tokens`, for which family, by which method, give or take `margin` (a share of it)."""

    tokens: int
    family: Family
    method: Method
    margin: float

    @property
    def upper(self) -> int:
        """The most that it is, within the margin: what a budget is held against."""
        return self.tokens + -int(-self.tokens * self.margin // 1)


_CLAUDE_VERSION: Final = re.compile(r"claude-?(?:v|instant-)?(?:[a-z]+-)?(\d{1,2})(?:[-.](\d{1,2})(?!\d))?")
_O200K: Final = re.compile(r"(?:^|[/.:])(?:chatgpt|codex|gpt-(?:4o|4\.[1-9]|[5-9]|\d\d|oss)|o[1-9](?:$|-))")


def family_of(model: str | None) -> Family:
    """Return the token family of *model*, however a provider writes it (`us.anthropic.claude-sonnet-4-5-v1:0`).

    A Claude without a version is taken for a current one, an unfamiliar model for `unknown`: too many tokens rather than too few.
    """
    name = (model or "").lower()
    if "claude" in name or name.split("[")[0] in {"opus", "sonnet", "haiku", "opusplan", "fable"}:
        found = _CLAUDE_VERSION.search(name)
        if found and (int(found[1]), int(found[2] or 0)) < (4, 7):
            return "claude-3"
        return "claude-4.8"
    if "gemini" in name or "gemma" in name:
        return "gemini"
    return "o200k" if _O200K.search(name) else "unknown"


def _bytes(text: str | bytes) -> bytes:
    # A lone surrogate is no UTF-8, and still three bytes of somebody's transcript.
    return text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text


def _weigh(data: bytes, table: Table, before: bytes = _BEFORE) -> int:
    """Return the weight of *data* behind the two bytes *before*, in 1/10,000 tokens.

    All pairs at once by arithmetic on one long number: shifted by four bits and by a byte, neighbours meet in one byte. All
    triples likewise: no sum of theirs is over a byte.
    """
    pairs, triples, family = table
    weight = _beyond(data, family, before)
    for start in range(0, len(data), _BLOCK):
        text = before + data[start : start + _BLOCK]
        size = len(text) - 2
        number = int.from_bytes(text[1:].translate(_CLASSES), "little")
        codes = ((number << 4) | (number >> 8)).to_bytes(size + 2, "little")[:size]
        weight += _sum(codes, pairs)
        number = int.from_bytes(text.translate(_COARSE), "little")
        codes = (number * 36 + (number >> 8) * 6 + (number >> 16)).to_bytes(size + 2, "little")[:size]
        weight += _sum(codes, triples)
        before = text[-2:]
    return weight


def _sum(codes: bytes, weights: Weights) -> int:
    """Return the sum of the weights of *codes*: the lower half of an Adler-32 that starts at 0 is the sum of its bytes."""
    low, high = codes.translate(weights[0]), codes.translate(weights[1])
    if len(codes) <= _ADDED_AT_ONCE:
        return (adler32(low, 0) & 0xFFFF) + 256 * (adler32(high, 0) & 0xFFFF)
    starts = range(0, len(codes), _ADDED_AT_ONCE)
    return sum(
        [
            (adler32(low[at : at + _ADDED_AT_ONCE], 0) & 0xFFFF) + 256 * (adler32(high[at : at + _ADDED_AT_ONCE], 0) & 0xFFFF)
            for at in starts
        ]
    )


def _tokens(weight: float) -> int:
    return -int(-weight // _UNIT)


def estimate(text: str | bytes, family: Family = "unknown") -> int:
    """Return about how many tokens *text* is for *family*: 0 only for nothing. Any bytes will do, valid UTF-8 or not."""
    return _tokens(_weigh(_bytes(text), _table(family)))


def estimate_by_pairs(text: str, family: Family) -> float:
    """Return what `estimate` would without what blocks take, as a fraction: what those are fitted beyond."""
    data, table = _bytes(text), _table(family)
    return (_weigh(data, table) - _beyond(data, family, _BEFORE)) / _UNIT


class Estimator:
    """Counts by estimate. `factor` is what a session's real usage taught (see `Anchor`), `margin` what to keep free."""

    def __init__(self, family: Family = "unknown", factor: float = 1.0, margin: float | None = None) -> None:
        """Count for *family*, times *factor*, give or take *margin* (the family's own, if not given)."""
        self.method: Method = "estimate" if factor == 1.0 else "anchored"
        self.family: Family = family
        self.factor = factor
        self.margin = MARGINS[family] if margin is None else margin
        self._table = _table(family)

    def count(self, text: str | bytes) -> int:
        """Return about how many tokens *text* is."""
        return _tokens(_weigh(_bytes(text), self._table) * self.factor)

    def measure(self, text: str | bytes) -> Count:
        """Return the count of *text* with its family, method and margin."""
        return Count(self.count(text), self.family, self.method, self.margin)


class Tally:
    """A text that grows: `add` costs what is new, and `tokens` is what the whole would be counted at once."""

    def __init__(self, estimator: Estimator) -> None:
        """Begin with nothing."""
        self._estimator = estimator
        self._weight = 0
        self._before = _BEFORE

    def add(self, text: str | bytes) -> int:
        """Append *text*; return the tokens of all so far."""
        data = _bytes(text)
        if data:
            self._weight += _weigh(data, self._estimator._table, self._before)  # noqa: SLF001 - one module, one secret
            self._before = (self._before + data)[-2:]
        return self.tokens

    @property
    def tokens(self) -> int:
        """About how many tokens all text so far is."""
        return _tokens(self._weight * self._estimator.factor)


class Anchor:
    """The size of a context, from its last usage record and what came after it.

    Providers say with each answer how many tokens the request and the answer were. That is the truth about all before it, so
    only what follows is estimated; and the difference between two such figures says how far the estimate was off in between,
    which becomes this session's `factor`.
    """

    _PRIOR = 4_000
    """Tokens of experience that a factor of 1 starts with, so that one short step does not swing it."""

    def __init__(self, family: Family = "unknown", margin: float | None = None) -> None:
        """Know nothing yet."""
        self._estimator = Estimator(family, margin=margin)
        self._known: int | None = None
        self._after = 0
        self._real = self._guessed = float(self._PRIOR)

    @property
    def factor(self) -> float:
        """What to multiply this session's estimates by: real growth by estimated growth, between 2/3 and 3/2."""
        return min(max(self._real / self._guessed, 2 / 3), 3 / 2)

    @property
    def estimator(self) -> Estimator:
        """An estimator with this session's factor."""
        return Estimator(self._estimator.family, self.factor, self._estimator.margin)

    def add(self, text: str | bytes, *, calls: int = 0) -> None:
        """Something entered the context after the last usage record: *text*, of which *calls* tool calls have framing as well."""
        self._after += self._estimator.count(text) + calls * CALL_TOKENS

    def record(self, tokens: int) -> None:
        """The provider says that the context is *tokens* long by now (input with cache, and output). Ignored below 1.

        A context that shrank was condensed or cut: nothing is learned from it. Neither from a step that is off by more than
        half: something entered that was not shown to us.
        """
        if tokens < 1:
            return
        if self._known is not None and self._after:
            growth = tokens - self._known
            if self._after / 2 <= growth <= self._after * 2:
                self._real += growth
                self._guessed += self._after
        self._known, self._after = tokens, 0

    def forget(self) -> None:
        """The context was replaced (another branch, a compaction): its size is no longer known. The factor stays."""
        self._known, self._after = None, 0

    def measure(self) -> Count:
        """Return the size of the context now. Its margin is that of the estimated part."""
        after = round(self._after * self.factor)
        family, margin = self._estimator.family, self._estimator.margin
        if self._known is None:
            return Count(after, family, "estimate", margin)
        total = self._known + after
        return Count(total, family, "anchored", margin * after / total)
