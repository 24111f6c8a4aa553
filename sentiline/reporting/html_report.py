"""Fills the HTML templates: everything is escaped, and a page needs no script and no other file."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

from sentiline._version import __version__
from sentiline.errors import SettingError
from sentiline.formatting import format_percent

_LEVELS = 6
_FAINT = 0.05
"""Share of a review's strongest token below which a token stays plain."""


def check_installed() -> None:
    """Raise unless pages can be made.

    Raises:
        SettingError: Jinja is not installed.
    """
    try:
        import jinja2  # noqa: F401
    except ImportError:
        raise SettingError("HTML reports need Jinja: pip install 'sentiline[report]'", field="jinja2") from None


def render_page(template: str, **values: Any) -> str:
    """Fill a template.

    Args:
        template: its name.
        **values: what it shows.

    Raises:
        SettingError: Jinja is not installed.
    """
    check_installed()
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("sentiline.reporting"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"percent": format_percent, "whole": whole, "signed": signed, "tint": tint, "figure": figure}
    environment.globals |= {"release": __version__, "ticks": ticks, "ticked": ticked, "dated": dated}
    return environment.get_template(template).render(**values)


def whole(number: float) -> str:
    """A whole number with thin spaces between thousands."""
    return f"{number:,.0f}".replace(",", "\u202f")


def signed(number: float, digits: int = 2) -> str:
    """A number with its sign."""
    return f"{number:+.{digits}f}".replace("-", "\u2212")


def figure(number: float | None, digits: int = 4) -> str:
    """A number; a dash for None."""
    return "\u2013" if number is None else f"{number:.{digits}f}"


def tint(weight: float | None) -> str:
    """CSS class of a token of this weight, from -1 to 1; empty where it is to stay plain."""
    if weight is None or abs(weight) < _FAINT:
        return ""
    # the root, so that one very strong token does not pale all others
    return f"{'p' if weight > 0 else 'n'}{max(1, math.ceil(_LEVELS * abs(weight) ** 0.8))}"


def ticks(maximum: float, count: int = 4) -> list[float]:
    """Round values from 0 that cover a range, the last at or above its end.

    Example:
        >>> ticks(730)
        [0, 200, 400, 600, 800]
    """
    if maximum <= 0:
        return [0, 1]
    step = maximum / count
    power = 10.0 ** math.floor(math.log10(step))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= step * (1 - 1e-9))
    if maximum >= count:
        step = math.ceil(step)
    return [step * index for index in range(math.ceil(maximum / step - 1e-9) + 1)]


def ticked(count: int, most: int = 8) -> list[int]:
    """Indices, evenly apart and from the first on, of those of `count` points that get a label.

    Example:
        >>> ticked(20)
        [0, 3, 6, 9, 12, 15, 18]
    """
    return list(range(0, count, math.ceil(count / most)))


def dated(day: date, unit: str) -> str:
    """A period's label by its first day.

    Example:
        >>> dated(date(2024, 3, 1), "month"), dated(date(2024, 3, 4), "week")
        ('2024-03', '2024-03-04')
    """
    return day.isoformat()[: {"year": 4, "month": 7}.get(unit, 10)]
