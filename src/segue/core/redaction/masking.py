"""How far a transcript was read is kept with hashes of its bytes. Masked, they say nothing to whoever lacks the key.

With a hash of a record that was redacted, and all of it but a short secret, one could try which secret fits. So each hash is
combined with a stream of BLAKE2b in its keyed mode, begun with a number that depends on the key and on all that is masked:
the same position is masked alike each time, and another one has another stream.
"""

import json
import re
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, Final

_HASH: Final = re.compile(r"[0-9a-f]{32}")
_FIELD: Final = "masked"


def is_masked(position: Mapping[str, Any]) -> bool:
    """Return whether the hashes in *position* are masked."""
    return _FIELD in position


def masked(position: Mapping[str, Any], key: bytes) -> dict[str, Any]:
    """Return *position* with every hash in it masked by *key* (32 bytes)."""
    text = _text(position)
    begin = _begin(text, key)
    return {**json.loads(_combined(text, begin, key)), _FIELD: begin}


def unmasked(position: Mapping[str, Any], key: bytes) -> dict[str, Any] | None:
    """Return what `masked` was given; None where that was with another key, or is not as it was."""
    begin = position.get(_FIELD)
    if not isinstance(begin, str):
        return None
    text = _combined(_text({name: value for name, value in position.items() if name != _FIELD}), begin, key)
    found: dict[str, Any] = json.loads(text)
    return found if _begin(text, key) == begin else None


def _text(position: Mapping[str, Any]) -> str:
    return json.dumps(position, ensure_ascii=False, sort_keys=True)


def _begin(text: str, key: bytes) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), key=key, digest_size=16, person=b"segue begin").hexdigest()


def _combined(text: str, begin: str, key: bytes) -> str:
    count = 0

    def one(m: re.Match[str]) -> str:
        nonlocal count
        count += 1
        stream = blake2b(f"{begin} {count}".encode("utf-8", "replace"), key=key, digest_size=16, person=b"segue mask")
        return f"{int(m[0], 16) ^ int(stream.hexdigest(), 16):032x}"

    return _HASH.sub(one, text)
