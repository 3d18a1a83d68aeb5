"""opencode: sessions in a SQLite database, in exports, and in the file tree of older versions."""
