"""The types of the configurations, called recipes, that decide what a run computes."""

from __future__ import annotations

from typing import TypeAlias, TypeVar

from training.config.fit import FitConfig
from training.config.ngrams import NgramConfig
from training.config.pretraining import PretrainConfig

AnyRecipe: TypeAlias = FitConfig | PretrainConfig | NgramConfig

# The same type of recipe throughout a signature.
Recipe = TypeVar("Recipe", FitConfig, PretrainConfig, NgramConfig)
