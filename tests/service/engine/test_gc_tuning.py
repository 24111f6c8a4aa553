"""What is there when the service is ready is left out of later collections; cycles that requests leave are not."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import gc, weakref
from service import collector

class Node:
    pass

before = gc.get_threshold()
kept = [[number] for number in range(1000)]
collector.settle()
assert gc.get_freeze_count() > 1000
assert gc.get_threshold() == (collector.THRESHOLD, *before[1:])
node = Node()
node.itself = node
seen = weakref.ref(node)
del node
waiting = [[number] for number in range(2 * collector.THRESHOLD)]
assert seen() is None
"""


def test_what_is_there_is_frozen_and_later_cycles_are_found() -> None:
    subprocess.run([sys.executable, "-c", SCRIPT], check=True, timeout=60)
