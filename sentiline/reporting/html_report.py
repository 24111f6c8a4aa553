"""Rendering of the HTML templates. Every value is escaped; a page contains no script and loads no other file."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

from sentiline._version import __version__
from sentiline.errors import SettingError
from sentiline.formatting import format_percent

_LEVELS = 6
_FAINT = 0.05  # tokens below this share of the strongest token of their review get no background


def check_installed() -> None:
    """Check that HTML can be rendered.

    Raises:
        SettingError: Jinja is not installed.
    """
    try:
        import jinja2  # noqa: F401
    except ImportError:
        raise SettingError("HTML reports need Jinja: pip install 'sentiline[report]'", field="jinja2") from None


def render_page(template: str, **values: Any) -> str:
    """Render a template.

    Args:
        template: The name of the template.
        **values: The variables of the template.

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
    environment.filters |= {
        "percent": format_percent,
        "whole": whole,
        "signed": signed,
        "tint": tint,
        "decimal": decimal,
    }
    environment.globals |= {
        "release": __version__,
        "axis_ticks": axis_ticks,
        "label_indices": label_indices,
        "period_label": period_label,
    }
    return environment.get_template(template).render(**values)


def whole(number: float) -> str:
    """Format a whole number with thin spaces between thousands."""
    return f"{number:,.0f}".replace(",", "\u202f")


def signed(number: float, digits: int = 2) -> str:
    """Format a number with its sign."""
    return f"{number:+.{digits}f}".replace("-", "\u2212")


def decimal(number: float | None, digits: int = 4) -> str:
    """Format a number with a fixed number of decimals; None is a dash."""
    return "\u2013" if number is None else f"{number:.{digits}f}"


def tint(weight: float | None) -> str:
    """Return the CSS class for the background of a token.

    Args:
        weight: The scaled effect of the token, from -1 to 1; None for text between tokens.

    Returns:
        "p1" to "p6" or "n1" to "n6", or an empty string for no background.
    """
    if weight is None or abs(weight) < _FAINT:
        return ""
    # the exponent below 1 keeps one very strong token from fading all others
    return f"{'p' if weight > 0 else 'n'}{max(1, math.ceil(_LEVELS * abs(weight) ** 0.8))}"


def axis_ticks(maximum: float, count: int = 4) -> list[float]:
    """Return round values from 0 up to the first one at or above `maximum`.

    Example:
        >>> axis_ticks(730)
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


def label_indices(count: int, limit: int = 8) -> list[int]:
    """Return the indices of at most `limit` evenly spaced points out of `count`, starting at the first.

    Example:
        >>> label_indices(20)
        [0, 3, 6, 9, 12, 15, 18]
    """
    return list(range(0, count, math.ceil(count / limit)))


def period_label(day: date, unit: str) -> str:
    """Format the first day of a period as the label of the period.

    Example:
        >>> period_label(date(2024, 3, 1), "month"), period_label(date(2024, 3, 4), "week")
        ('2024-03', '2024-03-04')
    """
    return day.isoformat()[: {"year": 4, "month": 7}.get(unit, 10)]
