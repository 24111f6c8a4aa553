"""The span loss gives the contributions inside a part of a text the part's sign."""

from __future__ import annotations

import numpy as np

from tests.training.fits import tiny_config
from training.data.spans import SpanSampler, SpanTargets
from training.nn.backend import to_numpy
from training.nn.model import build_model
from training.supervised.trainer import Trainer


def test_contributions_inside_spans_get_the_sign_of_their_part():
    texts = np.array([[2, 2, 3, 3], [3, 3, 2, 2]], np.int32)  # token 2 is positive, token 3 is negative
    lengths = np.array([4, 4], np.int32)
    spans = SpanTargets(
        ids=tuple(texts),
        owners=np.array([0, 0, 1, 1], np.int32),
        starts=np.array([0, 2, 0, 2], np.int32),
        ends=np.array([2, 4, 2, 4], np.int32),
        probabilities=np.array([0.97, 0.03, 0.03, 0.97], np.float32),
    )
    config = tiny_config(spans=1.0, adversarial=0.0, schedule="constant")
    trainer = Trainer(config, build_model(config, 6), 40)
    sampler, generator = SpanSampler(spans, 2), np.random.default_rng(0)
    labels = np.array([0.5, 0.5], np.float32)  # the labels of the texts say nothing about their parts
    for _ in range(40):
        trainer.step(texts, lengths, labels, spans=sampler.draw(generator).arrays())
    model = trainer.model
    masks = model.draw_masks(texts)
    states = model.states(model.embedding(masks.ids) * masks.vectors, lengths, masks)
    found = to_numpy(model.head.outputs(states, lengths)["contributions"])
    positive = [[text[:2].sum() > 0, text[2:].sum() > 0] for text in found]
    assert positive == [[True, False], [False, True]]
