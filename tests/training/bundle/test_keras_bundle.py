"""Models of plain Keras as bundles: served by name, with Keras's own predictions of every text and prefix."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import keras
import numpy as np
import onnx
import pytest
from click.testing import CliRunner

import sentiline
from sentiline.cli.main import main as sentiline_main
from sentiline.errors import BundleCorruptError
from sentiline.verification.verify import verify
from tests.service.server import free_port
from tests.training.export.keras_models import ARCHITECTURES, VOCABULARY, L, lively, sequential, sigmoid
from training.bundle.keras_bundle import KerasExport, export_keras
from training.cli.main import main
from training.errors import DataError, ExportError
from training.nn import backend

backend.configure(1)

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*does not support masking:UserWarning"),
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),  # Keras's own, when it saves
]

WORDS = [f"w{number}" for number in range(2, VOCABULARY)]
TEXT = "w2 W3, unheard w9! w4 w4 w20"
ROOT = Path(__file__).resolve().parents[3]
DOCS = ROOT / "docs" / "export.md"


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of bundles that are found by name."""
    folder = tmp_path / "models"
    folder.mkdir()
    monkeypatch.setenv("SENTILINE_MODELS", str(folder))
    (tmp_path / "vocabulary.txt").write_text("\n".join(WORDS), encoding="utf-8")
    return folder


def export(model: keras.Model, models: Path, **options: Any) -> sentiline.Predictor:
    path = models.parent / "mine.keras"
    model.save(path)
    bundle = export_keras(
        KerasExport(path, models / "mine", **{"vocabulary": models.parent / "vocabulary.txt", **options})
    )
    assert bundle is not None
    return sentiline.load("mine", threads=1)


def positive(model: keras.Model, ids: list[int]) -> float:
    return float(keras.ops.convert_to_numpy(model(np.array([ids], np.int32)))[0, -1])


ADDITIVE = {
    "bidirectional LSTM": True,
    "LSTM without mask": True,
    "GRU": True,
    "GRU, reset before": True,
    "two simple RNNs": True,
    "backwards": True,
    "bidirectional, sum, average": True,
    "LSTM, maximum": False,
    "two pools": False,
}


@pytest.mark.parametrize("name", ADDITIVE)
def test_every_architecture_is_served_by_name_with_kerass_prediction(name: str, models: Path) -> None:
    model = ARCHITECTURES[name]()
    with export(model, models) as predictor:
        (found,) = predictor.predict([TEXT], detail="timesteps")
        ids = predictor.tokenizer.encode(TEXT).ids.tolist()
        assert ids == [2, 3, 1, 9, 4, 4, 20]
        assert found.positive == pytest.approx(positive(model, ids), abs=1e-5)
        assert found.timesteps is not None
        assert [step.token for step in found.timesteps] == TEXT.split()
        assert predictor.manifest.additive is ADDITIVE[name]
        contributions = [step.contribution for step in found.timesteps]
        if ADDITIVE[name]:
            assert found.bias + sum(filter(None, contributions)) == pytest.approx(found.logit, abs=1e-4)
            assert found.timesteps[-1].running == pytest.approx(found.positive, abs=1e-5)
        else:
            assert set(contributions) == {None}
        if name in ("LSTM without mask", "GRU", "GRU, reset before", "two simple RNNs"):  # forward only
            for count, step in enumerate(found.timesteps, 1):
                assert step.positive == pytest.approx(positive(model, ids[:count]), abs=1e-5)
    with sentiline.load("mine", precision="int8", threads=1) as predictor:
        assert predictor.predict([TEXT])[0].positive == pytest.approx(found.positive, abs=0.2)
    verified = verify("mine", [TEXT, "w7", "w5 w6 " * 20])
    assert [row.precision for row in verified.comparisons] == ["fp32", "int8"]
    fp32 = verified.comparisons[0]
    assert fp32.passed
    assert set(fp32.held) >= {"probability", "logit", "bias", "scores"}
    assert ("contributions" in fp32.held) is ADDITIVE[name]
    assert max(fp32.largest.values()) > 0  # float32 is never float64: the two were computed apart


def test_gates_that_the_reference_lacks_cannot_be_verified(models: Path) -> None:
    export(sequential(L.GRU(3, recurrent_activation="hard_sigmoid"), sigmoid()), models).close()
    with pytest.raises(BundleCorruptError, match="GRU with activations HardSigmoid, Tanh cannot"):
        verify("mine")


