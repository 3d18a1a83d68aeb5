"""The budget of a session: how full, of what, at what cost, and what is done as it fills."""
