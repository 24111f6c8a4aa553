"""A text gets the same answer alone and in any company, bit for bit, whatever the lengths around it."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from sentiline.columns import Columns
from sentiline.errors import InputError
from sentiline.prediction import Prediction
from sentiline.predictor import Predictor, load
from sentiline.reading import Reading
from sentiline.tokenizer import SPECIAL_TOKENS, Words2Tokenizer
from sentiline.tokenizer.words2 import IN_EVERY_VOCABULARY
from tests.bundles import THREE_WAY, UNSURE, WORDS, write_bundle
from tests.mixtures import mixture

SHIPPED = sorted(path.parent for path in Path(__file__).resolve().parents[2].glob("models/*/manifest.json"))
CASES = [(folder, precision) for folder in SHIPPED for precision in ("int8", "fp32")]
TEXTS = mixture(60, seed=1)


@pytest.fixture(params=CASES, ids=lambda case: f"{case[0].name}-{case[1]}")
def model(request: pytest.FixtureRequest) -> Iterator[Predictor]:
    """Every shipped model at every precision that it has."""
    folder, precision = request.param
    with load(folder, threads=2) as first:
        if precision not in first.manifest.precisions:
            pytest.skip(f"{folder.name} has no {precision}")
        if precision == first.precision:
            yield first
            return
    with load(folder, precision=precision, threads=2) as loaded:
        yield loaded


def test_lists_change_no_bit(model: Predictor) -> None:
    chance = random.Random(2)
    alone = {text: model.predict([text], detail="timesteps")[0] for text in TEXTS}
    for size in (2, 3, 7, 20, 60):
        texts = chance.sample(TEXTS, size)
        found = model.predict(texts, detail="timesteps")
        assert found == [alone[text] for text in texts]
        brief = [dataclasses.replace(alone[text], timesteps=None) for text in texts]
        assert model.predict(texts) == brief
        assert [reading.prediction() for reading in model.read(texts, spans=False)] == brief


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_and_large_lists_change_no_bit(tmp_path: Path, threads: int) -> None:
    """Of random lengths, in lists long enough for several units and full batches."""
    chance = random.Random(3)
    bundle = write_bundle(tmp_path / "bilstm", max_tokens=400, manifest=UNSURE)
    with load(bundle, threads=threads) as model:
        alone = {text: model.predict([text])[0] for text in TEXTS}
        for size in (64, 65, 130, 700):
            texts = chance.choices(TEXTS, k=size)
            assert model.predict(texts) == [alone[text] for text in texts]


def test_columns_have_the_values_of_predictions(tmp_path: Path) -> None:
    texts = [*TEXTS, "", "good " * 401, *TEXTS[:5]]
    with load(write_bundle(tmp_path / "bilstm", max_tokens=400, manifest=UNSURE), threads=2) as model:
        columns = model.columns(texts, errors="return", truncation="error")
        predictions = model.predict(texts, errors="return", truncation="error")
        singles = [model.predict([text], errors="return", truncation="error")[0] for text in texts]
        readings = [one if isinstance(one, Reading) else None for one in model.read_each(texts)]
    assert {index: str(error) for index, error in columns.errors.items()} == {
        60: str(predictions[60]),
        61: str(predictions[61]),
    }
    assert [columns.errors[index].field for index in (60, 61)] == ["texts[60]", "texts[61]"]
    assert np.isnan(columns.positive[[60, 61]]).all()
    kept = [index for index in range(len(texts)) if index not in columns.errors]
    assert [predictions[index] for index in kept] == [singles[index] for index in kept]
    assert columns.take(kept).predictions() == [predictions[index] for index in kept]
    assert columns.uncertain is not None
    assert 0 < columns.uncertain[kept].sum() < len(kept)
    again = Columns.from_readings(readings)
    for index in kept:
        assert again.predictions()[index] == predictions[index]


def test_lists_with_three_classes_have_the_values_of_each_text_alone(tmp_path: Path) -> None:
    texts = [*TEXTS, "", "good " * 401, *TEXTS[:5]]
    with load(write_bundle(tmp_path / "bilstm", max_tokens=100, manifest=THREE_WAY), threads=2) as model:
        alone = [model.predict([text], errors="return", neutral=True)[0] for text in texts]
        found = model.predict(texts, errors="return", neutral=True)
        detailed = model.predict(texts, errors="return", neutral=True, detail="timesteps")
        columns = model.columns(texts, errors="return", neutral=True)
        binary = model.predict(TEXTS)
    assert isinstance(found.pop(60), InputError)
    assert isinstance(alone.pop(60), InputError)
    assert isinstance(detailed.pop(60), InputError)
    predictions = [one for one in found if isinstance(one, Prediction)]
    assert predictions == alone
    brief = [dataclasses.replace(one, timesteps=None) for one in detailed if isinstance(one, Prediction)]
    assert brief == predictions
    assert {one.label for one in predictions} > {"NEUTRAL"}
    assert {one.uncertain for one in predictions} == {False, True}
    assert all(one.probabilities is not None for one in predictions)
    assert columns.label.tolist()[:60] == [one.label for one in predictions[:60]]
    assert columns.label[60] == ""
    kept = [index for index in range(len(texts)) if index != 60]
    assert columns.take(kept).predictions() == predictions
    assert [one.logit for one in binary] == [one.logit for one in predictions[:60]]
    assert all(one.probabilities is None for one in binary)


def test_lists_of_words_2_have_the_values_of_each_text_alone(tmp_path: Path) -> None:
    fillers = [f"filler{index}" for index in range(1200)]
    vocabulary = [*SPECIAL_TOKENS, *dict.fromkeys([*WORDS, *IN_EVERY_VOCABULARY, *fillers])]
    extra = ["terible!", "I like Terible films", "GOOOD :-) 5/5", "#goodfilm \U0001f44d\U0001f3fd", "wondrful " * 200]
    texts = [text for pair in zip(TEXTS, extra * 12, strict=True) for text in pair]
    bundle = write_bundle(
        tmp_path / "bilstm",
        rows=len(vocabulary),
        manifest=UNSURE,
        tokenizer=Words2Tokenizer(vocabulary, max_tokens=150),
    )
    with load(bundle, threads=2) as model:
        alone = [model.predict([text], detail="timesteps")[0] for text in texts]
        assert model.predict(texts, detail="timesteps") == alone
        brief = [dataclasses.replace(one, timesteps=None) for one in alone]
        assert model.predict(texts) == brief
    assert alone[1].timesteps is not None
    assert [step.read_as for step in alone[1].timesteps] == ["terrible", None]


def test_shipped_int8_models_run_short_texts_in_batches() -> None:
    with load("bilstm", precision="int8", threads=1) as model:
        assert model.short_tokens == 96
    assert [folder.name for folder in SHIPPED if not _batches(folder)] == ["birnn-mse", "rnn", "rnn-1", "rnn-100"]


def _batches(folder: Path) -> bool:
    with load(folder, threads=1) as model:
        return model.short_tokens > 0
