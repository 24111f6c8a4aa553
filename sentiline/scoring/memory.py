"""The memory budget of a run, and the chunk size that keeps within it."""

from __future__ import annotations

import re

from sentiline.errors import OptionError
from sentiline.scoring.chunk import CHUNK_CHARACTERS

DEFAULT = "600MB"

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(k|m|g|t)?i?b?", re.IGNORECASE)
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
# Bytes of the program, the model and the libraries, whatever the input (benchmarks/scoring_memory.py).
_BASE_BYTES = 300 * 10**6
# Every character of a chunk is in memory several times (read, scored, encoded), in several chunks at once. Nested
# timesteps and sentences are built for a few rows at a time and need no allowance.
_BYTES_PER_CHARACTER = 75
_MIN_CHARACTERS = 400_000


def parse_size(text: str) -> int:
    """Parse a size such as "600MB", "1.5 GB" or "800000000" into bytes; units are powers of 1000.

    Raises:
        OptionError: The text is not a size.
    """
    found = _SIZE.fullmatch(text.strip())
    if not found:
        raise OptionError(f"--memory is {text!r}; write a size such as 600MB or 2GB", field="--memory")
    return int(float(found[1]) * _UNITS[(found[2] or "").lower()])


def chunk_characters(memory: str) -> int:
    """Return the number of characters per chunk that keeps a run within a memory budget.

    Args:
        memory: The peak resident memory, as `parse_size` reads it.

    Raises:
        OptionError: The budget is not a size, or below the minimum.
    """
    budget = parse_size(memory)
    characters = (budget - _BASE_BYTES) // _BYTES_PER_CHARACTER
    if characters < _MIN_CHARACTERS:
        minimum = -(-(_BASE_BYTES + _MIN_CHARACTERS * _BYTES_PER_CHARACTER) // 10**6)
        raise OptionError(
            f"--memory is {budget / 10**6:g} MB; at least {minimum}MB are needed (a size without a unit is in bytes)",
            field="--memory",
        )
    return min(characters, CHUNK_CHARACTERS)
