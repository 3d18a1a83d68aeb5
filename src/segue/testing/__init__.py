"""For tests of segue, and of the stores, readers and adapters that others write.

    from segue.testing import StoreContract

    class TestMyStore(StoreContract):
        def open_store(self, place, clock, ids):
            return MyStore(place, clock=clock, ids=ids)

`StoreContract` and `TranscriptContract` need pytest; `segue.testing.strategies` needs hypothesis.
"""

from typing import TYPE_CHECKING, Any

from segue.testing.fakes import FakeClock, FakeIds

if TYPE_CHECKING:
    from segue.testing.contract import StoreContract
    from segue.testing.transcripts import TranscriptContract

__all__ = ["FakeClock", "FakeIds", "StoreContract", "TranscriptContract"]


def __getattr__(name: str) -> Any:
    if name == "StoreContract":
        from segue.testing.contract import StoreContract

        return StoreContract
    if name == "TranscriptContract":
        import sys

        import pytest

        if "segue.testing.transcripts" not in sys.modules:
            pytest.register_assert_rewrite("segue.testing.transcripts")
        from segue.testing.transcripts import TranscriptContract

        return TranscriptContract
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
