"""Use cases: load events, fold, decide, append at an expected head, perform effects. One module per group of verbs."""
