"""For tests of segue, and of the stores, readers and adapters that others write.

    from segue.testing import StoreContract

    class TestMyStore(StoreContract):
        def open_store(self, place, clock, ids):
            return MyStore(place, clock=clock, ids=ids)

`StoreContract` and `TranscriptContract` need pytest, `WriterContract` and `segue.testing.strategies` hypothesis as well.
"""

from typing import TYPE_CHECKING, Any

from segue.testing.fakes import FakeClock, FakeIds

if TYPE_CHECKING:
    from segue.testing.contract import StoreContract
    from segue.testing.transcripts import TranscriptContract
    from segue.testing.writers import WriterContract

__all__ = ["FakeClock", "FakeIds", "StoreContract", "TranscriptContract", "WriterContract"]


def __getattr__(name: str) -> Any:
    if name == "StoreContract":
        from segue.testing.contract import StoreContract

        return StoreContract
    if name == "TranscriptContract":
        _rewrite("segue.testing.transcripts")
        from segue.testing.transcripts import TranscriptContract

        return TranscriptContract
    if name == "WriterContract":
        _rewrite("segue.testing.writers")
        from segue.testing.writers import WriterContract

        return WriterContract
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _rewrite(module: str) -> None:
    """Let pytest show what the assertions of a *module* that is not loaded yet compare."""
    import sys

    import pytest

    if module not in sys.modules:
        pytest.register_assert_rewrite(module)
