"""Ids and the forms in which people refer to sessions, checkpoints and continuations.

The truth is a UUIDv7 (RFC 9562), written lower case with hyphens. `SESSION-YYMMDD-NNN` is its name in one store.
A session that a framework or an agent finds again by its own id has a UUIDv8 made from that id (`named_uuid`).
"""

import json
import re
from hashlib import blake2b
from typing import NamedTuple

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")
_SESSION = re.compile(r"SESSION-(\d{6})-(\d{3,})\Z", re.ASCII)
_RECOVERY = re.compile(r"RECOVERY-(\d{6})-(\d{3,})-(?:(\d{6})|AUTO-SAVE-(\d+))(?:-(\d+))?\Z", re.ASCII)
_CONTINUATION = re.compile(r"CONTINUATION-(\d{6})-(\d{3,})-(?:STEP-(\d{3,})|([A-Z0-9][A-Z0-9._-]*))\Z", re.ASCII)
_SLUG = re.compile(r"\d{4}-\d{2}-\d{2}-[a-z0-9]+(?:-[a-z0-9]+)*-\d{3,}\Z", re.ASCII)
_ANY_UUID = "00000000-0000-0000-0000-000000000000"
_NOT_WORD = re.compile(r"[^a-z0-9]+")


class Ref(NamedTuple):
    """A reference as a person typed it, and the forms it can be: any of the names in `forms`, most exact first."""

    text: str
    forms: tuple[str, ...]


def uuid7(unix_ms: int, random: bytes) -> str:
    """Return the UUIDv7 of *unix_ms* milliseconds and ten *random* bytes (RFC 9562, 5.7)."""
    return _uuid((unix_ms & 0xFFFFFFFFFFFF) << 80 | int.from_bytes(random[:10], "big"), version=7)


def uuid7_of(bits: int) -> str:
    """Return the UUIDv7 of its 122 *bits*: 48 of milliseconds, then 74 random ones, without those of version and variant."""
    high, low = bits >> 62, bits & 0x3FFF_FFFF_FFFF_FFFF
    return f"{high >> 28:08x}-{high >> 12 & 0xFFFF:04x}-7{high & 0xFFF:03x}-{low >> 48 | 0x8000:04x}-{low & 0xFFFFFFFFFFFF:012x}"


def named_uuid(*name: str) -> str:
    """Return the UUID of a *name*: version 8 (RFC 9562, 5.8), its bits a BLAKE2b of the name's parts.

    Whoever knows the name knows the id, without asking anyone: processes that begin the same thing at once meet in it.
    """
    data = json.dumps(name, separators=(",", ":")).encode()  # ASCII: any text has a form, lone surrogates too
    value = int.from_bytes(blake2b(data, digest_size=16, person=b"segue name").digest(), "big")
    return _uuid(value, version=8)


def uuid7_ms(uuid: str) -> int:
    """Return the milliseconds since 1970 that a UUIDv7 carries."""
    return int(uuid[:8] + uuid[9:13], 16)


def is_uuid(text: str) -> bool:
    """Return whether *text* is a UUID as segue writes it."""
    return _UUID.match(text) is not None


def session_prefix(day: str) -> str:
    """Return what all session names of a UTC *day* (`YYMMDD`) begin with: `SESSION-YYMMDD`."""
    return f"SESSION-{day}"


def session_name(day: str, number: int) -> str:
    """Return `SESSION-YYMMDD-NNN`; a fourth digit comes after 999."""
    return f"SESSION-{day}-{number:03d}"


def name_stem(session_name: str) -> str:
    """Return the `YYMMDD-NNN` of a session's name, which its recovery points and continuations carry."""
    return session_name.removeprefix("SESSION-")


def recovery_name(stem: str, hhmmss: str, taken: frozenset[str] = frozenset()) -> str:
    """Return `RECOVERY-YYMMDD-NNN-HHMMSS`, with `-2`, `-3`, ... where *taken* has it already."""
    return _free(f"RECOVERY-{stem}-{hhmmss}", taken)


def autosave_name(stem: str, number: int) -> str:
    """Return `RECOVERY-YYMMDD-NNN-AUTO-SAVE-15` for the fifteenth automatic checkpoint of a session."""
    return f"RECOVERY-{stem}-AUTO-SAVE-{number}"


def continuation_name(stem: str, *, step: int | None = None, name: str | None = None) -> str:
    """Return `CONTINUATION-YYMMDD-NNN-STEP-003` for a *step*, `CONTINUATION-YYMMDD-NNN-NAME` for a *name*."""
    if step is not None:
        return f"CONTINUATION-{stem}-STEP-{step:03d}"
    word = _NOT_WORD.sub("-", (name or "").lower()).strip("-").upper() or "POINT"
    return f"CONTINUATION-{stem}-{word}"


def slug_stem(day: str, type_: str, project: str) -> str:
    """Return what a slug begins with, its number left out: `2026-01-15-focus-product-launch`."""
    return "-".join(filter(None, (day, slug_word(type_), slug_word(project) or "work")))


def slug(day: str, type_: str, project: str, taken: frozenset[str] = frozenset()) -> str:
    """Return `2026-01-15-focus-product-launch-001`: *day* (`YYYY-MM-DD`), type, project and the first free number."""
    stem = slug_stem(day, type_, project)
    number = 1
    while f"{stem}-{number:03d}" in taken:
        number += 1
    return f"{stem}-{number:03d}"


def slug_word(text: str) -> str:
    """Return *text* as the words of a slug: lower case ASCII letters and digits, joined by hyphens, 48 at most."""
    return _NOT_WORD.sub("-", text.lower()).strip("-")[:48].strip("-")


def parse_ref(text: str) -> Ref:
    """Return which forms of reference *text* can be.

    Forms: `last`, `current`, `paused`, `id`, `name`, `recovery`, `continuation`, `slug`, `prefix`, `foreign`. A foreign id
    (an agent's or a framework's own) may look like anything, so it is always tried last.
    """
    t = text.strip()
    forms: list[str] = []
    if t.lower() in {"last", "current", "paused"}:
        forms.append(t.lower())
    if _UUID.match(t.lower()):
        forms.append("id")
    upper = t.upper() if t.isascii() else ""  # "ſ" in upper case is "S"
    for form, pattern in (("name", _SESSION), ("recovery", _RECOVERY), ("continuation", _CONTINUATION)):
        if pattern.match(upper):
            forms.append(form)
    if _SLUG.match(t.lower()):
        forms.append("slug")
    if t and "id" not in forms and _UUID.match(t.lower() + _ANY_UUID[len(t) :]):
        forms.append("prefix")
    forms.append("foreign")
    return Ref(t, tuple(forms))


def stem_of(name: str) -> str | None:
    """Return the `YYMMDD-NNN` that a session's, recovery's or continuation's name carries, or None."""
    for pattern in (_SESSION, _RECOVERY, _CONTINUATION):
        found = pattern.match(name.upper() if name.isascii() else "")
        if found:
            return f"{found[1]}-{found[2]}"
    return None


def _free(name: str, taken: frozenset[str]) -> str:
    candidate, n = name, 1
    while candidate in taken:
        n += 1
        candidate = f"{name}-{n}"
    return candidate


def _uuid(value: int, *, version: int) -> str:
    value = value & ~(0xF << 76) | version << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    h = f"{value:032x}"
    return f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"
