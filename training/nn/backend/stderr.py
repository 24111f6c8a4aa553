"""What native libraries write to stderr by themselves, below Python."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

_STDERR = 2


@contextmanager
def suppress_stderr() -> Iterator[None]:
    """Drop what is written to stderr meanwhile; show it after all if an exception ends the block.

    TensorFlow announces on every start that it found no GPU, before its log level is looked at.
    """
    with tempfile.TemporaryFile() as held:
        kept = os.dup(_STDERR)
        os.dup2(held.fileno(), _STDERR)
        failed = True
        try:
            yield
            failed = False
        finally:
            os.dup2(kept, _STDERR)
            os.close(kept)
            if failed:
                held.seek(0)
                os.write(_STDERR, held.read())
