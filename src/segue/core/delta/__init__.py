"""What changed while a session was away, and whether what it relies on is still so: decisions over facts that others gather."""