def test_timesteps_of_a_reversed_stack_belong_to_their_tokens(models: Path) -> None:
    model = sequential(L.LSTM(3, go_backwards=True, return_sequences=True), L.GlobalAveragePooling1D(), sigmoid())
    with export(model, models) as predictor:
        ids = predictor.tokenizer.encode(TEXT).ids.tolist()
        (found,) = predictor.predict([TEXT], detail="timesteps")
        states = keras.ops.convert_to_numpy(model.layers[1](model.layers[0](np.array([ids]))))[0][::-1]
        kernel, bias = model.layers[-1].get_weights()
        assert found.timesteps is not None
        for state, step in zip(states, found.timesteps, strict=True):
            assert step.contribution == pytest.approx(float((state @ kernel)[0]) / len(ids), abs=1e-5)
            assert step.positive == pytest.approx(1 / (1 + np.exp(-(state @ kernel + bias)[0])), abs=1e-5)


def test_a_model_without_a_mask_is_served_with_the_padding_of_its_fit(models: Path) -> None:
    model = sequential(L.LSTM(3), sigmoid(), mask=False)
    with export(model, models, pad_to=11) as predictor:
        ids = predictor.tokenizer.encode(TEXT).ids.tolist()
        (found,) = predictor.predict([TEXT], detail="timesteps")
        assert found.positive == pytest.approx(positive(model, ids + [0] * 4), abs=1e-5)
        assert found.timesteps is not None
        assert len(found.timesteps) == 7
        assert found.timesteps[-1].positive == pytest.approx(positive(model, ids), abs=1e-5)
        assert found.timesteps[-1].running == pytest.approx(found.positive, abs=1e-5)


def test_a_model_of_fixed_length_pads_and_cuts_texts_to_it(models: Path) -> None:
    model = sequential(L.GRU(3), sigmoid(), mask=False, time=5)
    with export(model, models) as predictor:
        (short, long) = predictor.predict(["w2 w3", TEXT])
        assert short.positive == pytest.approx(positive(model, [2, 3, 0, 0, 0]), abs=1e-5)
        assert long.positive == pytest.approx(positive(model, [2, 3, 1, 9, 4]), abs=1e-5)
        assert long.truncated


def test_a_text_vectorization_layer_gives_the_ids_of_the_served_model(models: Path) -> None:
    vectorizer = L.TextVectorization(output_sequence_length=9, vocabulary=WORDS)
    vectorizer.build((1,))
    model = sequential(L.LSTM(3), sigmoid(), mask=False)
    whole = keras.Sequential([keras.Input((1,), dtype="string"), vectorizer, model])
    texts = [TEXT, "W2\u00a0w3 w-4 don't", "w5 w6 w7 " * 5]
    expected = keras.ops.convert_to_numpy(whole(keras.ops.convert_to_tensor([[text] for text in texts])))[:, 0]
    with export(whole, models, vocabulary=None) as predictor:
        for text, value, found in zip(texts, expected, predictor.predict(texts), strict=True):
            assert found.positive == pytest.approx(float(value), abs=1e-5), text


def test_tokens_that_are_line_breaks_of_unicode_stay_tokens(models: Path) -> None:
    texts = ["w2 \x85 w3\x85w4 \u2028 w5", "\x85 w2 \x1c w6 \u2028\u2028", "\x0b w2 \u2029w3 w6\u3000w7"]
    vectorizer = L.TextVectorization(max_tokens=VOCABULARY)
    vectorizer.adapt(texts)
    assert {"\x85", "\u2028"} <= set(vectorizer.get_vocabulary())
    model = sequential(L.LSTM(3), sigmoid())
    whole = keras.Sequential([keras.Input((1,), dtype="string"), vectorizer, model])
    with export(whole, models, vocabulary=None) as predictor:
        for text, found in zip(texts, predictor.predict(texts), strict=True):
            assert found.positive == pytest.approx(
                positive(model, np.asarray(vectorizer([text]))[0].tolist()), abs=1e-5
            )


