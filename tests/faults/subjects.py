"""The stores that the faults are tried on, by name: segue's own and the controls.

A subject is what `oracle.Subject` says. `segue` has to survive every fault; each control has to be caught by the methods
that look for the care it leaves out.
"""

from tests.faults.controls import CONTROLS
from tests.faults.oracle import Subject
from tests.faults.segue_store import Segue
from tests.faults.signals import UNWATCHED
from tests.faults.ticks import UNGUARDED

SUBJECTS: dict[str, Subject] = {
    subject.name: subject
    for subject in (
        Segue(),
        Segue("segue-plain", segment_bytes=1 << 20, busy=False),
        Segue("segue-encrypted", encrypted=True),
        Segue("segue-relaxed", durability="relaxed"),
        Segue(UNWATCHED),
        Segue(UNGUARDED),
        *CONTROLS,
    )
}
