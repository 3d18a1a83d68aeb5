r"""An event's bytes: one JSON line that can be verified on its own.

A line is a *head*, its digest, and the *content*, in this order and without spaces:

    {"v":1,"seq":7,"id":...,"at":...,"kind":...,[...,]"prev":"<hex>"            the head
    ,"digest":"<hex>"
    ,"salt":"<hex>","body":{...}[,"source":{...}][,"scopes":{...}] }            the content

    content hash = BLAKE2b-256(content bytes)
    digest       = BLAKE2b-256(head bytes, content hash)          `prev` is in the head: digests chain

Verification hashes the stored bytes; nothing is encoded again, so no canonical form is needed to check a line. The split
is found at the first `,"digest":"`: inside a JSON string a quote is always escaped, so no string can contain it.
The chain covers the hash of the salted content, not the content: `erase` replaces the content by `"erased":"<content hash>"`
and the digests stay right, while the random salt, gone with the content, keeps a short secret from being guessed.
The first event's `prev` is derived from the session's id, so a log cannot pass for another session's; a fork's is its
parent's digest. A raw line never holds NUL (JSON escapes it): NULs are unwritten disk blocks.

Strings of more than `INLINE` bytes in a large content, and a content that is still large then, are stored as blobs by
content hash and replaced by `{"$blob": "<hash>", "bytes": n}`.
"""

import json
import re
from collections.abc import Callable, Mapping
from hashlib import blake2b
from json import encoder
from json.encoder import encode_basestring
from typing import Any, Final, NamedTuple

from segue.core.errors import InvalidEventError
from segue.core.log.checks import check, check_json
from segue.core.log.events import ABSENT, MAIN, Draft, Event

VERSION: Final = 1
INLINE: Final = 16 * 1024
"""In a large content, strings of more bytes than this become blobs."""
LARGE: Final = 48 * 1024
"""A content of more bytes than this is large."""

_ERASED = re.compile(rb'"erased":"([0-9a-f]{64})"\Z')
_BLOB_NAME = re.compile(r"[0-9a-f]{64}\Z")
_DIGEST_MARK = b',"digest":"'
_BLOB = "$blob"
_LITERAL = "$literal"
_MARKS = (b'"$blob"', b'"$literal"')

BlobName = Callable[[bytes], str]


class Content(NamedTuple):
    """A draft's encoded content (without the braces), its hash, and the blobs that must be durable before it."""

    data: bytes
    hash: bytes
    blobs: dict[str, bytes]


class BadLine(ValueError):  # noqa: N818  (a finding of the reader, not an error of ours)
    """A line that is not an event as it was written; the message says why."""


def blob_name(data: bytes) -> str:
    """Return the name of a blob: its BLAKE2b-256 in hex."""
    return blake2b(data, digest_size=32).hexdigest()


def genesis(session: str) -> str:
    """Return the `prev` of a session's first event."""
    return blake2b(b"segue session " + session.encode(), digest_size=32).hexdigest()


def encode_content(draft: Draft, salt: str, name_blob: BlobName = blob_name) -> Content:
    """Return the content bytes of *draft*; *salt* is 32 random hex digits.

    Raises:
        InvalidEventError: the draft's names or values cannot be written as JSON.
    """
    check(draft)
    body: Any = draft.body
    source: Any = draft.source
    data = _join(salt, _dump(draft, body), _dump(draft, source), _dump(draft, draft.scopes))
    for part in (body, source, draft.scopes):
        if part is not None:
            check_json(draft.kind, part)
    blobs: dict[str, bytes] = {}
    if has_marks(data):
        body, source = _escape(body), _escape(source)
        data = _join(salt, _dump(draft, body), _dump(draft, source), _dump(draft, draft.scopes))
    if len(data) > LARGE:
        body, source = _externalise(body, blobs, name_blob), _externalise(source, blobs, name_blob)
        data = _join(salt, _dump(draft, body), _dump(draft, source), _dump(draft, draft.scopes))
    if len(data) > 4 * LARGE:
        body, source = (_whole(draft, x, blobs, name_blob) for x in (body, source))
        data = _join(salt, _dump(draft, body), _dump(draft, source), _dump(draft, draft.scopes))
    return Content(data, blake2b(data, digest_size=32).digest(), blobs)


