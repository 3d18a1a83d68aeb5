"""What a log means: state, lifecycle, work, metrics, lineage, retention."""
