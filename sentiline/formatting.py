"""Figures as text: percentages and durations."""

from __future__ import annotations


def format_percent(share: float | None, digits: int = 1) -> str:
    """Format a share in percent, never rounded to none or all; a dash for None.

    Example:
        >>> format_percent(0.5), format_percent(0.9999), format_percent(1.0)
        ('50.0 %', '> 99.9 %', '100.0 %')
    """
    if share is None:
        return "\u2013"
    least = 10.0**-digits
    if share < 1 and 100 * share > 100 - least:
        return f"> {100 - least:.{digits}f} %"
    if 0 < 100 * share < least:
        return f"< {least:.{digits}f} %"
    return f"{100 * share:.{digits}f} %"


def format_probability(probability: float) -> str:
    """Format a model's probability in percent with one digit, never rounded up to certainty.

    Example:
        >>> format_probability(0.97312), format_probability(1.0)
        ('97.3 %', '> 99.9 %')
    """
    return "> 99.9 %" if probability > 0.999 else f"{100 * probability:.1f} %"


def format_duration(seconds: float) -> str:
    """Format a duration in the two units that suit it.

    Example:
        >>> format_duration(12.34), format_duration(754), format_duration(7500)
        ('12.3 s', '12 min 34 s', '2 h 5 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min {rest} s"


def format_clock(seconds: float) -> str:
    """Format a duration as hours, minutes and seconds, in a width that stays the same while it counts down.

    Example:
        >>> format_clock(754)
        '0:12:34'
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"
