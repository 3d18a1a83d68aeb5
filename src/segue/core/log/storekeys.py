"""The key that locks a store: 32 random bytes, how they are written down, and what is derived from them.

As text: `segue-key-1-` and 56 characters of RFC 4648 base32 in lower case, the key and 3 bytes of its SHA-256, so that a slip of
the hand is noticed. Further keys come from it by the expand step of HKDF (RFC 5869) with SHA-256, one for each purpose.
"""

import base64
import binascii
import hashlib
import hmac
from typing import Final

from segue.core.errors import WrongKeyError

SIZE: Final = 32
_FORM: Final = "segue-key-1-"
_CHECK: Final = 3


def to_text(key: bytes) -> str:
    """Return a key as it is written down."""
    return _FORM + base64.b32encode(key + _check(key)).decode().rstrip("=").lower()


def from_text(text: str) -> bytes:
    """Return the key that *text* writes down; spaces and the case of letters do not count.

    Raises:
        WrongKeyError: it is no key. The message does not repeat it.
    """
    plain = "".join(text.split()).lower()
    try:
        data = base64.b32decode(plain.removeprefix(_FORM).upper() + "=" * (-len(plain.removeprefix(_FORM)) % 8))
    except (binascii.Error, ValueError):
        data = b""
    key, check = data[:SIZE], data[SIZE:]
    if not plain.startswith(_FORM) or len(key) != SIZE or check != _check(key):
        raise WrongKeyError(
            "the key cannot be read: it is not one that segue wrote, or a character of it is wrong",
            hint=f"a key is one line that begins with {_FORM}",
        )
    return key


def id_of(key: bytes) -> str:
    """Return the name of a key: 8 hex digits that tell nothing of it."""
    return derived(key, "id")[:4].hex()


def derived(key: bytes, purpose: str) -> bytes:
    """Return the 32 bytes that *key* gives for one *purpose*."""
    return hmac.digest(key, b"segue store 1 " + purpose.encode() + b"\x01", "sha256")


def _check(key: bytes) -> bytes:
    return hashlib.sha256(b"segue key " + key).digest()[:_CHECK]
