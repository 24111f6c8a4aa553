"""Localization and faithfulness against plain loops and scikit-learn; the command on real bundles and real reviews."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from sklearn.metrics import roc_auc_score

import sentiline
from sentiline import Predictor
from sentiline.bundle import Bundle
from sentiline.tokenizer import split
from tests.bundles import write_bundle
from tests.training.fits import FinishedFit, reviews
from training.bundle.record_metrics import update_metrics
from training.cli.main import main
from training.data import imdb
from training.data.review import Review
from training.diagnostics.diagnose import DiagnosisInputs, check_split, diagnose
from training.diagnostics.faithfulness import DELETED, logit_drops, measure_faithfulness
from training.diagnostics.localization import LONGEST, SHORTEST, Splice, change_point, localize, make_splices
from training.diagnostics.texts import KINDS, load_texts
from training.errors import DataError, TrainingError
from training.evaluation.evaluate import score_reviews
from training.evaluation.thresholds import fit_thresholds


@pytest.fixture(scope="module")
def predictor(finished_fit: FinishedFit) -> Iterator[Predictor]:
    with sentiline.load(finished_fit.run.bundle / "tiny", precision="fp32", threads=1) as predictor:
        yield predictor


@pytest.fixture(scope="module")
def long() -> list[Review]:
    """Reviews of more than 20 tokens: three short ones of a label, joined."""
    drawn = reviews(360, seed=6)
    return [
        Review(" ".join(review.text for review in drawn[label::2][3 * number : 3 * number + 3]), label)
        for number in range(60)
        for label in (0, 1)
    ]  # type: ignore[arg-type]


def test_splices_are_both_orders_of_beginnings(long: list[Review]) -> None:
    found = make_splices(long, 10, seed=1)
    assert found == make_splices(long, 10, seed=1) != make_splices(long, 10, seed=2)
    assert [splice.first for splice in found] == [0, 1] * 10
    texts = {label: [review.text for review in long if review.label == label] for label in (0, 1)}
    for one, other in zip(found[::2], found[1::2], strict=True):
        halves = one.text[: one.seam - 1], one.text[one.seam :]
        assert f"{halves[1]} {halves[0]}" == other.text
        for label, half in enumerate(halves):
            assert any(text.startswith(half) for text in texts[label])
            assert SHORTEST <= len(split(half)[0]) <= LONGEST


def test_too_few_reviews_are_refused(long: list[Review]) -> None:
    with pytest.raises(DataError, match="100 pairs need as many reviews of 20 tokens of each label; there are"):
        make_splices(long, 100)


@pytest.mark.parametrize("seed", range(5))
def test_the_change_point_is_where_two_constants_fit_best(seed: int) -> None:
    values = np.random.default_rng(seed).normal(0, 1, 30) + (np.arange(30) >= 11) * seed

    def residual(k: int) -> float:
        return float(values[:k].var() * k + values[k:].var() * (30 - k))

    assert change_point(values) == min(range(1, 30), key=residual)
    assert change_point(np.array([0.0, 0.0, 5.0])) == 2


def test_localization_is_that_of_a_plain_loop(predictor: Predictor, long: list[Review]) -> None:
    spliced = make_splices(long, 12, seed=3)
    found = localize(predictor, spliced)
    areas, pooled, distances, middles = [], [], [], []
    for splice in spliced:
        (answer,) = predictor.predict([splice.text], detail="timesteps")
        steps = answer.timesteps or ()
        second = [step.start >= splice.seam for step in steps]
        positive = [after == (splice.first == 0) for after in second]
        values = [step.contribution or 0.0 for step in steps]
        areas.append(roc_auc_score(positive, values))
        pooled += list(zip(positive, values, strict=True))
        distances.append(abs(change_point(np.array(values)) - second.index(True)))
        middles.append(abs(len(second) / 2 - second.index(True)))
    assert found.texts == 24
    assert found.contributions is not None
    assert found.contributions.auc == pytest.approx(np.mean(areas), abs=1e-3)
    assert found.contributions.pooled_auc == pytest.approx(roc_auc_score(*zip(*pooled, strict=True)), abs=1e-3)
    assert found.contributions.seam_mean == pytest.approx(np.mean(distances), abs=0.01)
    assert found.contributions.seam_median == np.median(distances)
    assert (found.middle_median, found.middle_mean) == pytest.approx((np.median(middles), np.mean(middles)), abs=0.01)
    assert found.scores.auc > 0.7, "a model that has learned its words knows the half of most tokens"


def test_texts_truncated_to_one_half_are_left_out(tmp_path: Path, long: list[Review]) -> None:
    with Predictor(Bundle.open(write_bundle(tmp_path / "short", max_tokens=2)), threads=1) as short:
        spliced = make_splices(long, 3)
        assert localize(short, spliced).texts == 6  # the first token and the last
        lopsided = Splice("good film", 0, 1)  # as if all that is read belonged to the second half
        assert localize(short, [*spliced, lopsided]).texts == 6
        with pytest.raises(DataError, match="truncates every spliced review before its seam"):
            localize(short, [lopsided])


def test_a_model_without_contributions_is_ranked_by_its_scores(tmp_path: Path, long: list[Review]) -> None:
    with Predictor(Bundle.open(write_bundle(tmp_path / "plain", additive=False)), threads=1) as plain:
        assert localize(plain, make_splices(long, 3)).contributions is None
        assert measure_faithfulness(plain, long, 4).ranked_by == "scores"


def test_the_logit_drops_of_a_bag_of_words_are_the_weights_of_its_tokens() -> None:
    weights = np.array([0.0, 1.0, -2.0, 0.5])

    def bag(sequences: object) -> np.ndarray:
        return np.array([weights[ids].sum() for ids in sequences])  # type: ignore[attr-defined]

    ids = np.array([1, 2, 3, 3], np.int32)  # logit 1 - 2 + 0.5 + 0.5 = 0
    orders = [np.array([1, 0, 2, 3]), np.array([0, 2, 1, 3])]
    np.testing.assert_allclose(logit_drops(bag, ids, 0.0, orders, (1, 2)), [[-2, -1], [1, 1.5]])
    np.testing.assert_allclose(logit_drops(bag, ids[1:], -1.0, [np.array([0, 1, 2])], (1, 2)), [[2, 1.5]])


def test_the_largest_contributions_carry_the_verdict(predictor: Predictor, long: list[Review]) -> None:
    found = measure_faithfulness(predictor, long, 20, seed=4)
    assert found == measure_faithfulness(predictor, long, 20, seed=4)
    assert (found.reviews, found.ranked_by, found.deleted) == (20, "contributions", list(DELETED))
    assert found.drop == sorted(found.drop)
    assert all(drop > random for drop, random in zip(found.drop, found.random_drop, strict=True))
    assert all(0 <= share <= 100 for share in found.flipped + found.random_flipped)
    with pytest.raises(DataError, match="no review has more than the 10 tokens"):
        measure_faithfulness(predictor, [Review("The plot was dull", 0)], 5)


def test_a_model_trained_on_some_of_the_reviews_is_refused(tmp_path: Path) -> None:
    config = {"validation": 0.1, "split_seed": 8}
    manifest = {"data": {"unlabelled_reviews": 50_000}, "training": {"config": config}}
    bundle = Bundle.open(write_bundle(tmp_path / "other", manifest=manifest))
    with pytest.raises(TrainingError, match=r"other was fitted with validation 0\.1 and split_seed 8"):
        check_split(bundle)
    config["split_seed"] = 7
    check_split(Bundle.open(write_bundle(tmp_path / "same", manifest=manifest)))


def test_missing_thresholds_are_fitted_and_reported_as_such(tmp_path: Path, long: list[Review]) -> None:
    bundle = Bundle.open(write_bundle(tmp_path / "plain", additive=False))
    drawn = reviews(300, seed=8)
    material = DiagnosisInputs([*drawn, *long], make_splices(long, 3), 3, load_texts(), {}, seed=0)
    found = diagnose(bundle, material)
    document = found.as_dict()
    assert document["localization"]["contributions"] is None
    assert document["uncertain"]["source"] == "fitted on the validation part"
    with Predictor(bundle) as predictor:
        validation = score_reviews(predictor, material.validation)
    assert found.thresholds == fit_thresholds(
        validation.scores, validation.predicted == validation.labels, validation.unknown_rates
    )
    flagged = found.thresholds.flags(validation.scores, validation.unknown_rates)
    assert found.flagged == round(100 * flagged.mean(), 2)
    assert found.other_texts.keys() == KINDS.keys()
    with pytest.raises(TrainingError, match="plain's manifest has no metrics"):
        update_metrics(bundle, {"diagnostics": document})


def _diagnose(bundle: Path, archive: Path, folder: Path) -> dict[str, Any]:
    """Run the command on a copy of a bundle, check what it prints and records, and return the figures."""
    shutil.copytree(bundle, folder / "tiny")
    sizes = ["--pairs", "4", "--reviews", "4", "--archive", str(archive), "--json", str(folder / "all.json")]
    result = CliRunner().invoke(main, ["diagnose", str(folder / "tiny"), "--record", *sizes])
    assert result.exit_code == 0, result.output
    found: dict[str, Any]
    (found,) = json.loads((folder / "all.json").read_text(encoding="utf-8")).values()
    assert found["uncertain"]["source"] == "manifest"
    area = f"{found['localization']['scores']['auc']:.3f}"
    assert any(line.startswith("| tiny ") and f"{area} (" in line for line in result.stdout.splitlines())
    recorded = Bundle.open(folder / "tiny")
    recorded.verify()
    assert recorded.manifest.document["metrics"]["diagnostics"] == found
    card = recorded.read("README.md").decode()
    for section in ("## Timesteps", "## Beyond IMDB", "## Calibration"):
        assert section in card
    assert f"| `positive` | {area} |" in card
    for kind, figures in found["beyond"].items():
        assert f"| {KINDS[kind]} | {figures['texts']} |" in card
    return found


def test_the_command_prints_and_records(
    finished_fit: FinishedFit, small: Any, long: list[Review], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = copy.deepcopy(small)
    for label, folder in ((1, "pos"), (0, "neg")):
        texts = [review.text for review in long if review.label == label]
        for name in [name for name in archive.files if name.startswith(f"train/{folder}/")]:
            del archive.files[name]
        archive.files |= {f"train/{folder}/{number}_5.txt": text.encode() for number, text in enumerate(texts)}
        lines = "".join(f"http://www.imdb.com/title/tt{number:07}/usercomments\n" for number in range(len(texts)))
        archive.files[f"train/urls_{folder}.txt"] = lines.encode()
    archive.parts = {name: archive._part(name) for name in archive.parts}
    monkeypatch.setitem(imdb.load.__kwdefaults__, "parts", archive.parts)
    _diagnose(finished_fit.run.bundle / "tiny", archive.write(tmp_path / "small.tar.gz"), tmp_path)


@pytest.mark.long
def test_the_command_works_on_imdb(finished_fit: FinishedFit, imdb_archive: Path, tmp_path: Path) -> None:
    found = _diagnose(finished_fit.run.bundle / "tiny", imdb_archive, tmp_path)
    assert found["baseline"]["sentence"]["accuracy"] > 60
