"""`sentiline verify` on every form of graph that is exported, intact and tampered with."""

from __future__ import annotations

import dataclasses
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from sentiline.cli.main import main
from sentiline.errors import BundleCorruptError, SentilineError
from sentiline.tokenizer import SPECIAL_TOKENS, Tokenizer, split
from sentiline.verification.onnx_weights import read_weights
from sentiline.verification.verify import RNN_TOLERANCE, TEXTS, TOLERANCE, verify
from tests.bundles import seal

onnx = pytest.importorskip("onnx")
pytest.importorskip("tensorflow")

export = pytest.importorskip("training.export.convert")
model = pytest.importorskip("training.nn.model")
presets = pytest.importorskip("training.config.presets")

PRESETS = ["bilstm", "bilstm-stacked", "bigru", "lstm", "gru", "rnn", "birnn-mse", "lstm-1", "gru-1", "gru-100"]
VOCABULARY = [*SPECIAL_TOKENS, *sorted({token for text in TEXTS for token in split(text)[0] if token[0] not in "zwb"})]


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A bundle for any preset, small and with random weights, in float32 and int8."""
    root, made = tmp_path_factory.mktemp("bundles"), {}

    def get(name: str) -> Path:
        if name not in made:
            made[name] = _write(root / name, presets.PRESETS[name])
        return made[name]

    return get


def _write(folder: Path, preset: Any) -> Path:
    units = 1 if preset.head == "unit" else 5
    config = dataclasses.replace(preset, units=units, embedding=6, hidden=4 if preset.hidden else 0)
    network = model.SentimentModel(config, len(VOCABULARY))
    network.build()
    rng = np.random.default_rng(0)
    for weight in network.weights:
        if "seed" not in weight.name:
            weight.assign(0.6 * rng.standard_normal(weight.shape))
    graph = export.to_onnx(network)
    folder.mkdir()
    onnx.save(graph, folder / "model.onnx")
    onnx.save(export.quantize(graph), folder / "model.int8.onnx")
    (folder / "tokenizer.json").write_text(Tokenizer(VOCABULARY, max_tokens=200).to_json(), encoding="utf-8")
    seal(
        folder,
        {
            "format": 1,
            "name": folder.name,
            "version": "0.0.1",
            "architecture": {"head": config.head},
            "additive": config.head != "timesteps",
            "precisions": {"fp32": "model.onnx", "int8": "model.int8.onnx"},
            "default_precision": "fp32",
            "tokenizer": "tokenizer.json",
        },
    )
    return folder


def _reseal(folder: Path, **changes: Any) -> Path:
    document = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    del document["files"]
    seal(folder, document | changes)
    return folder


@pytest.mark.parametrize("preset", PRESETS)
def test_exported_graphs_agree_with_the_reference(preset: str, bundles: Any) -> None:
    found = verify(bundles(preset))
    assert found.texts == len(TEXTS)
    assert found.timesteps > 300
    exact = [row for row in found.comparisons if row.precision == "fp32"]
    assert [row.runs for row in exact] == ["one by one", "padded batch"]
    additive = {"contributions"} if preset != "birnn-mse" else set()
    for row in exact:
        assert row.tolerance == (RNN_TOLERANCE if preset == "rnn" else TOLERANCE)
        assert set(row.held) == set(row.largest) == {"probability", "logit", "bias", "scores"} | additive
        assert max(row.largest.values()) <= row.tolerance
        assert row.largest["probability"] > 0  # float32 is never float64: the two were computed apart
    assert found.passed


@pytest.mark.parametrize(("preset", "exact"), [("gru", True), ("lstm", False)])
def test_a_bundle_with_int8_alone_says_so(preset: str, exact: bool, bundles: Any, tmp_path: Path) -> None:
    folder = tmp_path / preset
    shutil.copytree(bundles(preset), folder)
    (folder / "model.onnx").unlink()
    _reseal(folder, precisions={"int8": "model.int8.onnx"}, default_precision="int8")
    found = verify(folder)
    assert {row.weights for row in found.comparisons} == {"int8, multiplied out"}
    # a GRU graph rounds its word vectors alone, once and for all; an LSTM graph rounds activations as it runs, too
    assert {row.held == ("probability",) for row in found.comparisons} == {not exact}
    assert found.passed


def _edited(bundle: Path, folder: Path, edit: Any) -> Path:
    shutil.copytree(bundle, folder)
    graph = onnx.load(folder / "model.onnx")
    edit(graph.graph)
    onnx.save(graph, folder / "model.onnx")
    return _reseal(folder)


def test_a_graph_that_ignores_lengths_is_found_out(bundles: Any, tmp_path: Path) -> None:
    def forget_lengths(graph: Any) -> None:
        (node,) = (node for node in graph.node if node.op_type == "LSTM")
        node.input[4] = ""

    found = verify(_edited(bundles("bilstm"), tmp_path / "bilstm", forget_lengths))
    assert [row.passed for row in found.comparisons if row.precision == "fp32"] == [True, False]
    assert not found.passed


def test_a_graph_with_one_output_off_is_found_out(bundles: Any, tmp_path: Path) -> None:
    def scale_scores(graph: Any) -> None:
        (node,) = (node for node in graph.node if "scores" in node.output)
        node.output[0] = "unscaled"
        graph.initializer.append(onnx.numpy_helper.from_array(np.array(1.0001, np.float32), "scale"))
        graph.node.append(onnx.helper.make_node("Mul", ["unscaled", "scale"], ["scores"]))

    folder = _edited(bundles("gru-100"), tmp_path / "gru-100", scale_scores)
    found = verify(folder)
    row = found.comparisons[0]
    assert {name for name in row.held if row.largest[name] > row.tolerance} == {"scores"}
    result = CliRunner().invoke(main, ["verify", str(folder)])
    assert result.exit_code == 1
    assert "FAILED" in result.output


def test_weights_are_read_where_they_are(bundles: Any) -> None:
    folder = bundles("bilstm")
    weights = read_weights((folder / "model.onnx").read_bytes(), "pooling", "model.onnx")
    assert weights.embedding.shape == (len(VOCABULARY), 6)
    assert [params["W"].shape for params in weights.layers[0].params] == [(6, 20), (6, 20)]
    assert {name: value.shape for name, value in weights.head.items()} == {
        "attention": (10,),
        "w_mean": (10,),
        "w_attention": (10,),
        "bias": (),
    }
    rounded = read_weights((folder / "model.int8.onnx").read_bytes(), "pooling", "model.int8.onnx")
    assert (weights.dequantized, rounded.dequantized) == (False, True)
    step = np.ptp(weights.embedding) / 255
    assert 0 < np.abs(rounded.embedding - weights.embedding).max() <= 0.51 * step
    for own, other in zip(weights.layers[0].params, rounded.layers[0].params, strict=True):
        for name in own:
            bound = 0.51 * 2 * np.abs(own[name]).max() / 254
            assert np.abs(own[name] - other[name]).max() <= bound


@pytest.mark.parametrize(
    ("content", "head", "what"),
    [
        (b"no graph at all", "pooling", "not an ONNX graph"),
        (None, "last", r'a head "last" with other matrices: \[10, 3\]'),
    ],
)
def test_other_graphs_are_refused(content: bytes | None, head: str, what: str, bundles: Any) -> None:
    with pytest.raises(BundleCorruptError, match=what):
        read_weights(content or (bundles("bilstm") / "model.onnx").read_bytes(), head, "model.onnx")


def test_an_architecture_without_a_head_is_refused(bundles: Any, tmp_path: Path) -> None:
    folder = tmp_path / "bilstm"
    shutil.copytree(bundles("bilstm"), folder)
    with pytest.raises(BundleCorruptError, match='"head" is None'):
        verify(_reseal(folder, architecture={}))


def test_without_onnx_the_remedy_is_named(bundles: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(SentilineError, match="pip install onnx"):
        verify(bundles("bilstm"))


def test_the_command_prints_the_largest_differences(bundles: Any, tmp_path: Path) -> None:
    folder = str(bundles("bilstm"))
    (tmp_path / "review.txt").write_text("A film about a brother.", encoding="utf-8")
    shown = CliRunner().invoke(main, ["verify", folder])
    assert shown.exit_code == 0, shown.output
    assert "largest difference" in shown.output
    as_json = CliRunner().invoke(main, ["verify", folder, "--json", "--file", str(tmp_path / "review.txt")])
    assert as_json.exit_code == 0, as_json.output
    (found,) = json.loads(as_json.output)["verifications"]
    assert (found["model"], found["texts"], found["timesteps"], found["passed"]) == ("bilstm 0.0.1", 1, 5, True)
    assert [row["precision"] for row in found["comparisons"]] == ["fp32", "fp32", "int8"]
    missing = CliRunner().invoke(main, ["verify", "no-such-model"])
    assert missing.exit_code == 1
    assert "no model named" in missing.output
