"""Backups of a store in files. A place holds a series for each store, a series its backups, numbered.

<place>/<store>-<hash of its URL>/lock
<place>/<store>-<hash of its URL>/000042-20261121T100203Z/store/           a store as it was
<place>/<store>-<hash of its URL>/000042-20261121T100203Z/manifest.jsonl   what is in it, and where each log ended

- `series`: takes backups, lets old ones go, finds them
- `capture`: what is copied in which order, while others append
- `copying`: bytes: copied or linked, and read back
- `checking`: what was copied makes sense as a store, and has lost nothing since the last backup
- `manifest`: what a backup says of itself
- `restoring`: from a backup to a store
"""

from segue.stores.log.backup.series import Series

__all__ = ["Series"]
