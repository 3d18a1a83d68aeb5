"""For tests of segue, and of the stores, readers and adapters that others write.

    from segue.testing import StoreContract

    class TestMyStore(StoreContract):
        def open_store(self, place, clock, ids):
            return MyStore(place, clock=clock, ids=ids)

`StoreContract` needs pytest; `segue.testing.strategies` needs hypothesis.
"""

from typing import TYPE_CHECKING, Any

from segue.testing.fakes import FakeClock, FakeIds

if TYPE_CHECKING:
    from segue.testing.contract import StoreContract

__all__ = ["FakeClock", "FakeIds", "StoreContract"]


def __getattr__(name: str) -> Any:
    if name == "StoreContract":
        from segue.testing.contract import StoreContract

        return StoreContract
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
