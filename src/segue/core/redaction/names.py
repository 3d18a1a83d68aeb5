"""Names that say of the value beside them that it is a secret, and values that can be one."""

import re
from functools import lru_cache
from itertools import pairwise
from typing import Final, Literal

Weight = Literal["strong", "weak", ""]
"""How sure a name makes it: beside `password` most values are one, beside `token` those that look random."""

_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_STRONG: Final = frozenset(
    {"password", "passwd", "passphrase", "pwd", "passwort", "pgpassword", "userpassword", "pass", "secret", "secrets"}
)
_KEYS: Final = frozenset({
    "api", "secret", "access", "private", "account", "encryption", "signing", "master", "service", "app", "admin", "deploy",
    "license", "shared", "client", "write", "consumer", "subscription", "storage", "webhook", "hmac", "aes", "jwt", "bot",
    "auth", "session",
    "openai", "anthropic", "stripe", "google", "gemini", "mistral", "groq", "cohere", "azure", "maps",
    "sendgrid", "mailgun", "twilio", "datadog", "dd", "sentry", "algolia", "pinecone", "tavily", "serpapi", "xai", "deepseek",
    "cloudflare", "heroku", "firebase", "supabase", "newrelic", "relic", "rapidapi", "openrouter", "replicate", "together",
})  # fmt: skip
"""What a `key` must be of to be a secret: a cache's, a primary and a sort key are none."""
_WEAK: Final = frozenset(
    {"token", "pat", "credential", "credentials", "apikey", "authtoken", "accesstoken", "auth", "apitoken", "sas"}
)
_ONE: Final = {"apikey": "weak", "secretkey": "strong", "accesskey": "weak", "privatekey": "weak", "masterkey": "weak"}
_TAIL: Final = frozenset({
    "value", "string", "str", "text", "plain", "raw", "prod", "production", "staging", "dev", "test", "live", "old", "new",
    "base", "hex", "b", "default", "env", "root", "user", "main", "primary", "secondary", "current", "key",
})  # fmt: skip


@lru_cache(maxsize=4096)
def weight_of(name: str) -> Weight:
    """Return what *name* (`DB_PASSWORD`, `apiKey`, `x-auth-token`) says of its value; empty: nothing."""
    if len(name) > 100:
        return ""
    words = [word.lower() for word in _WORDS.findall(name)]
    while words and (words[-1].isdigit() or (len(words) > 1 and words[-1] in _TAIL and words[-1] != "key")):
        words.pop()
    if not words:
        return ""
    last, before = words[-1], words[-2] if len(words) > 1 else ""
    if last in _STRONG or (last == "word" and before == "pass"):
        return "" if last == "pass" and not before else "strong"
    if last == "key":
        if "secret" in words or "private" in words:
            return "strong" if "secret" in words else "weak"
        return "weak" if before in _KEYS else ""
    if last in _ONE:
        return _ONE[last]  # type: ignore[return-value]  # the table's values are weights
    if last in _WEAK or (last.endswith(("token", "password", "secret")) and len(last) <= 24):
        return "strong" if last.endswith(("password", "secret")) else "weak"
    return ""


_PLACEHOLDER: Final = re.compile(
    r"(?i)(?:\$|%[({sdr]|\{|<|\[REDACT|\*{3}|x{4}|\.{3}|-{3}|_{3}|your|my[_-]|example|sample|dummy|change.?me|fake|foo|bar|"
    r"placeholder|"
    r"null|none|true|false|undefined|nil|unset|optional|required|string|insert|enter|todo|process\.|os\.|env\.|self\.|this\.|"
    r"config|settings|options|args\.|params|req\.|request|data:|https?:|file:|/|\./|~/|\.\.|@|#|&|!)"
)
_WORDLIKE: Final = re.compile(r"[A-Za-z_$][A-Za-z]*(?:[0-9]{1,3})?(?:[_./:$-][A-Za-z]*[0-9]{0,3})*\Z")
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\Z")
_MOST: Final = 80
"""Characters by which a value is judged."""
_AWS: Final = 40
"""Characters of a secret key of AWS: base64, so one in 64 begins as a path does."""
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]+\Z")


def is_likely(value: str, weight: Weight, *, quoted: bool) -> bool:
    """Return whether *value* can be the secret that a name of that *weight* announces.

    What stands in quotes is a literal; without them it may be an expression, so more is asked of it.
    """
    value = value[:_MOST]
    size = len(value)
    if size < 6 or any(c in value for c in " \t\0"):
        return False
    if _PLACEHOLDER.match(value) and not (size == _AWS and value.isascii() and is_mixed(value) and _BASE64.match(value)):
        return False
    digits = sum(map(str.isdigit, value))
    letters = sum(map(str.isalpha, value))
    if value.endswith(("...", "…")) or len(set(value)) < 5 or not letters:
        return False
    if weight == "strong":
        symbols = size - digits - letters
        if quoted:
            return bool((digits and size >= 8) or (symbols and not _WORDLIKE.match(value)) or is_random(value))
        if _is_expression(value) or ("." in value and _WORDLIKE.match(value)):
            return False
        return (digits >= 1 and letters >= 2 and size >= 8) or is_random(value)
    if size < 16 or _UUID.match(value) or _WORDLIKE.match(value) or _is_expression(value):
        return False
    return (digits >= 2 and len(set(value)) >= 8) or is_random(value)


def is_mixed(value: str) -> bool:
    """Return whether *value* has digits and letters, and so many different characters that nobody wrote it by hand."""
    digits = sum(map(str.isdigit, value))
    letters = sum(map(str.isalpha, value))
    return (digits >= 2 and letters >= 2 and len(set(value)) >= 8) or is_random(value)


def is_random(value: str) -> bool:
    """Return whether *value* is long and its letters change case like nobody's words do."""
    if len(value) < 16 or not value.isascii():
        return False
    changes = sum(a.islower() and b.isupper() for a, b in pairwise(value))
    return changes * 6 >= len(value) and len(set(value)) >= 10


def _is_expression(value: str) -> bool:
    return any(c in value for c in "()[]{}<>") or "::" in value or "->" in value or value.endswith((".", ":"))
