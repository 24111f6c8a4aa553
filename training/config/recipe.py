"""The base class of the configurations, called recipes, that decide what a run computes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from training.errors import ConfigError


@dataclass(frozen=True)
class Recipe:
    """A configuration whose numbers have ranges.

    Attributes:
        RANGES: The inclusive ranges of the numeric fields, by name.
    """

    RANGES: ClassVar[Mapping[str, tuple[float, float]]] = {}

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ConfigError: A value is out of its range or does not fit the others; names the field.
        """
        for name, (low, high) in self.RANGES.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise ConfigError(f"{name} is {value}; it must lie in {low}…{high}", field=name)

    def as_dict(self) -> dict[str, Any]:
        """The fields in order, as a JSON-ready dict."""
        return dataclasses.asdict(self)


RecipeT = TypeVar("RecipeT", bound=Recipe)
