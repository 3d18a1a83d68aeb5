"""The contract of a store, as tests: one clause for each promise in the docstrings of `segue.ports.Store`.

A store's test module has a subclass that says how to open one:

    class TestMyStore(StoreContract):
        shared_between_processes = False  # what it lacks, if it does; nothing else is optional

        def open_store(self, place, clock, ids):
            return MyStore(place, clock=clock, ids=ids)

The clock stands still and ids come in order; a store must ask them and no other. Each clause has been seen failing.
"""

import pytest

for _name in ("base", "writing", "keys", "reading", "forking", "leases", "scopes", "beside", "erasing", "each", "together"):
    pytest.register_assert_rewrite(f"{__name__}.{_name}")

from segue.testing.contract.base import Place  # noqa: E402
from segue.testing.contract.beside import Beside  # noqa: E402
from segue.testing.contract.each import Each  # noqa: E402
from segue.testing.contract.erasing import Erasing  # noqa: E402
from segue.testing.contract.forking import Forking  # noqa: E402
from segue.testing.contract.keys import Keys  # noqa: E402
from segue.testing.contract.leases import Leases  # noqa: E402
from segue.testing.contract.reading import Reading  # noqa: E402
from segue.testing.contract.scopes import Scopes  # noqa: E402
from segue.testing.contract.together import Together  # noqa: E402
from segue.testing.contract.writing import Writing  # noqa: E402

__all__ = ["Place", "StoreContract"]


class StoreContract(Writing, Keys, Reading, Forking, Leases, Scopes, Beside, Erasing, Each, Together):
    """Every promise of `segue.ports.Store`. Subclass it, and say in `open_store` how yours is opened."""
