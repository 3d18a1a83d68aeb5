"""This machine: clock, keys, git, processes, terminals, signals."""
