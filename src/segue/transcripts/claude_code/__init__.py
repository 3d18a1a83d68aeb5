"""Claude Code: its transcripts, read and written."""
