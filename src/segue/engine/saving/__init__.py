"""Saving: checkpoints are taken, by hand and by themselves; found, gone back to, and let go; what is interrupted is saved."""