def encode_line(
    draft: Draft, content: Content, *, seq: int, id: str, at: str, prev: str, more: int = 0, of: int = 1
) -> tuple[bytes, str]:
    """Return the line (with its newline) of *draft* at *seq*, and its digest.

    It is one *of* so many lines that are written at once; *more* of them follow.
    """
    text = [f'{{"v":{VERSION},"seq":{seq},"id":"{id}","at":"{at}","kind":"{draft.kind}"']
    if draft.actor:
        text.append(f',"actor":{encode_basestring(draft.actor)}')
    if draft.stream != MAIN:
        text.append(f',"stream":{encode_basestring(draft.stream)}')
    if draft.node is not None:
        text.append(f',"node":{encode_basestring(draft.node)}')
    if draft.parent is None:
        text.append(',"parent":null')
    elif draft.parent != ABSENT:
        text.append(f',"parent":{encode_basestring(draft.parent)}')
    if draft.key is not None:
        text.append(f',"key":{encode_basestring(draft.key)}')
    if of > 1:
        text.append(f',"more":{more},"of":{of}')
    text.append(f',"prev":"{prev}"')
    head = "".join(text).encode()
    digest = _digest(head, content.hash)
    return b"".join((head, _DIGEST_MARK, digest.encode(), b'",', content.data, b"}\n")), digest


def decode_line(line: bytes, load_blob: Callable[[str], bytes] | None = None) -> Event:
    """Return the event of a *line* (with or without its newline), its digest checked.

    With *load_blob*, references to blobs are replaced by what they stand for; without it they stay.

    Raises:
        BadLine: not a line as it was written.
    """
    digest = verify_line(line)
    try:
        event = _event(_decode(line.decode("utf-8", "surrogatepass")), digest)
        if has_marks(line):
            source = event.source and _resolve(event.source, load_blob)
            event = event._replace(body=_resolve(event.body, load_blob), source=source)
    except BadLine:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as e:
        raise BadLine(f"not an event: {e!r}") from e
    return event


def verify_line(line: bytes) -> str:
    """Return the digest of a *line* after checking it against the line's own bytes.

    Raises:
        BadLine: torn, not a segue line, or its bytes were changed.
    """
    head, stored, content = split_line(line)
    erased = _ERASED.match(content)
    content_hash = bytes.fromhex(erased[1].decode()) if erased else blake2b(content, digest_size=32).digest()
    if _digest(head, content_hash) != stored:
        raise BadLine("digest does not fit its bytes")
    return stored


def split_line(line: bytes) -> tuple[bytes, str, bytes]:
    """Return head, digest and content of a *line*.

    Raises:
        BadLine: torn, or not a segue line.
    """
    body = line[:-1] if line.endswith(b"\n") else line
    i = body.find(_DIGEST_MARK)
    start = i + len(_DIGEST_MARK)
    if i < 0 or body[:1] != b"{" or body[-1:] != b"}" or body[start + 64 : start + 66] != b'",':
        raise BadLine("not a whole line of a segue log" if body.strip(b"\0 ") else "blank")
    try:
        digest = body[start : start + 64].decode("ascii")
    except UnicodeDecodeError as e:
        raise BadLine("its digest is not one") from e
    return body[:i], digest, body[start + 66 : -1]


