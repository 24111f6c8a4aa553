"""Colours as a browser computes them, and how far apart they are."""

from __future__ import annotations

import re


def rgb(color: str) -> tuple[float, float, float]:
    """An opaque CSS colour as the browser computes it, each part in [0, 1]."""
    numbers = [float(number) for number in re.findall(r"-?[\d.]+(?:e-?\d+)?", color)]
    red, green, blue = numbers[:3] if color.startswith("color(srgb") else [number / 255 for number in numbers[:3]]
    assert color.startswith(("rgb(", "color(srgb")), color
    return red, green, blue


def contrast(one: str, other: str) -> float:
    """WCAG 2.2's contrast ratio."""

    def luminance(color: str) -> float:
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in rgb(color)]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)
