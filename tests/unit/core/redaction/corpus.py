"""Secrets that nobody has, in all the places and forms that they are met in: made from a seed, never written down whole.

Prefixes are put together as the program runs, so that no scanner of a hosting platform takes this file for a leak.
"""

import base64
import json
import string
from collections.abc import Callable, Iterator
from random import Random
from typing import NamedTuple
from urllib.parse import quote

LETTERS = string.ascii_letters
ALNUM = LETTERS + string.digits
UPPER = string.ascii_uppercase + string.digits
HEX = "0123456789abcdef"
B64 = ALNUM + "+/"
URLSAFE = ALNUM + "-_"


class Planted(NamedTuple):
    """A secret and the text that it is met in: itself, or with the name that it has beside it."""

    kind: str
    secret: str
    text: str


def _some(r: Random, alphabet: str, size: int) -> str:
    """Return *size* characters, with digits and letters of both cases where the alphabet has them."""
    while True:
        found = "".join(r.choice(alphabet) for _ in range(size))
        wanted = [c for c in (string.digits, string.ascii_uppercase, string.ascii_lowercase) if set(c) & set(alphabet)]
        if size < 8 or all(set(found) & set(c) for c in wanted):
            return found


def _password(r: Random) -> str:
    return _some(r, LETTERS, 5) + r.choice("!#_-.*") + _some(r, string.digits, 3) + _some(r, LETTERS, r.randint(2, 8))


def _pem(r: Random, name: str) -> str:
    lines = [_some(r, B64, 64) for _ in range(r.randint(5, 24))]
    return "\n".join([f"-----BEGIN {name} KEY-----", *lines, _some(r, B64, 22) + "==", f"-----END {name} KEY-----"])


