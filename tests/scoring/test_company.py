"""A row gets the answer of its text alone, whatever the format and the rows around it."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from sentiline.predictor import load
from sentiline.scoring.options import ScoreOptions
from sentiline.scoring.pipeline import score_files
from tests.bundles import UNSURE, write_bundle
from tests.mixtures import mixture
from tests.scoring.files import write

TEXTS = mixture(1500, seed=4)


def read_output(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".parquet":
        return list(pq.read_table(path).to_pylist())
    with path.open(encoding="utf-8", newline="") as file:
        if path.suffix == ".jsonl":
            return [json.loads(line) for line in file]
        return [
            {
                key: json.loads(value) if key in ("score", "positive", "uncertain") else value
                for key, value in row.items()
            }
            for row in csv.DictReader(file)
        ]


@pytest.mark.parametrize("timesteps", [False, True])
@pytest.mark.parametrize("name", ["out.csv", "out.jsonl", "out.parquet"])
def test_rows_have_the_answer_of_their_text_alone(tmp_path: Path, name: str, timesteps: bool) -> None:
    if timesteps and name == "out.csv":
        pytest.skip("CSV has no nested columns")
    source = write(tmp_path / "in.jsonl", [{"text": text} for text in TEXTS])
    with load(write_bundle(tmp_path / "bilstm", max_tokens=400, manifest=UNSURE), threads=2) as predictor:
        score_files(predictor, [str(source)], tmp_path / name, ScoreOptions(timesteps=timesteps))
        for text, row in zip(TEXTS, read_output(tmp_path / name), strict=True):
            (alone,) = predictor.predict([text])
            expected = (alone.label, alone.score, alone.positive, alone.uncertain)
            assert (row["label"], row["score"], row["positive"], row["uncertain"]) == expected
