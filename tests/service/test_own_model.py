"""Your own model, end to end: a labelled file, a fit, a folder; served by name, on the command line, in batch."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from huggingface_hub import InferenceClient

import sentiline
from tests.service.error_checks import check_error
from tests.service.server import ROOT, Server

ROWS = 300
RECIPE = {
    "units": 6,
    "embedding": 12,
    "vocabulary": 120,
    "epochs": 4,
    "adversarial": 0,
    "batch-size": 16,
    "learning-rate": 0.03,
    "max-tokens": 40,
    "served-tokens": 40,
    "validation": 0.2,
    "threads": 1,
}
"""Options of the fit: sizes at which it takes seconds."""

_THINGS = ("the kettle", "this tent", "my bicycle lamp", "the garden hose", "that rucksack", "the desk fan")
_PRAISE = ("is sturdy and silent", "works flawlessly", "is worth every penny", "exceeded my hopes", "is a bargain")
_BLAME = ("leaks and rattles", "broke within a week", "is a waste of money", "arrived scratched", "smells of glue")
_ASIDES = ("after a month", "so far", "in daily use", "to be fair", "as far as I can tell", "on the second try")

TEXTS = [
    "The kettle works flawlessly, and this tent is worth every penny!",
    "My bicycle lamp broke within a week. The desk fan leaks and rattles 😡.",
    "That rucksack exceeded my hopes, but the garden hose arrived scratched…",
    'An unheard-of gizmo: "bargain", they said; <b>is a bargain</b> so far',
    " ".join(f"{thing} is sturdy and silent {aside}," for thing in _THINGS for aside in _ASIDES),  # is truncated
]


def write_csv(path: Path) -> None:
    """A few hundred reviews of household things, made of phrases; half of them praise."""
    chance = random.Random(5)
    rows: dict[str, str] = {}
    while len(rows) < ROWS:
        label = ("negative", "positive")[len(rows) % 2]
        phrases = _PRAISE if label == "positive" else _BLAME
        clauses = [
            f"{chance.choice(_THINGS)} {chance.choice(phrases)} {chance.choice(_ASIDES)}".capitalize()
            for _ in range(chance.randint(1, 3))
        ]
        rows.setdefault(". ".join(clauses) + chance.choice(".!"), label)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        writer.writerows(rows.items())


def command(*arguments: object, models: Path) -> str:
    """`python -m …` as a user of this checkout runs it; its standard output."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("SENTILINE_")}
    environment |= {"SENTILINE_MODELS": str(models), "CUDA_VISIBLE_DEVICES": "-1"}
    done = subprocess.run(
        [sys.executable, "-m", *map(str, arguments)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_from_a_labelled_file_to_every_way_of_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounted = tmp_path / "mounted"
    mounted.mkdir()
    write_csv(tmp_path / "my.csv")
    with (
        Server(tmp_path / "home", single_process=True, SENTILINE_MODELS=str(mounted), SENTILINE_THREADS="1") as server,
        httpx.Client(base_url=server.url, timeout=120) as client,
    ):
        server.wait_until_ready()
        asked = {"inputs": TEXTS, "model": "mine"}
        check_error(client.post("/predict", json=asked), 404, "model_not_found", "model")

        flags = [f"--{name}={value}" for name, value in RECIPE.items()]
        data = f"--data={tmp_path / 'my.csv'}"
        places = (f"--run={tmp_path / 'run'}", f"--to={mounted / 'mine'}", "--version=2.1.0")
        command("training", "fit", "bilstm", data, "--name=mine", *places, *flags, models=mounted)

        # the server that was running all along now has it
        answer = client.post("/predict", json=asked)
        assert answer.status_code == 200, answer.text
        served = answer.json()
        _check_catalogue(client, mounted / "mine")
        _check_protocols(server, client, served["predictions"])

    assert (served["model"], served["version"]) == ("mine", "2.1.0")
    predictions = served["predictions"]
    assert [prediction["label"] for prediction in predictions[:2]] == ["POSITIVE", "NEGATIVE"]  # it learned to
    assert [prediction["truncated"] for prediction in predictions] == [False] * 4 + [True]
    assert predictions[3]["unknown_tokens"] > 0

    monkeypatch.setenv("SENTILINE_MODELS", str(mounted))
    with sentiline.load("mine", threads=1) as predictor:
        found = [(one.label, one.score, one.logit) for one in predictor.predict(TEXTS)]
    assert found == [(one["label"], one["score"], one["logit"]) for one in predictions]
    printed = command("sentiline", "predict", "--model", "mine", "--json", "--", *TEXTS, models=mounted)
    assert json.loads(printed) == served
    listed = json.loads(command("sentiline", "models", "--json", models=mounted))["models"]
    assert ("mine", "2.1.0", None) in [(entry["name"], entry.get("version"), entry["error"]) for entry in listed]
    _check_batch(tmp_path, mounted, predictions)


def _check_catalogue(client: httpx.Client, folder: Path) -> None:
    """`/models` and `/info` list it, with the digest of what lies in the folder."""
    digest = hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()
    for path in ("/models", "/info"):
        [entry] = [model for model in client.get(path).json()["models"] if model["name"] == "mine"]
        assert (entry["state"], entry["version"], entry["digest"]) == ("loaded", "2.1.0", f"sha256:{digest}")
        assert (entry["max_tokens"], entry["additive"]) == (RECIPE["served-tokens"], True)


def _check_protocols(server: Server, client: httpx.Client, predictions: list[dict[str, Any]]) -> None:
    """The same verdicts by `/hf` with its client and by `/v2`."""
    hub = InferenceClient(base_url=f"{server.url}/hf/models/mine", timeout=120)
    for text, prediction in zip(TEXTS, predictions, strict=True):
        [best] = hub.text_classification(text, top_k=1)
        assert (best.label, best.score) == (prediction["label"], prediction["score"])
    tensor = {"name": "text", "shape": [len(TEXTS)], "datatype": "BYTES", "data": TEXTS}
    answer = client.post("/v2/models/mine/versions/2.1.0/infer", json={"inputs": [tensor]}).json()
    labels, scores = (output["data"] for output in answer["outputs"][:2])
    assert (answer["model_name"], answer["model_version"]) == ("mine", "2.1.0")
    assert labels == [prediction["label"] for prediction in predictions]
    assert scores == [float(np.float32(prediction["score"])) for prediction in predictions]


def _check_batch(folder: Path, models: Path, predictions: list[dict[str, Any]]) -> None:
    """The same numbers by `sentiline score`, in JSON Lines with every token and in CSV."""
    with (folder / "in.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "text"])
        writer.writerows(enumerate(TEXTS))
    for output, options in (("out.jsonl", ["--timesteps"]), ("out.csv", [])):
        command(
            "sentiline", "score", folder / "in.csv", "-o", folder / output, "--model", "mine", *options, models=models
        )
    lines = [json.loads(line) for line in (folder / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    shared = ("label", "score", "positive", "tokens_total", "unknown_tokens", "truncated", "uncertain", "timesteps")
    assert [[line[key] for key in shared] for line in lines] == [[one[key] for key in shared] for one in predictions]
    with (folder / "out.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["text"] for row in rows] == TEXTS
    found = [(row["label"], float(row["score"]), float(row["positive"])) for row in rows]
    assert found == [(one["label"], one["score"], one["positive"]) for one in predictions]
