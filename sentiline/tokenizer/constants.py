"""The special tokens of every vocabulary, and the type of spans."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

PADDING_ID = 0
UNKNOWN_ID = 1
SPECIAL_TOKENS = ("<pad>", "<unk>")

Spans = tuple[NDArray[np.int32], NDArray[np.int32]]  # the starts and the ends of tokens
