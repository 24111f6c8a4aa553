"""Python's garbage collector, set up for a process that answers requests for a long time."""

from __future__ import annotations

import gc

THRESHOLD = 10_000
"""Containers made and not yet freed before the young ones are looked at; Python's own number is 700."""


def settle() -> None:
    """Leave what is there now, modules and models, out of all further collections, and begin those less often.

    What a request leaves behind is freed by its reference counts. The collector finds cycles alone, of which there are
    few, but goes through all that waits, again and again, which under overload is much.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(THRESHOLD, *gc.get_threshold()[1:])
