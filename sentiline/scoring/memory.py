"""How much memory a run may take, and how long its chunks may therefore be; measures nothing."""

from __future__ import annotations

import re

from sentiline.errors import OptionError
from sentiline.scoring.chunk import CHUNK_CHARACTERS

DEFAULT = "600MB"

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(k|m|g|t)?i?b?", re.IGNORECASE)
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_FIXED = 300 * 10**6
"""Bytes that the program, the model and the libraries take whatever they read (benchmarks/scoring_memory.py)."""
_EACH = 75
"""Bytes for each character of a chunk: it is there several times, as read, scored and written, in as many chunks.
Of timesteps and sentences few rows are in memory at once, however many there are."""
_LEAST = 400_000


def parse_size(text: str) -> int:
    """Bytes that a text such as "600MB", "1.5 GB" or "800000000" names, with units of 1000.

    Raises:
        OptionError: it names none.
    """
    found = _SIZE.fullmatch(text.strip())
    if not found:
        raise OptionError(f"--memory is {text!r}; write a size such as 600MB or 2GB", field="--memory")
    return int(float(found[1]) * _UNITS[(found[2] or "").lower()])


def chunk_characters(memory: int) -> int:
    """Characters of a chunk with which a run stays within so much memory.

    Args:
        memory: bytes of peak resident memory.

    Raises:
        OptionError: nothing runs in so little.
    """
    characters = (memory - _FIXED) // _EACH
    if characters < _LEAST:
        least = -(-(_FIXED + _LEAST * _EACH) // 10**6)
        raise OptionError(
            f"--memory is {memory / 10**6:g} MB; at least {least}MB are needed (a size without a unit is in bytes)",
            field="--memory",
        )
    return min(characters, CHUNK_CHARACTERS)
