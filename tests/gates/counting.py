"""What is read from a store, counted."""

from segue.stores.log import LogStore


class Counting(LogStore):
    """A store that counts the events that are read from it."""

    events = 0

    def read(self, *args, **kwargs):
        """See `Store.read`."""
        for event in super().read(*args, **kwargs):
            self.events += 1
            yield event