def erase_line(line: bytes) -> bytes:
    """Return *line* (with its newline if it has one) with its content replaced by the content's hash; its digest stays.

    Raises:
        BadLine: torn, or not a segue line.
    """
    head, digest, content = split_line(line)
    if _ERASED.match(content):
        return line
    content_hash = blake2b(content, digest_size=32).hexdigest()
    end = b'"}\n' if line.endswith(b"\n") else b'"}'
    return b"".join((head, _DIGEST_MARK, digest.encode(), b'","erased":"', content_hash.encode(), end))


def is_erased(line: bytes) -> bool:
    """Return whether a *line* has lost its content to `erase_line`. Raises BadLine."""
    return _ERASED.match(split_line(line)[2]) is not None


def blob_refs(data: bytes) -> dict[str, bool]:
    """Return the names of the blobs that *data*, a line or a blob of JSON, refers to, and whether they are JSON themselves.

    A blob of JSON may refer to further ones. Of what cannot be read, all that looks like a reference counts as one.
    """
    if _MARKS[0] not in data:
        return {}
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return {name.decode(): True for name in re.findall(rb'"\$blob":"([0-9a-f]{64})"', data)}
    if isinstance(value, dict) and "digest" in value and "salt" in value:
        value = [value.get("body"), value.get("source")]  # what scopes hold is never a reference
    found: dict[str, bool] = {}
    _find_refs(value, found)
    return found


def _find_refs(value: Any, found: dict[str, bool]) -> None:
    if isinstance(value, list):
        for item in value:
            _find_refs(item, found)
    elif isinstance(value, dict):
        name = value.get(_BLOB)
        if isinstance(name, str) and _BLOB_NAME.match(name):
            found[name] = value.get("type") == "json"
            return
        inner = value[_LITERAL] if len(value) == 1 and isinstance(value.get(_LITERAL), dict) else value
        for item in inner.values():
            _find_refs(item, found)


def _event(record: dict[str, Any], digest: str) -> Event:
    if record["v"] != VERSION:
        raise BadLine(f"its version is {record['v']!r:.20}, this program knows {VERSION}")
    if type(record["seq"]) is not int or not isinstance(record.get("body", {}), dict):
        raise BadLine("not an event: its number or body is not one")
    get = record.get
    return Event(  # in its fields' order: names would cost as much again
        record["v"],
        record["seq"],
        record["id"],
        record["at"],
        record["kind"],
        get("actor", ""),
        get("stream", MAIN),
        get("node") or record["id"],
        get("parent", ABSENT),
        get("key"),
        get("more", 0),
        record["prev"],
        digest,
        get("body", {}),
        get("source"),
        get("scopes"),
        "erased" in record,
    )


def _digest(head: bytes, content_hash: bytes) -> str:
    h = blake2b(head, digest_size=32)
    h.update(content_hash)
    return h.hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is no JSON type")


def has_marks(data: bytes) -> bool:
    """Return whether *data* may hold an object that refers to a blob, or looks like one: mostly there is not even a `$`."""
    return b"$" in data and (_MARKS[0] in data or _MARKS[1] in data)


def _encoder() -> Callable[[Any], str]:
    """Return what writes values as JSON: the standard library's encoder, made once and not anew for each value."""
    # a circle runs into the recursion limit, which is refused as well
    options: dict[str, Any] = {"ensure_ascii": False, "check_circular": False, "allow_nan": False, "default": _plain}
    plain = json.JSONEncoder(separators=(",", ":"), **options)
    make = getattr(encoder, "c_make_encoder", None)
    if make is None:  # an interpreter without it
        return plain.encode
    chunks = make(None, _plain, encoder.encode_basestring, None, ":", ",", False, False, False)
    return lambda value: "".join(chunks(value, 0))


_encode = _encoder()
_decode = json.JSONDecoder().decode
_encode_ascii = json.JSONEncoder(separators=(",", ":"), allow_nan=False, default=_plain).encode


def _dump(draft: Draft, value: Any) -> bytes | None:
    if value is None:
        return None
    try:
        text = _encode(value)
        try:
            return text.encode()
        except UnicodeEncodeError:  # lone surrogates: \ud800 and the like survive as escapes
            return _encode_ascii(value).encode()
    except (TypeError, ValueError, RecursionError) as e:
        raise InvalidEventError(f"it is not JSON: {e}", kind=draft.kind) from e