def documented(language: str, word: str) -> str:
    """The code block of the documentation in that language with that word."""
    blocks = re.findall(rf"```{language}\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    return next(block for block in blocks if word in block)


def test_the_documented_example_is_fitted_exported_served_and_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    block = documented("python", "adapt")
    assert len(block.strip().splitlines()) <= 12
    monkeypatch.chdir(tmp_path)
    keras.utils.set_random_seed(0)
    exec(block.replace("64", "3").replace("20_000", "20").replace("] * 50", "] * 4"), {})
    export_line, variable, predict_line, serve_line = documented("sh", "mine.keras").strip().splitlines()
    result = CliRunner().invoke(main, shlex.split(export_line, comments=True)[3:])
    assert result.exit_code == 0, result.output
    monkeypatch.setenv(*shlex.split(variable, comments=True)[1].split("="))

    model = keras.models.load_model("mine.keras")
    expected = float(model(keras.ops.convert_to_tensor([["Warm, and never dull"]]))[0, 0])
    result = CliRunner().invoke(sentiline_main, [*shlex.split(predict_line)[1:], "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.output)["predictions"][0]["positive"] == pytest.approx(expected, abs=1e-5)

    port = free_port()
    command = [sys.executable, "-m", *shlex.split(serve_line), "--port", str(port)]
    with (tmp_path / "log.txt").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | {"PYTHONPATH": str(ROOT)})
    try:
        curl = documented("sh", "curl").replace("\\\n", " ").replace(":3000", f":{port}")
        _, _, url, _, header, _, body = shlex.split(curl)
        transport = httpx.HTTPTransport(retries=12)  # until the server accepts connections, waiting ever longer
        with httpx.Client(transport=transport, timeout=180) as client:
            response = client.post(url, content=body, headers=[header.split(": ")])
        assert response.status_code == 200, response.text
        (answer,) = response.json()["predictions"]
    finally:
        process.terminate()
        process.wait(60)
    assert answer["positive"] == pytest.approx(expected, abs=1e-5)
    assert [step["token"] for step in answer["timesteps"]] == ["Warm,", "and", "never", "dull"]
    assert all(step["contribution"] is not None for step in answer["timesteps"])


def test_without_a_vocabulary_two_graphs_are_written_and_written_again(tmp_path: Path) -> None:
    sequential(L.LSTM(3, return_sequences=True)).save(tmp_path / "states.keras")
    for _ in range(2):
        result = CliRunner().invoke(main, ["export", str(tmp_path / "states.keras")])
        assert result.exit_code == 0, result.output
    graph = onnx.load(tmp_path / "states" / "model.onnx")
    assert [value.name for value in graph.graph.input] == ["input_ids", "lengths"]
    assert (tmp_path / "states" / "model.int8.onnx").exists()
    (tmp_path / "states" / "notes.txt").write_text("mine", encoding="utf-8")
    result = CliRunner().invoke(main, ["export", str(tmp_path / "states.keras")])
    assert result.exit_code == 1
    assert "will not be replaced" in result.output


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (lambda: sequential(L.LSTM(3, return_sequences=True), sigmoid()), "1 sigmoid value.s. per timestep"),
        (lambda: sequential(L.LSTM(3), L.Dense(1)), "1 linear value"),
        (lambda: sequential(L.LSTM(3), L.Dense(3, activation="softmax")), "3 softmax value"),
        (ARCHITECTURES["features"], "reads features, not token ids"),
        (lambda: lively(keras.Sequential([L.Input((None,)), L.Embedding(9, 2), L.LSTM(2), sigmoid()])), "only 9 rows"),
    ],
)
def test_what_cannot_be_a_bundle_is_refused(model: Callable[[], keras.Model], message: str, models: Path) -> None:
    with pytest.raises(ExportError, match=message):
        export(model(), models)
    assert not (models / "mine").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"good\nbad\ngood\n", "'good' twice .token 3"), (b"\n[UNK]\n", "no tokens"), (b"\xff", "cannot be read")],
)
def test_a_vocabulary_that_is_none_is_refused(content: bytes, message: str, models: Path) -> None:
    (models.parent / "vocabulary.txt").write_bytes(content)
    with pytest.raises(DataError, match=message):
        export(sequential(L.LSTM(3), sigmoid()), models)


def test_a_layer_that_does_not_split_into_words_is_refused(models: Path) -> None:
    vectorizer = L.TextVectorization(ngrams=2, vocabulary=WORDS)
    path = models.parent / "vectorizer.keras"
    keras.Sequential([keras.Input((1,), dtype="string"), vectorizer]).save(path)
    with pytest.raises(ExportError, match="has ngrams=2, which cannot"):
        export(sequential(L.LSTM(3), sigmoid()), models, vocabulary=path)


def test_files_and_options_of_the_other_form_are_refused(tmp_path: Path) -> None:
    (tmp_path / "broken.keras").write_text("no zip", encoding="utf-8")
    for arguments, message in (
        (["missing.keras"], "missing.keras is not a file"),
        (["broken.keras"], "broken.keras cannot be loaded as a Keras model"),
        (["broken.keras", "--data", "a.csv"], "--data is for a run folder, not for a .keras file"),
        (["run", "--vocabulary", "v.txt"], "--vocabulary is for a .keras file, not for a run folder"),
    ):
        result = CliRunner().invoke(main, ["export", str(tmp_path / arguments[0]), *arguments[1:]])
        assert result.exit_code in (1, 2)
        assert message in " ".join(result.output.split()).replace(f"{tmp_path}/", ""), result.output
