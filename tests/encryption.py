"""Encrypted stores for tests."""

from segue.core.errors import WrongKeyError
from segue.core.log.storekeys import id_of
from segue.stores.log.cipher import SCHEME, Scheme, write_scheme

KEY = bytes(range(32))
OTHER = bytes(range(32, 64))


class Ring:
    """Keys that are at hand."""

    def __init__(self, *keys):
        self.keys = {id_of(key): key for key in keys}

    def key(self, id, place=""):
        try:
            return self.keys[id]
        except KeyError:
            raise WrongKeyError(f"there is no key {id}") from None


def encrypted(kind, place, clock, ids, **how):
    """A store of a *kind* in the directory *place*, made where it is missing, under KEY."""
    path = place / "store"
    path.mkdir(exist_ok=True)
    if not (path / SCHEME).exists():
        kind(path, clock=clock, ids=ids).close()
        write_scheme(path / SCHEME, Scheme(id_of(KEY)))
    return kind(path, clock=clock, ids=ids, keys=Ring(KEY), **how)