def _join(salt: str, body: bytes | None, source: bytes | None, scopes: bytes | None) -> bytes:
    parts = [b'"salt":"', salt.encode(), b'","body":', body or b"{}"]
    if source is not None:
        parts += (b',"source":', source)
    if scopes is not None:
        parts += (b',"scopes":', scopes)
    return b"".join(parts)


def _escape(value: Any) -> Any:
    """Wrap the user's own objects that look like ours."""
    if isinstance(value, Mapping):
        inner = {k: _escape(v) for k, v in value.items()}
        return {_LITERAL: inner} if _BLOB in value or _LITERAL in value else inner
    if isinstance(value, (list, tuple)):
        return [_escape(v) for v in value]
    return value


def _externalise(value: Any, blobs: dict[str, bytes], name_blob: BlobName) -> Any:
    if isinstance(value, str) and len(value) * 4 > INLINE:
        try:
            data = value.encode()
        except UnicodeEncodeError:
            return value
        if len(data) <= INLINE:
            return value
        name = name_blob(data)
        blobs[name] = data
        return {_BLOB: name, "bytes": len(data)}
    if isinstance(value, Mapping):
        return {k: _externalise(v, blobs, name_blob) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_externalise(v, blobs, name_blob) for v in value]
    return value


def _whole(draft: Draft, value: Any, blobs: dict[str, bytes], name_blob: BlobName) -> Any:
    data = _dump(draft, value)
    if data is None or len(data) <= LARGE:
        return value
    name = name_blob(data)
    blobs[name] = data
    return {_BLOB: name, "bytes": len(data), "type": "json"}


def _resolve(value: Any, load_blob: Callable[[str], bytes] | None) -> Any:
    if isinstance(value, dict):
        if len(value) == 1 and _LITERAL in value:
            return {k: _resolve(v, load_blob) for k, v in value[_LITERAL].items()}
        if _BLOB in value and isinstance(value[_BLOB], str):
            return _load(value, load_blob)
        return {k: _resolve(v, load_blob) for k, v in value.items()}
    if isinstance(value, list):
        return [_resolve(v, load_blob) for v in value]
    return value


class _Reference(dict[str, Any]):
    """A reference to a blob that was not loaded, as against an object of somebody's that only looks like one."""


def load_blobs(event: Event, load_blob: Callable[[str], bytes]) -> Event:
    """Return an *event* that was decoded without its blobs with those of its body. Raises what *load_blob* raises."""
    return event._replace(body=_filled(event.body, load_blob)) if has_blobs(event.body) else event


def has_blobs(value: Any) -> bool:
    """Return whether something in *value* is a reference to a blob."""
    waiting = [value]
    while waiting:
        found = waiting.pop()
        if isinstance(found, dict):
            if isinstance(found, _Reference):
                return True
            found = found.values()
        elif not isinstance(found, list):
            continue
        waiting += [inner for inner in found if isinstance(inner, (dict, list))]
    return False


def _filled(value: Any, load_blob: Callable[[str], bytes]) -> Any:
    if isinstance(value, _Reference):
        return _load(value, load_blob)
    if isinstance(value, dict):
        return {k: _filled(v, load_blob) for k, v in value.items()}
    return [_filled(v, load_blob) for v in value] if isinstance(value, list) else value


def _load(ref: dict[str, Any], load_blob: Callable[[str], bytes] | None) -> Any:
    if not _BLOB_NAME.match(ref[_BLOB]):
        raise BadLine("its reference to a blob is not one")
    if load_blob is None:
        return _Reference(ref)
    data = load_blob(ref[_BLOB])
    if ref.get("type") == "json":
        return _resolve(json.loads(data), load_blob)
    return data.decode()
