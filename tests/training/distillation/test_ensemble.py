"""The weights of an ensemble, and targets softened by a model that has not seen them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sentiline import Predictor
from sentiline.bundle import Bundle
from tests.bundles import write_bundle
from training.distillation.ensemble import BundleMember, blend_targets, fit_ensemble


def _members(count: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(0)
    labels = draw.integers(0, 2, count).astype(np.int8)
    side = 2.0 * labels - 1
    good, fair, noise = (side * strength + draw.normal(0, 1, count) for strength in (1.2, 0.8, 0.0))
    return np.stack([good, fair, noise]), labels


def test_a_better_member_counts_more_and_the_whole_beats_each():
    logits, labels = _members()
    ensemble = fit_ensemble(["good", "fair", "noise"], logits, labels)
    good, fair, noise = ensemble.weights
    assert good > fair > 10 * noise >= 0
    assert ensemble.accuracies[-1] > max(ensemble.accuracies[:-1])
    assert good == pytest.approx(2 * 1.2, rel=0.15)  # the log-likelihood ratio of two unit Gaussians
    margin = ensemble.combine(logits)
    assert ensemble.accuracies[-1] == pytest.approx(100 * ((margin >= 0) == (labels == 1)).mean())


def test_a_member_that_would_count_negatively_is_left_out():
    logits, labels = _members()
    contrary = -(2.0 * labels - 1) * 0.6 + np.random.default_rng(1).normal(0, 1, len(labels))
    ensemble = fit_ensemble(["good", "fair", "contrary"], np.stack([*logits[:2], contrary]), labels)
    assert ensemble.weights[2] == 0
    assert (ensemble.weights[:2] > 0).all()


def test_blend_mixes_label_and_probability():
    found = blend_targets(np.array([1, 0, 1], np.int8), np.array([0.0, 0.0, -np.inf]), 0.7)
    np.testing.assert_allclose(found, [0.85, 0.15, 0.7], atol=1e-6)


def test_a_bundle_is_a_member_with_the_logits_it_is_served_with(tmp_path: Path) -> None:
    bundle = Bundle.open(write_bundle(tmp_path / "teacher"))
    texts = ["a fine film", "the worst plot", "it was not so boring !", "wonderful"]
    member = BundleMember(bundle)
    documents = [bundle.tokenizer().encode(text).ids for text in texts]
    with Predictor(bundle) as predictor:
        expected = [prediction.logit for prediction in predictor.predict(texts)]
    np.testing.assert_allclose(member.logits(documents), expected, atol=1e-6)
    assert (member.name, member.identity) == ("teacher", bundle.manifest.digest)
