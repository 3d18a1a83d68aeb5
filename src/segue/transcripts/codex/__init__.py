"""Codex: its transcripts, read and written."""
