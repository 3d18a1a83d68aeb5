"""Folders of Markdown on this machine: walking, reading, writing, and a catalogue that can be deleted at any time."""
