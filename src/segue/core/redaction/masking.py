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
    begin = _begin(position, key)
    return {**_Stream(begin, key).over(position), _FIELD: begin}


def unmasked(position: Mapping[str, Any], key: bytes) -> dict[str, Any] | None:
    """Return what `masked` was given; None where that was with another key, or is not as it was."""
    begin = position.get(_FIELD)
    if not isinstance(begin, str):
        return None
    found: dict[str, Any] = _Stream(begin, key).over({name: value for name, value in position.items() if name != _FIELD})
    return found if _begin(found, key) == begin else None


def _begin(position: Mapping[str, Any], key: bytes) -> str:
    text = json.dumps(position, sort_keys=True)
    return blake2b(text.encode(), key=key, digest_size=16, person=b"segue begin").hexdigest()


class _Stream:
    """What hashes are combined with, one after another; combined twice they are as they were."""

    def __init__(self, begin: str, key: bytes) -> None:
        self._begin = begin.encode("utf-8", "replace")
        self._key = key
        self._count = 0

    def over(self, value: Any) -> Any:
        """Return *value* with each hash in its texts combined with what is next."""
        if isinstance(value, str):
            return _HASH.sub(self._one, value)
        if isinstance(value, Mapping):
            return {name: self.over(value[name]) for name in sorted(value)}
        if isinstance(value, (list, tuple)):
            return [self.over(item) for item in value]
        return value

    def _one(self, m: re.Match[str]) -> str:
        self._count += 1
        counted = self._begin + b" %d" % self._count
        stream = blake2b(counted, key=self._key, digest_size=16, person=b"segue mask").hexdigest()
        return f"{int(m[0], 16) ^ int(stream, 16):032x}"
