"""Putting bytes under a store's key, for what lies beside the store."""

from typing import Protocol


class Boxes(Protocol):
    """The cipher of a store. Where nothing is encrypted it gives back what it is given."""

    @property
    def tag(self) -> str:
        """The key that is written with; empty where nothing is encrypted."""
        ...

    def refresh(self) -> "Boxes":
        """Take in that the key was changed meanwhile, and return this. Raises WrongKeyError, DamagedError."""
        ...

    def box(self, data: bytes, what: str) -> bytes:
        """Return *data* as it is written; *what* it is must be said again to open it.

        Of at most 16 MiB it is one frame that zstd skips (RFC 8878, 3.1.2).
        """
        ...

    def open(self, data: bytes, what: str) -> bytes:
        """Return what was boxed as *what*; *data* itself where it is no box.

        Raises:
            ValueError: it was changed, or is under a key that is not at hand.
            WrongKeyError: its key is not at hand.
        """
        ...

    def is_current(self, data: bytes) -> bool:
        """Return whether *data*, the beginning of a box or of none, is of the kind that is written now."""
        ...

    def name(self, plain: str, size: int = 32) -> str:
        """Return what something is called on disk, so that its name tells nothing: *size* bytes in hex, where it is encrypted."""
        ...


class Clear:
    """Nothing is encrypted. Passes for `Boxes`."""

    tag = ""

    def refresh(self) -> "Clear":
        """Return this."""
        return self

    def box(self, data: bytes, what: str) -> bytes:
        """Return *data*."""
        return data

    def open(self, data: bytes, what: str) -> bytes:
        """Return *data*; it may be a box that somebody else has the key of."""
        return data

    def is_current(self, data: bytes) -> bool:
        """Return that there is nothing to be done."""
        return True

    def name(self, plain: str, size: int = 32) -> str:
        """Return *plain*."""
        return plain


CLEAR = Clear()
