"""Which methods run on which stores, how often: the short form, the long form, and the controls that must be caught."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Part:
    """A number of cases of one method on one store. A control has to be caught."""

    method: str
    subject: str
    cases: int
    control: bool = False
    on_disk: bool = False


ALL = 1_000_000
"""Every case that there is."""
OPERATIONS = (
    *("append", "append-blob", "create", "fork", "scope", "lease", "delete", "seal", "snapshot", "index", "import"),
    *("restore-transcript", "spool", "hook", "checkpoint", "restore-code", "forget", "pause", "end", "run", "emergency"),
    *("backup", "restore-store", "recover", "repair", "init", "git-hooks"),
    *("encrypt", "rotate", "decrypt", "erase", "erase-encrypted"),
)
"""What every call of is made to fail, one at a time (`operations`)."""
LOOKS = (
    *("list", "show+current", "log+current", "status", "restore", "validate", "doctor", "checkpoint+list"),
    "checkpoint+show+RECOVERY-260115-001-093300",
    "checkpoint+diff+RECOVERY-260115-001-093300",
    "checkpoint+restore+RECOVERY-260115-001-093300+--dry-run",
    *("backup+list", "backup+check+last", "recover+--dry-run", "resume+current+--print", "why+pears.txt", "config"),
)
"""Commands that look: beside the operations they are tried where there is nothing left of something (`scarce`)."""
CARELESS = ("careless-write", "careless-file", "careless-answer", "careless-temporary", "careless-error")
SCARCE = (*OPERATIONS, *(f"look-{name}" for name in LOOKS))
SPLIT = ("init", "git-hooks", "hook")
"""Operations that read no log: nobody who works on one comes between."""
MEANWHILE = tuple(name for name in SCARCE if name not in SPLIT)
"""What is held at one of its calls while another process does something else."""

CONTROLS: Mapping[tuple[str, str], int] = {
    ("kill", "json-in-place"): 60,
    ("kill", "no-lock"): 60,
    ("states", "json-in-place"): 300,
    ("states", "no-sync"): 300,
    ("states", "no-directory-sync"): 300,
    ("states", "rename-no-directory-sync"): 300,
    ("states", "segue-relaxed"): 300,
    ("errors", "sync-retried"): 400,
    ("errors", "short-write-unseen"): 1_600,
    ("power-ext4", "no-sync"): 10,
    ("power-ext4", "rename-no-directory-sync"): 20,
    ("power-ext4", "segue-relaxed"): 10,
    ("power-xfs", "no-sync"): 10,
    ("power-xfs", "rename-no-directory-sync"): 20,
    ("power-xfs", "segue-relaxed"): 10,
    ("full", "short-write-unseen"): 8,
    ("damage", "no-hash"): 60,
    ("holders", "no-lock"): 40,
    ("caches", "index-believed"): 20,
    ("signals", "segue-unwatched"): 2,
    ("ticks", "segue-unguarded"): 90,
    **{("sweep", name): ALL for name in CARELESS},
    ("scarce", "careless-error"): 7,
    ("meanwhile", "careless-listing"): 24,
}
"""The controls of each method, and in how many cases they have to be caught at least once."""

_NEGATIVE = (("kill", "careful", 60), ("states", "careful", 400), ("errors", "careful", 300))
"""Good stores that are not segue's: a method that fails on them cries wolf."""

SHORT = (
    Part("kill", "segue", 450),
    Part("kill", "segue-plain", 150),
    Part("states", "segue", 3_000),
    Part("states", "segue-plain", 500),
    Part("errors", "segue", 900),
    Part("power-ext4", "segue", 60),
    Part("power-xfs", "segue", 60),
    Part("full", "segue", 16),
    Part("damage", "segue", 240),
    Part("caches", "segue", 40),
    Part("holders", "segue", 40),
    Part("signals", "segue", 45),
    Part("ticks", "segue", 240),
    Part("kill", "segue-encrypted", 80),
    Part("states", "segue-encrypted", 600),
    Part("errors", "segue-encrypted", 300),
    Part("damage", "segue-encrypted", 100),
    *(Part("sweep", operation, 6) for operation in OPERATIONS),
    *(Part("scarce", operation, 1) for operation in SCARCE),
    *(Part("meanwhile", operation, 6) for operation in ("look-validate", "look-restore", "backup", "index", "append", "seal")),
    *(Part(*part) for part in _NEGATIVE),
    *(Part(method, subject, cases, control=True) for (method, subject), cases in CONTROLS.items()),
)
LONG = (
    Part("kill", "segue", 12_000),
    Part("kill", "segue-plain", 4_000),
    Part("kill", "segue", 4_000, on_disk=True),
    Part("states", "segue", 45_000),
    Part("states", "segue-plain", 5_000),
    Part("errors", "segue", 15_000),
    Part("power-ext4", "segue", 300),
    Part("power-ext4", "segue-plain", 300),
    Part("power-xfs", "segue", 300),
    Part("power-xfs", "segue-plain", 300),
    Part("full", "segue", 400),
    Part("damage", "segue", 5_000),
    Part("caches", "segue", 1_000),
    Part("holders", "segue", 400),
    Part("signals", "segue", 5_000),
    Part("ticks", "segue", 6_000),
    Part("kill", "segue-encrypted", 3_000),
    Part("states", "segue-encrypted", 10_000),
    Part("errors", "segue-encrypted", 3_000),
    Part("damage", "segue-encrypted", 1_500),
    Part("power-ext4", "segue-encrypted", 100),
    *(Part("sweep", operation, ALL) for operation in OPERATIONS),
    *(Part("scarce", operation, 42) for operation in SCARCE),
    *(Part("meanwhile", operation, 300) for operation in MEANWHILE),
    *(Part(*part) for part in _NEGATIVE),
    *(Part(method, subject, cases * 3, control=True) for (method, subject), cases in CONTROLS.items()),
)

_CHUNK = {
    "kill": 200,
    "states": 1_000,
    "errors": 500,
    "power-ext4": 60,
    "power-xfs": 60,
    "damage": 250,
    "caches": 50,
    "sweep": ALL,
    "meanwhile": 300,
    "ticks": 500,
}


def parts(form: tuple[Part, ...], scale: float = 1.0) -> Iterator[Part]:
    """Yield a form's parts in pieces that take about as long as each other, so that the processes end together."""
    pieces = []
    for part in form:
        cases = part.cases if part.control or part.cases == ALL else max(1, int(part.cases * scale))
        size = cases if part.control else _CHUNK.get(part.method, 50)
        pieces += [(begin / cases, replace(part, cases=min(size, cases - begin))) for begin in range(0, cases, size)]
    yield from (piece for _, piece in sorted(pieces, key=lambda pair: pair[0]))
