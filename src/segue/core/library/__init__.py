"""The library: notes, their names and links, what is wrong with them, and their indexes."""
