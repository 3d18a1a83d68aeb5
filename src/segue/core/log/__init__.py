"""What is written: ids, events, their bytes, their keys."""
