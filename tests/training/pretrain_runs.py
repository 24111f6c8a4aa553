"""Small real pre-trainings for the tests: tiny recipes, synthetic texts, language models whose weights were drawn."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from tests.training.fits import reviews
from training.config.pretraining import PretrainConfig
from training.nn import backend
from training.nn.encoder import Encoder
from training.pretraining.language_model import LanguageModel, build_language_model
from training.pretraining.pretrain import pretrain
from training.pretraining.run_folder import PretrainRun

TINY: dict[str, Any] = {
    "vocabulary": 60,
    "embedding": 8,
    "units": 6,
    "epochs": 2,
    "streams": 4,
    "window": 8,
    "candidates": 20,
    "learning_rate": 0.01,
    "precision": "float32",
}
DESCRIPTION: dict[str, Any] = {"name": "synthetic", "seed": 0}


def tiny_pretrain_config(**changes: Any) -> PretrainConfig:
    """The default recipe at a tiny size, in float32."""
    return dataclasses.replace(PretrainConfig(), **{**TINY, **changes})


def texts(count: int, seed: int = 0) -> list[str]:
    """Distinct short texts."""
    return [review.text for review in reviews(count, seed)]


def drawn_model(config: PretrainConfig, words: int = 13, seed: int = 0) -> LanguageModel:
    """A language model all of whose weights were drawn, biases included, so that nothing hides behind a zero."""
    generator = np.random.default_rng(seed)
    model = build_language_model(config, np.ones(words, np.int64), None)
    for variable in model.trainable_variables:
        variable.assign(generator.normal(0, 0.6, tuple(variable.shape)).astype(np.float32))
    return model


backend.configure(1)

TEXTS, VALIDATION = texts(300), texts(60, seed=1)


def pretrain_tiny(run: PretrainRun, config: PretrainConfig | None = None, **options: Any) -> Encoder:
    """Pre-train on synthetic texts, by default with the tiny recipe."""
    return pretrain(config or tiny_pretrain_config(), TEXTS, VALIDATION, DESCRIPTION, run, **options)
