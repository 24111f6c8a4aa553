"""What the repository may hold: no path of one machine, no package index, and models that match their manifests."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import onnx
import pytest

from sentiline.bundle import installed

ROOT = Path(__file__).resolve().parents[2]
ENCODER = ROOT / "models" / "encoder"
"""Pre-trained weights to start a fit from; not a bundle, so that nothing serves them."""
MODELS = sorted(path for path in (ROOT / "models").iterdir() if path.is_dir() and path != ENCODER)
MODELS_LIMIT = 40 * 2**20
"""Bytes that all models together may take, to keep clones and the wheel small."""
ENCODER_LIMIT = 12 * 10**6
"""Bytes that the encoder's weights may take."""

INDEX = re.compile(
    rb"pypi\.org|pythonhosted\.org|registry\.npmjs|anaconda\.org|deb\.debian\.org|(?:archive|ports)\.ubuntu\.com"
    rb"|(?:index-url|find-links|(?:PIP|UV)_\w*INDEX\w*)[\"']?[\s=:]+[\"']?(?:\w+://|/)",
)
MACHINE_PATH = re.compile(rb"(?<![\w.~$})/-])/(?:work|root|home/\w+|Users/\w+|opt/pypi)/\w|\b[A-Z]:\\Users\\")
SHARED = re.compile(rb"\.\./shared\b")
MAY_NAME_SHARED = (".ci/run", "tests/conftest.py", "benchmarks/")

RECURRENT = {"LSTM", "GRU", "RNN", "DynamicQuantizeLSTM"}
SEQUENCE_LENS = 4
"""Index of the input `sequence_lens`, the same for all of them."""


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    """The content of every file that is tracked, or new and not ignored, by path."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    names = listed.stdout.decode().rstrip("\0").split("\0")
    contents = {name: (ROOT / name).read_bytes() for name in names if (ROOT / name).is_file()}
    assert {"pyproject.toml", "tests/house/test_repo.py"} <= contents.keys()
    return contents


def matches(files: dict[str, bytes], pattern: re.Pattern[bytes]) -> list[str]:
    return [
        f"{name}:{len(content[: found.start()].splitlines()) or 1}: {found.group().decode(errors='replace')}"
        for name, content in files.items()
        for found in pattern.finditer(content)
    ]


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (INDEX, b"https://" + b"py" + b"pi.org/simple"),
        (INDEX, b"--index" + b"-url https://packages.example"),
        (INDEX, b"PIP_EXTRA_" + b"INDEX_URL=file:///wheels"),
        (MACHINE_PATH, b'"/ho' + b'me/ann/x"'),
    ],
)
def test_the_patterns_match_what_they_are_for(pattern: re.Pattern[bytes], text: bytes) -> None:
    assert matches({"file": b"one\n" + text}, pattern)


def test_no_file_names_a_package_index(files: dict[str, bytes]) -> None:
    assert matches(files, INDEX) == []


def test_no_file_holds_a_machines_own_path(files: dict[str, bytes]) -> None:
    assert matches(files, MACHINE_PATH) == []


def test_the_folder_beside_the_checkout_is_named_only_where_it_may_be_missing(files: dict[str, bytes]) -> None:
    others = {name: content for name, content in files.items() if not name.startswith(MAY_NAME_SHARED)}
    assert matches(others, SHARED) == []


def test_requirements_are_pinned_with_hashes(files: dict[str, bytes]) -> None:
    for name in ("core", "batch", "serve", "train", "torch", "dev"):
        text = files[f"requirements/{name}.txt"].decode().replace("\\\n", " ")
        entries = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
        assert entries
        assert [
            entry for entry in entries if not re.match(r"[\w.-]+==[\w.]+ .*--hash=sha256:[0-9a-f]{64}", entry)
        ] == []


def test_the_default_model_is_shipped() -> None:
    assert "bilstm" in [model.name for model in MODELS]


def test_models_stay_below_their_limit() -> None:
    sizes = {
        str(path.relative_to(ROOT)): path.stat().st_size for path in (ROOT / "models").rglob("*") if path.is_file()
    }
    assert sum(sizes.values()) <= MODELS_LIMIT, sizes


def test_the_encoder_stays_below_its_limit_and_is_no_model() -> None:
    assert sorted(path.name for path in ENCODER.iterdir()) == [
        "README.md",
        "curves.png",
        "encoder.npz",
        "short-texts.npz",
        "verdicts.npz",
    ]
    assert (ENCODER / "encoder.npz").stat().st_size <= ENCODER_LIMIT
    assert "encoder" not in installed({"SENTILINE_MODELS": str(ROOT / "models")})


@pytest.mark.parametrize("model", MODELS, ids=lambda path: path.name)
def test_the_manifest_lists_exactly_the_files_there_are(model: Path) -> None:
    listed = json.loads((model / "manifest.json").read_text(encoding="utf-8"))["files"]
    found = {
        path.relative_to(model).as_posix(): {
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "bytes": path.stat().st_size,
        }
        for path in model.rglob("*")
        if path.is_file() and path.name != "manifest.json"
    }
    assert listed == found


@pytest.mark.parametrize("model", MODELS, ids=lambda path: path.name)
def test_graphs_have_fused_recurrent_layers_that_know_each_length(model: Path) -> None:
    graphs = sorted(model.glob("*.onnx"))
    assert graphs
    for path in graphs:
        nodes = list(nodes_of(onnx.load(path)))
        assert not {"Loop", "Scan"} & {node.op_type for node in nodes}, path.name
        recurrent = [node for node in nodes if node.op_type in RECURRENT]
        assert recurrent, path.name
        without = [node.name for node in recurrent if len(node.input) <= SEQUENCE_LENS or not node.input[SEQUENCE_LENS]]
        assert without == [], path.name


def nodes_of(model: onnx.ModelProto) -> Iterator[onnx.NodeProto]:
    """Yield every node of a model, those of subgraphs and local functions included."""
    waiting = [*model.graph.node, *(node for function in model.functions for node in function.node)]
    while waiting:
        node = waiting.pop()
        yield node
        for attribute in node.attribute:
            for graph in (attribute.g, *attribute.graphs):
                waiting.extend(graph.node)
