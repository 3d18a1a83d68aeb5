"""Qwen Code: its transcripts, read and written."""
