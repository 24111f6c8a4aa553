"""The benchmark of heads: max-pooling sees no padding, both heads learn, and the table holds what was measured."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from benchmarks.pooling import ADDITIVE, MAXIMUM, MaximumHead, fit, table
from sentiline.tokenizer import Tokenizer
from tests.training.fits import tiny_config, tiny_data
from training.data.dataset import encode
from training.data.vocabulary import build_vocabulary
from training.nn import backend
from training.run.progress import FitProgress

backend.configure(1)


def test_max_pooling_ignores_padding() -> None:
    head = MaximumHead(3)
    head.build((None, None, 4))
    head.hidden.bias.assign([0.5, -0.2, 0.1])
    states = np.random.default_rng(0).uniform(-1, 1, (2, 5, 4)).astype(np.float32)
    lengths = np.array([5, 2], np.int32)
    found = head.logit(tf.constant(states), tf.constant(lengths)).numpy()
    for row, length, logit in zip(states, lengths, found, strict=True):
        pooled = row[:length].max(axis=0)
        hidden = np.maximum(pooled @ head.hidden.kernel.numpy() + head.hidden.bias.numpy(), 0)
        wanted = hidden @ head.output_layer.kernel.numpy()[:, 0] + head.output_layer.bias.numpy()[0]
        assert logit == pytest.approx(wanted, abs=1e-6)


def test_both_heads_learn_on_the_same_layers() -> None:
    data = tiny_data(200)
    cut = Tokenizer(build_vocabulary((review.text for review in data.train), 60), max_tokens=40)
    config = tiny_config(adversarial=0.0, epochs=4)
    results = {
        name: [
            fit(
                config,
                encode(data.train, cut),
                encode(data.validation, cut),
                len(cut.vocabulary),
                None,
                MaximumHead(5, name="head") if name == MAXIMUM else None,
                FitProgress(quiet=True),
            )
        ]
        for name in (ADDITIVE, MAXIMUM)
    }
    assert results[ADDITIVE][0]["head_parameters"] == 3 * 8 + 1
    assert results[MAXIMUM][0]["head_parameters"] == 8 * 5 + 5 + 5 + 1
    for (result,) in results.values():
        assert result["accuracy"] > 70
    lines = str(table(results)).splitlines()[2:]
    assert [line.split(" | ")[1] for line in lines] == ["25", "51"]
