"""Files in the outputs of commands and searches: which lines of which file an output shows.

Many agents read files by commands (`sed -n '1,80p' app.py`) and see parts of them in searches. Where an output is nothing but
lines of one file, and says or implies which, it is as good as a read. Anything else is left alone: a pipe, a second command, an
output that its agent shortened.
"""

import re
import shlex
from collections.abc import Sequence
from typing import Final, NamedTuple

Lines = tuple[int, str]
"""Lines of a file that follow one another: the number of the first, and their text."""

_SHELL: Final = re.compile(r"^(?:\S*/)?(?:ba|z|da)?sh -l?c\s+")
_HIT: Final = re.compile(r"(\d{1,7})[:-](.*)", re.DOTALL)
_NUMBERED: Final = re.compile(r" *(\d{1,7})\t(.*)", re.DOTALL)
_SPAN: Final = re.compile(r"(\d{1,7}),(\d{1,7})p")
_SHORTENED: Final = re.compile(r"(?:\.\.\.|…|\[|<)[^\n]{0,60}(?:truncated|omitted|elided)", re.IGNORECASE)
_FRAMED: Final = ("Command: ", "Output: ", "<")
"""What an agent's program puts before an output, and a file hardly begins with."""
_LONGEST: Final = 400
"""Characters of a command that only reads."""
_LEFT_OUT: Final = "[Omitted"
"""Begins what ripgrep says in the place of a line that is too long."""
_ASIDE: Final = ("--", "[Showing results")
"""Begins what a search says between and behind its hits."""
_ANY: Final = 10_000_000


class Shown(NamedTuple):
    """A file and the lines of it that an output shows."""

    path: str
    lines: tuple[Lines, ...]


def read_by(command: str, output: str) -> Shown | None:
    """Return what a *command* that only reads one file (`cat`, `nl`, `head`, `sed -n`) shows of it, None for any other."""
    if len(command) > _LONGEST or "\n" in command or not output or output.startswith(_FRAMED) or _SHORTENED.search(output):
        return None
    wanted = _wanted(command)
    if wanted is None:
        return None
    path, first, last, numbered = wanted
    lines = output.split("\n")
    if numbered:
        found = [_NUMBERED.fullmatch(each) for each in lines]
        if not all(found) or [int(each[1]) for each in found if each] != [*range(first, first + len(lines))]:
            return None
        lines = [each[2] for each in found if each]
    return Shown(path, ((first, "\n".join(lines)),)) if len(lines) <= last - first + 1 else None


def found_in(path: str, output: str) -> Shown | None:
    """Return what a search in the one file *path* shows of it: the numbered lines `12:hit` and `13-beside`, in their order."""
    stretches: list[tuple[int, list[str]]] = []
    last = 0
    for line in output.split("\n"):
        if line.startswith(_ASIDE):
            continue
        hit = _HIT.fullmatch(line)
        if hit is None or int(hit[1]) <= last:
            return None
        number, text = int(hit[1]), hit[2]
        if text.startswith(_LEFT_OUT):
            continue
        if stretches and number == last + 1:
            stretches[-1][1].append(text)
        else:
            stretches.append((number, [text]))
        last = number
    return Shown(path, tuple((first, "\n".join(lines)) for first, lines in stretches)) if stretches else None


def _wanted(command: str) -> tuple[str, int, int, bool] | None:
    """Return the file that a command reads, the first and the last line that it may show, and whether it numbers them."""
    try:
        words = shlex.split(_SHELL.sub("", command.strip(), count=1))
    except ValueError:
        return None
    home = ""
    if words[:1] == ["cd"] and words[2:3] == ["&&"]:
        home, words = words[1], words[3:]
    if words[-1:] in (["2>&1"], ["2>/dev/null"]):
        words.pop()
    if any(set(word) & set("<>&;`$*?(){}") for word in words):
        return None
    at = words.index("|") if "|" in words else len(words)
    found, narrowed = _reader(words[:at]), words[at + 1 :]
    if found is None or (narrowed and (found[1:3] != (1, _ANY) or (span := _span(narrowed)) is None)):
        return None
    path, first, last, numbered = found
    if narrowed and span:
        first, last = span
    if home and not path.startswith(("/", "~")):
        path = f"{home.rstrip('/')}/{path.removeprefix('./')}"
    return path, first, last, numbered


def _reader(words: Sequence[str]) -> tuple[str, int, int, bool] | None:
    if len(words) < 2 or words[-1].startswith("-"):
        return None
    program, options, path = words[0].rsplit("/", 1)[-1], list(words[1:-1]), words[-1]
    if program == "cat" and options in ([], ["-n"]):
        return path, 1, _ANY, bool(options)
    if program == "nl" and options in (["-ba"], ["-b", "a"]):
        return path, 1, _ANY, True
    span = _span([program, *options])
    return (path, *span, False) if span else None


def _span(words: Sequence[str]) -> tuple[int, int] | None:
    """Return the lines that `sed -n 'A,Bp'` or `head -N` lets through."""
    if list(words[:2]) == ["sed", "-n"] and len(words) == 3 and (found := _SPAN.fullmatch(words[2])):
        return (int(found[1]), int(found[2])) if 0 < int(found[1]) <= int(found[2]) else None
    if words and words[0] == "head":
        count = "".join(words[1:]).removeprefix("-n").removeprefix("-") if len(words) > 1 else "10"
        return (1, int(count)) if count.isascii() and count.isdigit() and 0 < int(count) < _ANY else None
    return None
