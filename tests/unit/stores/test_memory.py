"""A machine that is out of memory says nothing about what is on its disk."""

import subprocess
import sys

_SCRIPT = """
import os, resource, sys
from pathlib import Path
from segue.core.errors import DamagedError
from segue.core.log.codec import blob_name
from segue.stores.log.blobs import Blobs

data = b"pears " * (16 << 20)
small, large = b"pears " * 1000, blob_name(data)
blobs = Blobs(Path(sys.argv[1]), os.fsync)
blobs.put(large, data)
blobs.put(blob_name(small), small)
del data
assert blobs.get(blob_name(small)) == small  # all that is needed for it is loaded
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (32 << 20), resource.RLIM_INFINITY))
try:
    blobs.get(large)
    said = "opened"
except MemoryError:
    said = "no memory"
except DamagedError as error:
    said = f"damaged: {error}"
resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(said, blob_name(blobs.get(large)) == large)
"""


def test_a_blob_that_there_is_no_memory_to_open_is_not_damaged(tmp_path):
    done = subprocess.run([sys.executable, "-c", _SCRIPT, str(tmp_path)], capture_output=True, text=True, check=True)

    assert done.stdout == "no memory True\n"
