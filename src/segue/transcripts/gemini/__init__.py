"""Gemini CLI: its transcripts, read and written."""