def _jwt(r: Random) -> str:
    def part(value: dict[str, str]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    header, claims = part({"alg": "HS256", "typ": "JWT"}), part({"sub": _some(r, ALNUM, 12), "iss": "https://id.test"})
    return f"{header}.{claims}.{_some(r, URLSAFE, 43)}"


def _bare(kind: str, make: Callable[[Random], str]) -> Callable[[Random], Planted]:
    def planted(r: Random) -> Planted:
        secret = make(r)
        return Planted(kind, secret, secret)

    return planted


def _named(kind: str, make: Callable[[Random], str], *forms: str) -> Callable[[Random], Planted]:
    def planted(r: Random) -> Planted:
        secret = make(r)
        return Planted(kind, secret, r.choice(forms).replace("@@", secret))

    return planted


KINDS: tuple[Callable[[Random], Planted], ...] = (
    _bare("anthropic", lambda r: "sk-" + "ant-api03-" + _some(r, URLSAFE, 93) + "AA"),
    _bare("openai", lambda r: "sk-" + "proj-" + _some(r, URLSAFE, r.choice((48, 120)))),
    _bare("openai, old", lambda r: "sk-" + _some(r, ALNUM, 20) + "T3Blbk" + "FJ" + _some(r, ALNUM, 20)),
    _bare("aws id", lambda r: r.choice(("AK", "AS")) + "IA" + _some(r, UPPER, 16)),
    _named(
        "aws secret",
        lambda r: _some(r, B64, 40),
        "aws_secret_access_key = @@",
        "AWS_SECRET_ACCESS_KEY=@@",
        '"SecretAccessKey": "@@"',
    ),
    _bare("github", lambda r: "gh" + r.choice("pousr") + "_" + _some(r, ALNUM, 36)),
    _bare("github, fine-grained", lambda r: "github_" + "pat_" + _some(r, ALNUM, 22) + "_" + _some(r, ALNUM, 59)),
    _bare("gitlab", lambda r: "gl" + "pat-" + _some(r, URLSAFE, 20)),
    _bare("slack", lambda r: "xo" + r.choice(("xb", "xp")) + "-" + _some(r, string.digits, 12) + "-" + _some(r, ALNUM, 24)),
    _bare(
        "slack webhook",
        lambda r: "https://hooks.slack" + f".com/services/T{_some(r, UPPER, 8)}/B{_some(r, UPPER, 8)}/{_some(r, ALNUM, 24)}",
    ),
    _bare("google", lambda r: "AI" + "za" + _some(r, URLSAFE, 35)),
    _bare("stripe", lambda r: r.choice("sr") + "k_" + "live_" + _some(r, ALNUM, 24)),
    _bare("jwt", _jwt),
    _bare("private key", lambda r: _pem(r, r.choice(("RSA PRIVATE", "EC PRIVATE", "PRIVATE")))),
    _bare("ssh key", lambda r: _pem(r, "OPENSSH PRIVATE")),
    _named("database url", _password, "postgres://app:@@@db.internal:5432/main", "mongodb+srv://app:@@@cluster0.test/db"),
    _bare("npm", lambda r: "npm" + "_" + _some(r, ALNUM, 36)),
    _bare("pypi", lambda r: "py" + "pi-AgEIcHlwaS5vcmc" + _some(r, URLSAFE, 120)),
    _bare("hugging face", lambda r: "h" + "f_" + _some(r, LETTERS, 34)),
    _named("azure", lambda r: _some(r, B64, 86) + "==", "AccountName=store;Account" + "Key=@@;EndpointSuffix=core"),
    _named("password", _password, 'password = "@@"', "DB_PASSWORD=@@", '"password": "@@"', "password: '@@'", "--password @@"),
    _named("bearer", lambda r: _some(r, ALNUM, r.randint(24, 60)), "Authorization: Bearer @@", "authorization: bearer @@"),
    _named("hex", lambda r: _some(r, HEX, r.choice((32, 40, 64))), "api_key = '@@'", "X-Auth-Token: @@", "client_secret=@@"),
    _named("netrc", _password, "machine api.test login me password @@"),
)


# --- the forms that a text is met in


def _plain(p: Planted, r: Random) -> str:
    return f"here it is: {p.text}\nthat was it"


def _escaped(p: Planted, r: Random) -> str:
    return json.dumps({"n": 1, "output": p.text + "\n"})


def _escaped_twice(p: Planted, r: Random) -> str:
    return json.dumps({"result": json.dumps({"output": "\t" + p.text + "\r\n"})})


def _split(p: Planted, r: Random) -> str:
    at = _cut(p, r)
    seam = r.choice(('" + "', '"\n    "', '" .\n+      "', '" +\n  "', "' + '"))
    return f"value = {seam[0]}" + p.text[:at].replace("\n", "\\n") + seam + p.text[at:].replace("\n", "\\n") + seam[-1]


def _continued(p: Planted, r: Random) -> str:
    at = _cut(p, r)
    return "export X=" + p.text[:at] + "\\\n" + p.text[at:]


def _cut(p: Planted, r: Random) -> int:
    """Return where to cut the text: inside of the secret."""
    start = p.text.index(p.secret)
    while True:
        at = start + r.randint(1, len(p.secret) - 1)
        if "\n" not in p.text[at - 1 : at + 1]:
            return at


def _base64(p: Planted, r: Random) -> str:
    return "data: " + base64.b64encode(("x" * r.randint(0, 5) + " " + p.text + " ").encode()).decode()


def _base64_urlsafe(p: Planted, r: Random) -> str:
    return "?state=" + base64.urlsafe_b64encode((" " + p.text).encode()).decode().rstrip("=") + "&x=1"


def _base64_lines(p: Planted, r: Random) -> str:
    return base64.encodebytes((" " * r.randint(0, 3) + p.text + " and so on, for a line or two more than one").encode()).decode()


def _hexed(p: Planted, r: Random) -> str:
    return "0x" + (" " + p.text + " ").encode().hex()


def _url(p: Planted, r: Random) -> str:
    return "https://app.test/cb?next=1&v=" + quote(p.text, safe=r.choice(("", "/"))) + "&y=2"


def _unicode(p: Planted, r: Random) -> str:
    return '{"v": "' + "".join(c if c in ALNUM else f"\\u{ord(c):04x}" for c in p.text) + '"}'


def _code(p: Planted, r: Random) -> str:
    text = p.text if p.text != p.secret else f'client = Client("{p.secret}")'
    return f"import os\n\ndef main():\n    {text}\n    return client.get(1)\n"


def _shell(p: Planted, r: Random) -> str:
    return f"\x1b[32m$\x1b[0m cat config\r\n{p.text}\r\n\x1b[31m[exit 0]\x1b[0m\n"


def _diff(p: Planted, r: Random) -> str:
    lines = "\n".join("+" + line for line in p.text.split("\n"))
    return f"--- a/config\n+++ b/config\n@@ -1,2 +1,3 @@\n context\n{lines}\n-gone\n"


def _env(p: Planted, r: Random) -> str:
    text = p.text if p.text != p.secret else f"SOME_NAME={p.secret}"
    return f"HOME=/home/me\nPATH=/usr/bin:/bin\n{text}\nLANG=C.UTF-8\n"


FORMS: dict[str, Callable[[Planted, Random], str]] = {
    "plain": _plain,
    "json": _escaped,
    "json in json": _escaped_twice,
    "split": _split,
    "continued": _continued,
    "base64": _base64,
    "base64, url-safe": _base64_urlsafe,
    "base64, lines": _base64_lines,
    "hex": _hexed,
    "url": _url,
    "unicode escapes": _unicode,
    "code": _code,
    "shell": _shell,
    "diff": _diff,
    "environment": _env,
}


def placements(seed: int, rounds: int) -> Iterator[tuple[str, Planted, str]]:
    """Yield (form, what was planted, the text with it): every kind in every form, *rounds* times."""
    r = Random(seed)
    for _ in range(rounds):
        for make in KINDS:
            for name, form in FORMS.items():
                planted = make(r)
                yield name, planted, form(planted, r)


def readings(text: str) -> Iterator[str]:
    """Yield *text* and what it decodes to, as somebody who looks for secrets would read it."""
    from html import unescape
    from re import compile as pattern
    from urllib.parse import unquote

    def undone(found: str) -> str:
        found = pattern(r"\\+u00([0-9a-f]{2})").sub(lambda m: chr(int(m[1], 16)), found)
        return pattern(r'\\+(["/])').sub(r"\1", pattern(r"\\+n").sub("\n", found))

    seam = pattern(r"""["'][ ]*[+.]?[ ]*(?:\n[+]?[ ]*)?["']|\\\n""")
    yield text
    yield undone(text)
    yield unquote(text)
    yield unescape(text)
    yield seam.sub("", text)
    yield seam.sub("", text).replace("\\n", "\n")
    yield pattern(r"(?m)^[+]").sub("", text)
    unwrapped = pattern(r"(?<=[A-Za-z0-9+/]{40})\n").sub("", text)
    for run in pattern(r"[A-Za-z0-9+/_-]{16,}").findall(unwrapped):
        for skip in range(4):
            body = run[skip:].replace("-", "+").replace("_", "/")
            body = body[: len(body) - (len(body) % 4 == 1)]
            yield base64.b64decode(body + "=" * (-len(body) % 4)).decode("latin-1")
    for run in pattern(r"(?:[0-9a-f]{2}){8,}").findall(text):
        yield bytes.fromhex(run).decode("latin-1")


def survives(secret: str, text: str) -> bool:
    """Return whether *text* holds the secret, or more than half of it, in any reading."""
    half = secret[len(secret) // 4 : len(secret) // 4 + max(len(secret) // 2, 6)]
    return any(secret in reading or half in reading for reading in readings(text))
