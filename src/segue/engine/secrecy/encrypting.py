"""Putting the store under a key, under another, under none; and going on with a change that was interrupted."""

from collections.abc import Callable
from typing import NamedTuple, Protocol

from segue.core.errors import ConflictError, UsageError
from segue.core.log.storekeys import id_of
from segue.ports.encryption import Changed, Encrypted, Encryption, Progress

Keep = Callable[[bytes, str], str]
"""Puts a new key into a place, durably, and returns the place as the store names it."""
GO_ON = "segue key continue"
_LOCK = "segue encrypt"


class Beside(Protocol):
    """What lies beside the store, and its copy that is made by itself."""

    def rekey(self) -> list[str]:
        """Bring it to the key that the store has now, while the one before can be had; return what stays as it is, and why."""
        ...

    def renew(self) -> None:
        """Have the copy hold the store as it is now, and nothing of what it was."""
        ...


class Outcome(NamedTuple):
    """What a change came to."""

    state: Encrypted
    changed: Changed
    left: list[str]
    """What stays as it is, in the store and beside it, and why."""


def encrypt(encryption: Encryption, key: bytes, place: str, keep: Keep, beside: Beside, progress: Progress) -> Outcome:
    """Put a store that is in the clear under *key*, which is kept first. A change that was interrupted is gone on with.

    Raises:
        UsageError: it is encrypted already.
        ConflictError: a change that was begun is another one.
    """
    state = encryption.state()
    if state.key:
        raise UsageError(
            f"the store is encrypted already, under key {state.key}", hint=GO_ON if state.changing else "segue key rotate"
        )
    return _change(encryption, key, keep(key, place), beside, progress)


def rotate(encryption: Encryption, key: bytes, place: str, keep: Keep, beside: Beside, progress: Progress) -> Outcome:
    """Put an encrypted store under another *key*, which is kept first; everything in it is written anew.

    Raises:
        UsageError: it is not encrypted, or under that key already.
        ConflictError: an earlier change is not done.
        WrongKeyError: the key that it is under is not at hand.
    """
    state = encryption.state()
    if not state.key:
        raise UsageError("the store has no key to be rotated: it is not encrypted", hint=_LOCK)
    if id_of(key) in {state.key, *state.older}:
        raise UsageError(f"the store was under key {id_of(key)} before: a new key is one that it never had")
    _check_done(state)
    return _change(encryption, key, keep(key, place), beside, progress)


def decrypt(encryption: Encryption, beside: Beside, progress: Progress) -> Outcome:
    """Write everything in an encrypted store in the clear.

    Raises:
        UsageError: it is not encrypted.
        ConflictError: an earlier change is not done.
        WrongKeyError: its key is not at hand.
    """
    state = encryption.state()
    if not state.key:
        raise UsageError("the store cannot be decrypted: it is not encrypted", hint=GO_ON if state.changing else None)
    _check_done(state)
    return _change(encryption, None, state.place, beside, progress)


def go_on(encryption: Encryption, beside: Beside, progress: Progress) -> Outcome:
    """Finish a change that was interrupted; where none was, look at everything once more. Raises WrongKeyError."""
    return _run(encryption, beside, progress)


def _check_done(state: Encrypted) -> None:
    if state.changing:
        raise ConflictError("the key cannot be changed: an earlier change is not done", hint=GO_ON)


def _change(encryption: Encryption, key: bytes | None, place: str, beside: Beside, progress: Progress) -> Outcome:
    _check_done(encryption.state())
    encryption.begin(key, place)
    return _run(encryption, beside, progress)


def _run(encryption: Encryption, beside: Beside, progress: Progress) -> Outcome:
    stays: list[str] = []
    changed = encryption.run(progress, lambda: stays.extend(beside.rekey()))
    beside.renew()
    left = [f"{name} cannot be read" for name in changed.left]
    return Outcome(encryption.state(), changed, left + stays)
