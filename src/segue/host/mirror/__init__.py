"""The mirror of a store in a git repository of ours.

- `objects`: git's objects and packs, as bytes
- `trees`: directories of a commit, read when they are asked for
- `repository`: the repository, and what is written, read and dropped in it
"""
