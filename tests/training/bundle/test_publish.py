"""From a run to a bundle: every file recorded, written whole, replaced only where a bundle is, and served."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest

import sentiline
from sentiline.bundle import Bundle, Manifest
from tests.training.fits import FinishedFit, reviews, tiny_config
from training.bundle import writer
from training.bundle.publish import load_best, publish
from training.bundle.record_metrics import record_metrics
from training.bundle.writer import update_bundle, write_bundle
from training.data.dataset import encode
from training.data.review import NEUTRAL, Review
from training.errors import CheckpointError, ConfigError, ExportError
from training.evaluation.evaluate import evaluate
from training.export.convert import OPSET
from training.nn import backend
from training.supervised.run_folder import Run

backend.configure(1)


@pytest.fixture
def bundle(finished_fit: FinishedFit, tmp_path: Path) -> Bundle:
    """A copy of the fit's bundle, to change."""
    shutil.copytree(finished_fit.run.bundle / "tiny", tmp_path / "tiny")
    return Bundle.open(tmp_path / "tiny")


def test_the_manifest_records_every_file(finished_fit: FinishedFit) -> None:
    folder = finished_fit.run.bundle / "tiny"
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    names = {path.name for path in folder.iterdir()} - {"manifest.json"}
    assert names == {
        *("README.md", "model.int8.onnx", "model.onnx", "tokenizer.json"),
        *("curves.png", "lengths.png", "reliability.png", "risk.png"),
    }
    assert manifest["files"].keys() == names
    for name in names:
        content = (folder / name).read_bytes()
        assert manifest["files"][name] == {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}, name


def test_the_manifest_tells_where_the_model_comes_from(finished_fit: FinishedFit) -> None:
    document = Bundle.open(finished_fit.run.bundle / "tiny").manifest.document
    config, data = finished_fit.run.read_config()
    assert document["training"]["config"] == config.as_dict()
    assert document["training"]["history"] == finished_fit.run.read_log()
    assert document["data"] == data
    assert document["data"]["sha256"] == {"mine.csv": hashlib.sha256(finished_fit.csv.read_bytes()).hexdigest()}
    assert (document["opset"], document["additive"], document["default_precision"]) == (OPSET, True, "int8")
    assert document["versions"].keys() >= {"python", "tensorflow", "keras", "tf2onnx", "onnx", "onnxruntime", "numpy"}
    graph = onnx.load(finished_fit.run.bundle / "tiny" / "model.onnx").graph
    words = len(finished_fit.run.read_tokenizer().vocabulary)
    assert document["architecture"]["vocabulary"] == words
    # 8-wide vectors; two LSTMs of 4 units, four gates each; u, w_mean, w_att over 8 states, and a bias
    assert document["architecture"]["parameters"] == words * 8 + 2 * 4 * 4 * (8 + 4 + 1) + 3 * 8 + 1
    assert sum(1 for node in graph.node if node.op_type == "LSTM") == 1


def test_the_run_folder_has_pictures_and_the_report(finished_fit: FinishedFit) -> None:
    folder, bundle = finished_fit.run.folder, finished_fit.run.bundle / "tiny"
    names = {path.name for path in folder.iterdir()}
    assert names == {
        *("best.npz", "bundle", "checkpoint.npz", "config.json", "curves.png", "lengths.png", "log.jsonl"),
        *("reliability.png", "report.md", "risk.png", "tokenizer.json"),
    }
    assert (folder / "report.md").read_bytes() == (bundle / "README.md").read_bytes()
    for picture in ("curves.png", "lengths.png", "reliability.png", "risk.png"):
        assert (folder / picture).read_bytes() == (bundle / picture).read_bytes()
        assert (folder / picture).read_bytes().startswith(b"\x89PNG")


def test_both_precisions_are_served(finished_fit: FinishedFit) -> None:
    answers = {}
    for precision in ("fp32", "int8"):
        with sentiline.load(finished_fit.run.bundle / "tiny", precision=precision) as model:
            (answers[precision],) = model.predict(["The plot was gripping and the cast was warm."], detail="timesteps")
    assert answers["fp32"].label == answers["int8"].label == "POSITIVE"
    assert answers["fp32"].timesteps is not None
    total = answers["fp32"].bias + sum(step.contribution or 0.0 for step in answers["fp32"].timesteps)
    assert total == pytest.approx(answers["fp32"].logit, abs=1e-5)


