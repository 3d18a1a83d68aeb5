"""Several sessions: merge, handoff, graph."""
