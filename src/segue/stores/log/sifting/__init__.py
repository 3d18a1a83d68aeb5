"""What is left of logs in files of any origin: lines, frames of sealed segments, large values, whatever surrounds them.

- `reading`: the lines and values of one file
- `sifting`: all files of a heap, and the sessions that they make
"""

from segue.stores.log.sifting.sifting import Sifter

__all__ = ["Sifter"]
