"""The Wilson score interval of a share."""

from __future__ import annotations

import math

Z95 = 1.959963984540054  # standard normal quantile of a two-sided 95 % interval


def wilson(hits: int, total: int) -> tuple[float, float]:
    """Return the 95 % score interval of `hits / total`; (0, 1) if `total` is 0.

    After Wilson (1927), J. Am. Stat. Assoc. 22:209.

    Example:
        >>> low, high = wilson(9, 10)
        >>> round(low, 4), round(high, 4)
        (0.5958, 0.9821)
    """
    if total == 0:
        return 0.0, 1.0
    share, square = hits / total, Z95 * Z95 / total
    centre = (share + square / 2) / (1 + square)
    half = Z95 * math.sqrt(share * (1 - share) / total + square / total / 4) / (1 + square)
    # at the ends the interval reaches exactly 0 or 1, which rounding would miss
    return (0.0 if hits == 0 else centre - half), (1.0 if hits == total else centre + half)
