"""Tuning of Python's garbage collector for a long-lived server process."""

from __future__ import annotations

import gc

THRESHOLD = 10_000
"""Net container allocations before the youngest generation is collected; Python's default is 700."""


def freeze() -> None:
    """Exempt everything allocated so far, modules and models, from later collections, and collect less often.

    Reference counting frees what a request leaves behind. The collector only finds cycles, of which there are few, but
    it traverses all pending requests again and again, which is expensive under overload.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(THRESHOLD, *gc.get_threshold()[1:])
