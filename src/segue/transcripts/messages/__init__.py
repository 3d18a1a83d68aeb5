"""Generic chat messages as JSON Lines, read and written."""
