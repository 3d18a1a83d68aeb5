"""For tests of segue, and of stores, readers and adapters that others write."""
