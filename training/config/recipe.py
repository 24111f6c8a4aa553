"""The type of a recipe: whichever frozen value decides what a run computes."""

from __future__ import annotations

from typing import TypeAlias, TypeVar

from training.config.fit import FitConfig
from training.config.ngrams import NgramConfig
from training.config.pretraining import PretrainConfig

AnyRecipe: TypeAlias = FitConfig | PretrainConfig | NgramConfig
"""Any of them."""

Recipe = TypeVar("Recipe", FitConfig, PretrainConfig, NgramConfig)
"""One of them, the same throughout a signature."""
