"""Objects that exist when the service is ready are exempt from later collections; cycles left by requests are not."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import gc, weakref
from service.engine import gc_tuning

class Node:
    pass

before = gc.get_threshold()
kept = [[number] for number in range(1000)]
gc_tuning.freeze()
assert gc.get_freeze_count() > 1000
assert gc.get_threshold() == (gc_tuning.THRESHOLD, *before[1:])
node = Node()
node.itself = node
seen = weakref.ref(node)
del node
waiting = [[number] for number in range(2 * gc_tuning.THRESHOLD)]
assert seen() is None
"""


def test_existing_objects_are_frozen_and_later_cycles_are_collected() -> None:
    subprocess.run([sys.executable, "-c", SCRIPT], check=True, timeout=60)
