"""Values that are known to be secrets: those of the environment's variables whose names say so."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

LEAST: Final = 8
"""Characters of a value that is looked for wherever it stands: what is shorter stands in too many other places."""
_PARTS: Final = frozenset({
    "KEY", "APIKEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "PASSPHRASE", "PASS", "PWD", "CREDENTIAL", "CREDENTIALS", "DSN",
    "PAT", "PGPASSWORD", "AUTH", "COOKIE", "SECRETS", "TOKENS",
})  # fmt: skip
_NOT: Final = frozenset({"PWD", "OLDPWD", "SSH_AUTH_SOCK", "XAUTHORITY", "PASS_THROUGH"})
_WORD: Final = re.compile(r"[a-z]+\Z|[0-9.,:]+\Z|(?i:true|false|yes|no|on|off|none|disabled|enabled)\Z")
_PLAIN: Final = 16
"""Characters from which on a value of lower-case letters alone is no word of a language."""
_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s:/@]*:([^\s@]+)@")


def of_environment(env: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return (kind, value) of each secret in *env*; the kind names the variable. Values that are plain words, numbers or
    paths are left out: they would be found everywhere.
    """
    found: dict[str, str] = {}
    for name, value in env.items():
        url = _URL.match(value)
        if url:
            _add(found, name, _unquoted(url[1]))
        if name.upper() not in _NOT and _PARTS.intersection(name.upper().replace("-", "_").split("_")) and not url:
            _add(found, name, value)
    return [(f"env:{name}", value) for value, name in found.items()]


def _add(found: dict[str, str], name: str, value: str) -> None:
    value = value.strip()
    if len(value) < LEAST or value.startswith(("/", "~", "./")) or (_WORD.match(value) and len(value) < _PLAIN):
        return
    found.setdefault(value, re.sub(r"[^A-Za-z0-9_.-]", "_", name)[:60])


def with_forms(known: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return each value also as it stands in a URL; what stands in base64 or digits is found by reading those."""
    found: dict[str, str] = {}
    for kind, value in known:
        for form in (value, _quoted(value, ""), _quoted(value, " ").replace(" ", "+"), _quoted(value, "/")):
            if len(form) >= LEAST:
                found.setdefault(form, kind)
        lines = [line.strip() for line in value.splitlines()]
        for line in lines if len(lines) > 1 else ():
            if len(line) >= _PLAIN and not line.startswith("-----"):
                found.setdefault(line, kind)
    return [(kind, value) for value, kind in sorted(found.items(), key=lambda item: -len(item[0]))]


_UNRESERVED: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


def _quoted(value: str, safe: str) -> str:
    """Return *value* as it stands in a URL (RFC 3986)."""
    return "".join(
        c if c in _UNRESERVED or c in safe else "".join(f"%{byte:02X}" for byte in c.encode("utf-8", "replace")) for c in value
    )


def _unquoted(value: str) -> str:
    pieces = re.split(r"%([0-9A-Fa-f]{2})", value)
    data = b"".join(bytes([int(p, 16)]) if i % 2 else p.encode("utf-8", "replace") for i, p in enumerate(pieces))
    return data.decode("utf-8", "replace")
