"""Suppression of messages that native libraries write to stderr directly, bypassing Python."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

_STDERR = 2


@contextmanager
def suppress_stderr() -> Iterator[None]:
    """Discard everything written to file descriptor 2 within the block; if the block raises, write it out after all.

    TensorFlow reports on every start that it found no GPU, before it reads its log level.
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
