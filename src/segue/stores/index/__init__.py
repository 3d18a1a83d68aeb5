"""The index: catalogue and full text over any store, in SQLite. Computed from the logs, never the truth."""
