"""Where the key of an encrypted store comes from."""

from typing import Protocol


class Keys(Protocol):
    """Gives keys by their names (`core.log.storekeys.id_of`). Nothing of it is shown, logged or kept on disk."""

    def key(self, id: str, place: str = "") -> bytes:
        """Return the 32 bytes of the key *id*; *place* is where the store says that it was put.

        Raises:
            WrongKeyError: there is no key at hand, or it is another one; it says where was looked.
        """
        ...
