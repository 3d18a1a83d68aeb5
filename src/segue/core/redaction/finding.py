"""Where secrets stand in a text, as it is: by their form, by the name beside them, in URLs, headers and key files."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from segue.core.redaction.names import Weight, is_likely, is_mixed, weight_of
from segue.core.redaction.rules import RULES, Rule


class Span(NamedTuple):
    """A secret in a text: from *start* up to *end*."""

    start: int
    end: int
    kind: str


MARKER: Final = re.compile(r"\[REDACTED:[A-Za-z0-9_:.-]{1,100}\]\Z")
"""What stands in the place of a secret: it is none itself."""

_LONG: Final = 20
"""Characters that every secret of a known form has in a row, its prefix among them."""
_TOKEN: Final = bytes(ord("x") if chr(i).isascii() and (chr(i).isalnum() or chr(i) in "+/=_.-") else ord(" ") for i in range(256))
_DIGITS: Final = "0123456789abcdef-"
"""What a UUID and a hash are made of; no prefix is."""
_NOT_WORDS: Final = re.compile("[A-Z0-9]")
_LAST: Final = 512
"""Characters beyond which a look at an anchor in vain is not repeated inside of what it saw."""


def find(text: str, known: "Sequence[tuple[str, str]]" = (), *, emails: bool = False) -> list[Span]:
    """Return the secrets in *text*, in their order, none within another.

    Args:
        text: any text; what takes longer is linear in its length.
        known: values that are secrets wherever they stand, each with the kind to name it by.
        emails: addresses of persons count as well.
    """
    if len(text) < 6:
        return []
    lower = text.lower() if text.isascii() else text.replace("\u0130", "i").lower()  # the one letter that would grow
    found = [*_by_form(text), *_beside_names(text, lower), *_in_headers(text, lower)]
    found += [*_in_urls(text), *_key_files(text), *_logins(text)]
    for kind, value in known:
        found += _every(text, value, kind)
    if emails and "@" in text:
        found += (Span(m.start(), m.end(), "email") for m in _EMAIL.finditer(text))
    return united(s for s in found if not MARKER.match(text, s.start, s.end))


def united(spans: "Iterator[Span] | Sequence[Span]") -> list[Span]:
    """Return *spans* in order; those that overlap become one, named by the first that was found of the longest."""
    result: list[Span] = []
    for span in sorted(spans, key=lambda s: (s.start, -s.end)):
        if result and span.start < result[-1].end:
            last = result[-1]
            kind = last.kind if last.end - last.start >= span.end - span.start else span.kind
            result[-1] = Span(last.start, max(last.end, span.end), kind)
        else:
            result.append(span)
    return result


def _every(text: str, value: str, kind: str) -> Iterator[Span]:
    at = text.find(value)
    while at >= 0:
        yield Span(at, at + len(value), kind)
        at = text.find(value, at + len(value))


# --- by form


def flat(text: str, table: bytes) -> bytes:
    """Return one byte for each character of *text*, by *table*: what it may be in is looked for a thousand times as fast."""
    return text.encode("latin-1", "replace").translate(table)


def runs(flattened: bytes, least: int) -> Iterator[tuple[int, int]]:
    """Yield where at least *least* characters that *flattened* shows as `x` follow each other."""
    wanted, at, size = b"x" * least, 0, len(flattened)
    while (at := flattened.find(wanted, at)) >= 0:
        end = flattened.find(b" ", at + least)
        end = size if end < 0 else end
        yield at, end
        at = end


def _by_form(text: str) -> Iterator[Span]:
    found = [
        run
        for start, end in runs(flat(text, _TOKEN), _LONG)
        if (run := text[start:end]).strip(_DIGITS) and _NOT_WORDS.search(run)
    ]
    if not found:
        return
    candidates = "\n".join(found)
    for rule in RULES:
        if rule.anchor in candidates:
            yield from _of_rule(text, rule)


def _of_rule(text: str, rule: Rule) -> Iterator[Span]:
    anchor, match, size = rule.anchor, rule.pattern.match, len(rule.anchor)
    at = text.find(anchor)
    while at >= 0:
        end = at + size
        if not rule.apart or is_apart(text, at):
            hit = match(text, at)
            if hit and rule.fits(hit[0]):
                end = hit.end()
                yield Span(at, end, rule.kind)
            elif hit and hit.end() - at > _LAST:
                end = hit.end()
            elif not hit and rule.kind == "jwt":
                end = _RUN.match(text, at).end()  # type: ignore[union-attr]  # it matches everywhere
        at = text.find(anchor, end)


_RUN: Final = re.compile(r"[A-Za-z0-9_-]*+")


def is_apart(text: str, at: int) -> bool:
    r"""Return whether no word goes on at *at*; the letter of an escape sequence (`\n`) is none."""
    if at == 0:
        return True
    before = text[at - 1]
    if not (before.isalnum() or before in "_-"):
        return True
    return before in "nrt" and at > 1 and text[at - 2] == "\\"


# --- by the name beside it

_ANCHORS: Final = ("pass", "pwd", "secret", "token", "key", "credential", "_auth")
_TAIL: Final = re.compile(
    r"""[A-Za-z0-9_-]{0,40}+(?P<close>\\{0,4}["'`]?\]?\)?)[ \t]{0,40}(?:"""
    r"""(?P<comma>,[ \t]{0,20}(?=\\{0,4}["'`]))|"""
    r""":[ \t]{0,4}(?:[A-Za-z&'_.|? ]|\[|\]){1,30}=(?!=)|"""
    r"""(?P<env>=(?![=>]))|:=|={2,3}|=>|(?P<xml>>)|:|(?P<flag>(?=[ \t])))[ \t]{0,40}"""
)
_NAME: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.")
_BARE: Final = re.compile(r"""[^\s"'`,;<>(){}\[\]|\\\0]{6,256}+""")
_BARE_ENV: Final = re.compile(r"""[^\s"'`\\\0]{6,256}+""")
_BARE_QUERY: Final = re.compile(r"""[^\s"'`,;<>(){}\[\]|\\&\0]{6,256}+""")


def _beside_names(text: str, lower: str) -> Iterator[Span]:
    for anchor in _ANCHORS:
        at = lower.find(anchor)
        while at >= 0:
            end = at + len(anchor)
            tail = _TAIL.match(text, end)
            if tail is not None:
                span = _announced(text, at, tail)
                if span is not None:
                    yield span
                    end = max(end, span.end)
            at = lower.find(anchor, end)


def _announced(text: str, at: int, tail: re.Match[str]) -> Span | None:
    """Return the secret that the name around *at* announces."""
    start = at
    while start > 0 and at - start < 60 and text[start - 1] in _NAME:
        start -= 1
    if start > 1 and text[start - 1] == "\\" and text[start] in "nrt":
        start += 1
    weight = weight_of(text[start : tail.start("close")].strip("-."))
    if not weight:
        return None
    name_end, value_at = tail.start("close"), tail.end()
    if tail["flag"] is not None and not text.startswith("--", start):
        return None
    if tail["xml"] is not None and text[start - 1 : start] != "<":
        return None
    quoted = _quoted(text, value_at)
    if quoted is not None:
        value = text[quoted[0] : quoted[1]]
        return Span(*quoted, _kind(text[start:name_end])) if is_likely(value, weight, quoted=True) else None
    if tail["comma"] is not None:
        return None
    return _unquoted(text, start, name_end, tail, weight)


def _unquoted(text: str, start: int, name_end: int, tail: re.Match[str], weight: Weight) -> Span | None:
    name = text[start:name_end]
    is_env = tail["env"] is not None and name.isupper() and tail.end() == tail.end("env") and tail.start("env") == name_end
    before = text[start - 1 : start]
    pattern = _BARE_QUERY if before in {"?", "&"} else _BARE_ENV if is_env else _BARE
    bare = pattern.match(text, tail.end())
    if bare is None:
        return None
    end = bare.end()
    if text[end : end + 1] in {"(", "["} and not is_env:
        return None  # a call, or an element
    value = bare[0].rstrip(".,;:") if not is_env else bare[0]
    if not is_likely(value, weight, quoted=is_env or tail["xml"] is not None):
        return None
    end = bare.start() + len(value)
    while (more := pattern.match(text, end)) is not None:  # what is so long was judged by how it begins
        end = more.end()
    return Span(bare.start(), end, _kind(name))


def _quoted(text: str, at: int) -> tuple[int, int] | None:
    """Return where the literal at *at* begins and ends inside of its quotes, which may be escaped; None: there is none."""
    start = at
    while start < at + 4 and text[start : start + 1] in "bfruBFRU@" and text[start : start + 1]:
        start += 1
    slashes = start
    while text[slashes : slashes + 1] == "\\":
        slashes += 1
    quote = text[slashes : slashes + 1]
    if not quote or quote not in "\"'`":
        return None
    if text[slashes : slashes + 3] == quote * 3:
        return None
    begin = slashes + 1
    depth = slashes - start
    end, most = begin, min(len(text), begin + 2048)
    while True:
        end = text.find(quote, end, most)
        if end < 0:
            return None
        before = end
        while before > begin and text[before - 1] == "\\":
            before -= 1
        if end - before <= depth:
            found = (begin, end - min(depth, end - before))
            return None if "\n" in text[found[0] : found[1]] or "\0" in text[found[0] : found[1]] else found
        end += 1


def _kind(name: str) -> str:
    lower = name.lower()
    if ("aws" in lower and "secret" in lower) or lower.replace("_", "") == "secretaccesskey":
        return "aws-secret-key"
    for word, kind in (("pass", "password"), ("pwd", "password"), ("secret", "secret"), ("token", "token"), ("key", "api-key")):
        if word in lower:
            return kind
    return "credential"


def announced(name: str, value: str) -> str:
    """Return the kind of the secret that *value* is because of the *name* beside it; empty: it is none."""
    weight = weight_of(name)
    if not weight:
        return ""
    return _kind(name) if len(value) < _LARGEST_KEY and is_likely(value, weight, quoted=True) and not MARKER.match(value) else ""


# --- URLs, headers

_URL: Final = re.compile(r"""://[^\s:/?#@"'<>\\\0]{0,200}:([^\s@/"'<>\\\0]{3,256})@""")
_NO_PASSWORD: Final = re.compile(
    r"(?i)(?:pass(?:word|wd)?|pwd|pw|secret|xxx+|\*+|\.+|\$.*|%[sdr({].*|\{.*|your.*|example|token|\[REDACT.*|<.*|[0-9]{1,5})\Z"
)


def _in_urls(text: str) -> Iterator[Span]:
    if "@" not in text:
        return
    at = text.find("://")
    while at >= 0:
        hit = _URL.match(text, at)
        if hit and not _NO_PASSWORD.match(hit[1]):
            yield Span(hit.start(1), hit.end(1), "url-password")
        at = text.find("://", at + 3)


_SCHEME: Final = re.compile(r"""(?i:bearer)(?:\s|%20|\+){1,3}(?P<value>[A-Za-z0-9._~+/=-]{16,4096}+)""")
_BASIC: Final = re.compile(r"""(?i:basic)[ \t]{1,3}(?P<value>[A-Za-z0-9+/]{8,1024}+={0,2})""")
_CURL: Final = re.compile(r"""(?:-u|--user)(?:[ \t]{1,4}|=)\\{0,4}["']?[^\s:"'\\\0]{1,100}:(?P<value>[^\s"'\\\0]{6,256})""")


def _in_headers(text: str, lower: str) -> Iterator[Span]:
    for anchor, pattern, kind, fits in _HEADERS:
        at = lower.find(anchor)
        while at >= 0:
            hit = pattern.match(text, at)
            if hit and fits(hit["value"]):
                yield Span(hit.start("value"), hit.end("value"), kind)
            at = lower.find(anchor, max(hit.end() if hit else 0, at + 1))


def _is_basic(value: str) -> bool:
    from binascii import Error, a2b_base64

    try:
        plain = a2b_base64(value + "=" * (-len(value) % 4))
    except (Error, ValueError):
        return False
    return b":" in plain[1:] and plain.isascii() and plain.decode().isprintable() and not plain.endswith(b":")


def _is_password(value: str) -> bool:
    return is_likely(value, "strong", quoted=True) and not value.isdigit()


_HEADERS: Final[tuple[tuple[str, re.Pattern[str], str, Callable[[str], bool]], ...]] = (
    ("bearer", _SCHEME, "bearer-token", is_mixed),
    ("basic ", _BASIC, "basic-auth", _is_basic),
    ("-u ", _CURL, "password", _is_password),
    ("--user", _CURL, "password", _is_password),
)

# --- key files, .netrc, a secret beside its id

_BEGIN: Final = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_END: Final = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_BODY: Final = re.compile(r"[A-Za-z0-9+/=]{24}")
_CUT_SHORT: Final = re.compile(r"""[A-Za-z0-9+/=\s\\:,"'-]{0,16384}+""")
_PUTTY: Final = re.compile(r"Private-Lines: [0-9]{1,3}(?:\s|\\+[rn])+(?:[A-Za-z0-9+/=]{1,64}(?:\s|\\+[rn])*+){1,200}")
_LARGEST_KEY: Final = 65_536


def _key_files(text: str) -> Iterator[Span]:
    if "PRIVATE KEY" in text:
        ends = list(_END.finditer(text))
        following = stop = 0
        for begin in _BEGIN.finditer(text):
            if begin.start() < stop:
                continue
            while following < len(ends) and ends[following].start() < begin.end():
                following += 1
            end = ends[following] if following < len(ends) else None
            if end is None or end.start() - begin.end() > _LARGEST_KEY:
                end = _CUT_SHORT.match(text, begin.end())
            stop = end.end() if end is not None else begin.end()
            if _BODY.search(text, begin.end(), stop):
                yield Span(begin.start(), stop, "private-key")
    if "Private-Lines: " in text:
        yield from (Span(m.start() + 15, m.end(), "private-key") for m in _PUTTY.finditer(text))


_S: Final = r"(?:\s|\\[nrt]){1,8}"
_N: Final = r"[^\s\\\0]{1,200}"
_NETRC: Final = re.compile(rf"login{_S}{_N}{_S}(?:account{_S}{_N}{_S})?password{_S}(?P<value>[^\s\\\0]{{4,256}})")
_MACHINE: Final = re.compile(r"machine|default")
_NEAR: Final = 300
_AWS_ID: Final = re.compile(r"A[KS]IA[A-Z0-9]{16}(?![A-Za-z0-9])")
_AWS_SECRET: Final = re.compile(r"(?<![A-Za-z0-9/+=_-])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=_-])")
_EMAIL: Final = re.compile(
    r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![A-Za-z0-9-])"
)


def _logins(text: str) -> Iterator[Span]:
    at = text.find("login") if "password" in text else -1
    while at >= 0:
        hit = _NETRC.match(text, at) if _MACHINE.search(text, max(0, at - 200), at) else None
        if hit and not _NO_PASSWORD.match(hit["value"]):
            yield Span(hit.start("value"), hit.end("value"), "netrc-password")
        at = text.find("login", at + 5)
    if "KIA" in text or "SIA" in text:
        for name in _AWS_ID.finditer(text):
            for hit in _AWS_SECRET.finditer(text, name.end(), name.end() + _NEAR):
                if _has_all(hit[0]):
                    yield Span(hit.start(), hit.end(), "aws-secret-key")


def _has_all(value: str) -> bool:
    return any(map(str.isdigit, value)) and any(map(str.isupper, value)) and any(map(str.islower, value))
