"""Runs of agents: driven, metered, ended."""
