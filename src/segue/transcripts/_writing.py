"""What all writers do with a conversation, whatever the format: pair its calls, count its parts, make its file."""

import errno
import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol, TypeVar

from segue.core.errors import ExistsError
from segue.core.together.conversation import FATES, Carried, Fate
from segue.transcripts._beside import beside

UNKNOWN_TIME: Final = "1970-01-01T00:00:00.000Z"
_NUMBER = re.compile(r"\d+")
_DATA_URI = re.compile(r"data:([\w.+-]+/[\w.+-]+)?(?:;[\w=.-]+)*;base64,(.*)\Z", re.DOTALL)
_HALVES = re.compile("[\ud800-\udfff]")
_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK})
"""What file systems answer that know no hard links."""
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)


class Tally:
    """Counts what became of the things that are written."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._found: dict[tuple[str, Fate, str], int] = {}

    def add(self, what: str, fate: Fate, why: str = "", number: int = 1) -> None:
        """Count *number* more things of a kind that had this fate."""
        if number:
            key = (what, fate, why)
            self._found[key] = self._found.get(key, 0) + number

    def carried(self) -> tuple[Carried, ...]:
        """Return the counts, by kind, then from what was kept to what was dropped."""
        ordered = sorted(self._found.items(), key=lambda item: (item[0][0], FATES.index(item[0][1]), item[0][2]))
        return tuple(Carried(what, fate, number, why) for (what, fate, why), number in ordered)


# --- versions


class Versioned(Protocol):
    """A form of a transcript, named by the agent's first version that it is known to be right for."""

    @property
    def version(self) -> str:
        """The agent's version."""
        ...


Form = TypeVar("Form", bound=Versioned)


def version_key(version: str) -> tuple[int, ...]:
    """Return the numbers of a version, to compare by; empty where there are none."""
    return tuple(int(n[:9]) for n in _NUMBER.findall(version.split("-", maxsplit=1)[0])[:4])


def form_for(version: str, forms: Sequence[Form], newest: str, agent: str) -> tuple[Form, tuple[str, ...]]:
    """Return the form to write for an agent's *version*, and warnings. *newest*: the latest version that was tried.

    *forms* ascend. A version that is not told gets the last one; one older than all gets the first.
    """
    key = version_key(version)
    if not key:
        return forms[-1], ((f"{agent} {version!r}: not a version that is known, written as for {newest}",) if version else ())
    fitting = [form for form in forms if version_key(form.version) <= key]
    if not fitting:
        return forms[0], (f"{agent} {version} is older than all that were tried: written as for {forms[0].version}",)
    if key > version_key(newest):
        return fitting[-1], (f"{agent} {version} is newer than all that were tried: written as for {newest}",)
    return fitting[-1], ()


# --- times


def milliseconds(at: str, otherwise: str = UNKNOWN_TIME) -> str:
    """Return a time as JavaScript writes it: three digits behind the second. *otherwise*: where *at* is no time."""
    try:
        found = datetime.fromisoformat(at).isoformat(timespec="milliseconds")
    except (ValueError, TypeError):
        return otherwise
    return found.removesuffix("+00:00").removesuffix("Z") + "Z" if found.endswith("+00:00") else otherwise


# --- texts


def encode(value: Any) -> str:
    """Return *value* as JSON without needless spaces."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is no JSON type")


def well_formed(text: str, tally: Tally) -> str:
    """Return JSON or plain *text* with each half of a character (a lone surrogate) replaced by U+FFFD, and counted.

    Providers refuse a request that holds one, and JSON readers that are strict refuse the line.
    """
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        text, number = _HALVES.subn("�", text)
        tally.add("half_character", "mapped", "half of a character cannot be sent; U+FFFD stands for it", number)
    return text


def is_well_formed(value: Any) -> bool:
    """Return whether no text in *value* holds half of a character."""
    try:
        encode(value).encode()
    except UnicodeEncodeError:
        return False
    return True


def lines_of(records: Iterable[Mapping[str, Any]], tally: Tally) -> bytes:
    """Return *records* as JSON Lines that any reader takes."""
    return "".join(well_formed(encode(record), tally) + "\n" for record in records).encode()


def said_of(part: Mapping[str, Any], name: str = "content") -> str:
    """Return what stands under *name* as text: itself, or its JSON."""
    value = part.get(name)
    if isinstance(value, str):
        return value
    return "" if value is None else encode(value)


def as_text(part: Mapping[str, Any]) -> str:
    """Return a part that the target has no place for as text that says what it was."""
    media = media_of(part)
    if media is not None:
        return f"[{media.modality} {media.url or media.mime}: not carried over]"
    return f"[{part.get('type')}] {encode({k: v for k, v in part.items() if k != 'type'})}"


# --- media


class Media(NamedTuple):
    """An image or a document of a message: its data in base64, or its address."""

    modality: str
    mime: str
    data: str = ""
    url: str = ""


def media_of(part: Mapping[str, Any]) -> Media | None:
    """Return what a `blob` or `uri` part holds, None for another one."""
    kind = part.get("type")
    if kind not in {"blob", "uri"}:
        return None
    mime = said_of(part, "mime_type")
    modality = said_of(part, "modality") or mime.partition("/")[0] or "file"
    if kind == "blob":
        return Media(modality, mime, data=said_of(part))
    url = said_of(part, "uri")
    inline = _DATA_URI.match(url)
    if inline:
        return Media(modality, inline[1] or mime, data=inline[2])
    return Media(modality, mime, url=url)


def what_of(part: Mapping[str, Any]) -> str:
    """Return the kind under which a part is counted."""
    media = media_of(part)
    return str(part.get("type")) if media is None else media.modality


# --- files


def make_file(path: str, data: bytes, agent: str, session: str) -> None:
    """Make the file *path* with *data*, durable and all at once; one that holds just that is left as it is.

    Raises:
        ExistsError: it is there and holds something else.
        OSError: it cannot be made; nothing is left behind.
    """
    file = Path(path)
    _make_directories(file.parent)
    temporary = beside(file)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | _NO_FOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        try:
            _name(temporary, file)
        except FileExistsError:
            if not _holds(file, data):
                raise ExistsError(f"{agent} session", session) from None
    finally:
        temporary.unlink(missing_ok=True)
    _sync_directory(file.parent)


def _name(temporary: Path, file: Path) -> None:
    """Give a file its name, if nothing has it. Raises FileExistsError."""
    try:
        os.link(temporary, file)  # unlike a rename, it never replaces
    except OSError as e:
        if e.errno not in _NO_LINKS:
            raise
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))  # the name is ours now
        temporary.replace(file)


def _holds(file: Path, data: bytes) -> bool:
    try:
        return not file.is_symlink() and file.stat().st_size == len(data) and file.read_bytes() == data
    except OSError:
        return False


def _make_directories(directory: Path) -> None:
    missing = [d for d in (directory, *directory.parents) if not d.exists()]
    for each in reversed(missing):
        with suppress(FileExistsError):
            each.mkdir(mode=0o700)
        _sync_directory(each.parent)


def _sync_directory(directory: Path) -> None:
    if os.name == "nt":
        return
    descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
