"""Where logs live: files (the default), memory (the reference)."""