def test_one_precision_is_published_alone(finished_fit: FinishedFit, tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    shutil.copytree(finished_fit.run.folder, run.folder)
    document = json.loads(run.config.read_text())
    document["config"]["precision"] = "fp32"
    run.config.write_text(json.dumps(document))
    drawn = reviews(40, seed=9)
    bundle = publish(run, tmp_path / "deep" / "tiny", drawn[:20], drawn[20:], version="2.0.0")
    assert dict(bundle.manifest.precisions) == {"fp32": "model.onnx"}
    assert (bundle.manifest.default_precision, bundle.manifest.version) == ("fp32", "2.0.0")
    assert not (bundle.path / "model.int8.onnx").exists()
    assert bundle.manifest.document["metrics"]["validation"].keys() == {"fp32"}
    assert bundle.manifest.document["metrics"]["export"].keys() >= {"largest_difference", "int8_label_agreement"}


def test_what_is_published_is_the_calibrated_model(finished_fit: FinishedFit, tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    shutil.copytree(finished_fit.run.folder, run.folder)
    held = reviews(600, seed=12)
    flipped = [Review(one.text, (1 - one.label) if number % 4 < 2 else one.label) for number, one in enumerate(held)]
    mixed = [*held[:300], *flipped[300:]]  # labels that no model could be sure of
    best = run.best.read_bytes()
    bundle = publish(run, tmp_path / "tiny", held, mixed, version="1.0.0")
    document = bundle.manifest.document
    temperature, shift = (document["calibration"][name] for name in ("temperature", "shift"))
    assert temperature > 1.2
    assert document["calibration"].keys() == {"temperature", "shift", "ece", "bins", "reviews"}
    assert document["calibration"]["ece"] == document["metrics"]["validation"]["int8"]["calibration"]["ece"]
    assert document["calibration"]["reviews"] == 600
    assert document["uncertainty"].keys() >= {"confidence", "unknown_rate"}
    assert run.best.read_bytes() == best, "the run keeps the raw weights"
    raw = load_best(run, run.read_config()[0], run.read_tokenizer())
    ids = encode(mixed[:8], run.read_tokenizer()).ids
    with sentiline.load(bundle.path, precision="fp32", threads=1) as model:
        for one, review in zip(ids, mixed, strict=False):
            (answer,) = model.predict([review.text], detail="timesteps")
            logit = float(raw(one[None, :], np.array([len(one)], np.int32))["logit"][0])
            assert answer.logit == pytest.approx(logit / temperature + shift, abs=1e-5)
            total = answer.bias + sum(step.contribution or 0.0 for step in answer.timesteps or ())
            assert total == pytest.approx(answer.logit, abs=1e-5)
    assert (
        f"divided by a temperature of {temperature:.3f} and shifted by {shift:+.3f}"
        in bundle.read("README.md").decode()
    )


def test_neutral_reviews_give_the_bundle_cut_points(finished_fit: FinishedFit, tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    shutil.copytree(finished_fit.run.folder, run.folder)
    held = reviews(400, seed=12)
    noisy = [Review(one.text, 1 - one.label if number % 9 < 2 else one.label) for number, one in enumerate(held)]
    neutral = [Review(f"{one.text} {other.text}", NEUTRAL) for one, other in zip(held[::2], held[1::2], strict=True)]
    bundle = publish(run, tmp_path / "tiny", noisy, noisy, neutral=neutral, version="1.0.0")
    assert bundle.manifest.cut_points is not None
    assert bundle.manifest.document["neutral"]["metrics"]["texts"]["neutral"] == len(neutral)
    assert bundle.manifest.document["metrics"]["validation"]["int8"]["reviews"] == len(noisy)
    few = publish(run, tmp_path / "few", noisy, noisy, neutral=neutral[:20], version="1.0.0")
    assert few.manifest.cut_points is None


def test_a_small_validation_part_says_what_it_did_not_fit(finished_fit: FinishedFit) -> None:
    document = Bundle.open(finished_fit.run.bundle / "tiny").manifest.document
    assert (document["calibration"]["temperature"], document["calibration"]["shift"]) == (1, 0)
    assert "are too few to calibrate with" in document["calibration"]["note"]
    assert "are too few to fit thresholds" in document["uncertainty"]["note"]
    card = (finished_fit.run.bundle / "tiny" / "README.md").read_text(encoding="utf-8")
    assert document["calibration"]["note"] in card
    assert document["uncertainty"]["note"] in card


def test_a_run_without_a_finished_epoch_cannot_be_published(tmp_path: Path, finished_fit: FinishedFit) -> None:
    run = Run(tmp_path / "run")
    run.start(tiny_config(), {}, resume=False, overwrite=False)
    shutil.copy(finished_fit.run.tokenizer, run.tokenizer)
    with pytest.raises(CheckpointError, match=r"best\.npz does not exist"):
        publish(run, tmp_path / "bundle", [], [], version="1.0.0")
    assert not (tmp_path / "bundle").exists()


def test_recorded_figures_are_in_manifest_and_card(bundle: Bundle) -> None:
    drawn = reviews(30, seed=3)
    with sentiline.Predictor(bundle, precision="int8") as predictor:
        figures = {"int8": evaluate(predictor, drawn)}
    before = json.loads(json.dumps(dict(bundle.manifest.document)))
    recorded = record_metrics(bundle, "test", figures)
    recorded.verify()
    after = dict(recorded.manifest.document)
    assert after["metrics"]["test"] == {"int8": figures["int8"].as_dict()}
    card = (recorded.path / "README.md").read_text(encoding="utf-8")
    assert f"| test | int8 | {figures['int8'].accuracy:.2f} ± {figures['int8'].interval:.2f} % |" in card
    del after["metrics"]["test"]
    for document in (before, after):
        for name in ("README.md", "reliability.png", "risk.png"):  # which have the new part in them
            del document["files"][name]
    assert after == before


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_of_something_else_is_never_replaced(bundle: Bundle, tmp_path: Path) -> None:
    files = {name: bundle.read(name) for name in bundle.manifest.files}
    precious = tmp_path / "thesis"
    precious.mkdir()
    (precious / "chapter.txt").write_text("years of work")
    with pytest.raises(ExportError, match=r"thesis holds chapter\.txt but no manifest\.json"):
        write_bundle(precious, bundle.manifest.document, files)
    (tmp_path / "file").write_text("text")
    with pytest.raises(ExportError, match="no bundle can be written to"):
        write_bundle(tmp_path / "file", bundle.manifest.document, files)
    assert _files(precious) == {"chapter.txt": b"years of work"}
    (tmp_path / "empty").mkdir()
    assert write_bundle(tmp_path / "empty", bundle.manifest.document, files).manifest.name == "tiny"


def test_a_bundle_that_cannot_be_written_leaves_the_old_one(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    before, folders = _files(bundle.path), sorted(bundle.path.parent.iterdir())
    with pytest.raises(sentiline.errors.BundleCorruptError):
        update_bundle(bundle, {"default_precision": "int4"}, {})
    assert _files(bundle.path) == before
    assert sorted(bundle.path.parent.iterdir()) == folders

    def full(*_: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writer, "_manifest", full)
    with pytest.raises(OSError, match="No space left"):
        update_bundle(bundle, {}, {})
    assert _files(bundle.path) == before
    assert sorted(bundle.path.parent.iterdir()) == folders


def test_a_replaced_bundle_has_no_file_of_the_old_one(bundle: Bundle) -> None:
    files = {name: bundle.read(name) for name in bundle.manifest.files if name != "curves.png"}
    fresh = write_bundle(bundle.path, bundle.manifest.document, files)
    assert not (fresh.path / "curves.png").exists()
    assert fresh.manifest.files.keys() == files.keys()


@pytest.mark.parametrize("name", ["bilstm", "My.Model-2_b", "0"])
def test_every_name_of_a_config_is_a_name_of_a_bundle(bundle: Bundle, name: str) -> None:
    document = {**bundle.manifest.document, "name": tiny_config(name=name).name}
    assert Manifest.from_json(json.dumps(document).encode()).name == name


@pytest.mark.parametrize("name", ["", "a b", "../up", "-x", "naïve"])
def test_other_names_are_refused(bundle: Bundle, name: str) -> None:
    with pytest.raises(ConfigError, match="name is"):
        tiny_config(name=name)
    with pytest.raises(sentiline.errors.BundleCorruptError):
        Manifest.from_json(json.dumps({**bundle.manifest.document, "name": name}).encode())
