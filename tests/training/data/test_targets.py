"""Targets survive their file; a student learns from them; mismatches are refused."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from sentiline.tokenizer import Tokenizer
from tests.training.fits import tiny_config, tiny_data
from training.data.dataset import encode, graded
from training.data.review import Review
from training.data.targets import Targets
from training.data.vocabulary import build_vocabulary
from training.errors import CheckpointError, DataError
from training.nn.encoder import Encoder
from training.supervised.fit import fit
from training.supervised.fit_data import with_initial_weights
from training.supervised.run_folder import Run


@pytest.fixture(scope="module")
def targets() -> Targets:
    data = tiny_data()
    tokenizer = Tokenizer(build_vocabulary((review.text for review in data.train), 60), max_tokens=40)
    train = encode(data.train, tokenizer)
    probabilities = np.where(train.labels == 1, 0.9, 0.1).astype(np.float32)
    return Targets(train.ids, probabilities, tokenizer, {"members": {"a": {"weight": 1.0}}})


def encoder(tokenizer: Tokenizer, units: int = 4, width: int = 8) -> Encoder:
    draw = np.random.default_rng(3)

    def side() -> tuple[np.ndarray, ...]:
        shapes = [(width, 4 * units), (units, 4 * units), (4 * units,)]
        return tuple(draw.normal(0, 0.3, shape).astype(np.float32) for shape in shapes)

    vectors = draw.normal(0, 1, (len(tokenizer.vocabulary), width)).astype(np.float32)
    return Encoder(vectors, (side(), side()), tokenizer, {"history": []})


def test_saved_targets_are_loaded_unchanged(targets, tmp_path):
    targets.save(tmp_path / "targets.npz")
    again = Targets.load(tmp_path / "targets.npz")
    assert [ids.tolist() for ids in again.ids] == [ids.tolist() for ids in targets.ids]
    assert again.probabilities.tolist() == targets.probabilities.tolist()
    assert again.tokenizer.vocabulary == targets.tokenizer.vocabulary
    assert again.provenance == targets.provenance
    assert again.digest() == targets.digest()
    other = dataclasses.replace(targets, probabilities=targets.probabilities + np.float32(0.001))
    assert other.digest() != targets.digest()


def test_a_missing_or_damaged_file_is_named_with_its_remedy(targets, tmp_path):
    with pytest.raises(CheckpointError, match="training label"):
        Targets.load(tmp_path / "none.npz")
    targets.save(tmp_path / "targets.npz")
    content = (tmp_path / "targets.npz").read_bytes()
    (tmp_path / "half.npz").write_bytes(content[: len(content) // 2])
    with pytest.raises(CheckpointError, match=r"half\.npz holds no targets"):
        Targets.load(tmp_path / "half.npz")


def test_a_student_learns_the_targets_and_not_the_labels(targets, tmp_path):
    contrary = dataclasses.replace(targets, probabilities=1 - targets.probabilities)
    accuracies = {}
    for name, given in (("as", targets), ("against", contrary)):
        data = with_initial_weights(tiny_data(), None, given)
        history = fit(tiny_config(epochs=6), data, Run(tmp_path / name))
        accuracies[name] = history[-1]["validation_accuracy"]
    assert accuracies["as"] > 0.8
    assert accuracies["against"] < 0.2


def test_a_fit_starts_from_the_encoders_weights(targets, tmp_path):
    begin = encoder(targets.tokenizer)
    run = Run(tmp_path / "run")
    fit(tiny_config(epochs=1, learning_rate=1e-9), with_initial_weights(tiny_data(), begin, targets), run)
    with np.load(run.best) as best:
        table = next(best[name] for name in best.files if "embeddings" in name)
        np.testing.assert_allclose(table, begin.vectors, atol=1e-6)
        kernels = [best[name] for name in best.files if name.endswith(("/kernel", "recurrent_kernel"))]
    wanted = [array for direction in begin.directions for array in direction[:2]]
    assert len(kernels) == 4
    for array in wanted:
        assert any(array.shape == kernel.shape and np.allclose(array, kernel, atol=1e-6) for kernel in kernels)
    assert run.read_tokenizer().vocabulary == targets.tokenizer.vocabulary


def test_encoder_and_targets_of_different_vocabularies_are_refused(targets):
    other = Tokenizer((*targets.tokenizer.vocabulary[:-1], "zebra"))
    with pytest.raises(DataError, match="different vocabularies"):
        with_initial_weights(tiny_data(), encoder(other), targets)


def test_digests_of_encoder_and_targets_are_part_of_the_provenance(targets):
    begin = encoder(targets.tokenizer)
    description = with_initial_weights(tiny_data(), begin, targets).description
    assert description["encoder"] == begin.digest()
    assert description["targets"] == targets.digest()
    assert description["teacher"] == targets.provenance


def test_stars_grade_the_targets():
    reviews = [Review("a b", 0, stars=1), Review("...", 0, stars=3), Review("a", 1, stars=10), Review("b", 1)]
    tokenizer = Tokenizer(build_vocabulary(["a b"], 10))
    whole = encode(reviews, tokenizer)
    found = graded(whole, reviews)
    kept = [review for index, review in enumerate(reviews) if index not in whole.skipped]
    expected = [1.0 if review.stars is None else 0.02 + 0.96 * (review.stars - 1) / 9 for review in kept]
    np.testing.assert_allclose(found.labels, expected, atol=1e-6)
    assert found.ids == whole.ids
    five = graded(
        encode([Review("a", 1, stars=5), Review("b", 0, stars=1)], tokenizer), [Review("a", 1, stars=5)] * 2, 5
    )
    np.testing.assert_allclose(five.labels, 0.98, atol=1e-6)
