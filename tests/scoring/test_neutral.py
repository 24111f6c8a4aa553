"""Labels of three classes in scored files and tables: columns, summary, resuming, and the refusal of other models."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

import sentiline
from sentiline.cli.main import main
from sentiline.errors import DataFileError, OptionError
from sentiline.predictor import Predictor, load
from tests.bundles import THREE_WAY, write_bundle

TEXTS = ["I loved it", "so boring: the worst", "", "It is a film about the plot"]
ADDED = ["label", "score", "positive", "probability_negative", "probability_neutral", "probability_positive"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Predictor]:
    with load(write_bundle(tmp_path_factory.mktemp("models") / "threeway", manifest=THREE_WAY), threads=2) as loaded:
        yield loaded


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "in.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["text"], *([text] for text in TEXTS)])
    return path


def expected(model: Predictor) -> list[dict[str, Any] | None]:
    return [
        None
        if isinstance(one, Exception)
        else {"label": one.label, "score": one.score, "positive": one.positive}
        | {f"probability_{name}": value for name, value in one.as_dict()["probabilities"].items()}
        for one in model.read_each(TEXTS, neutral=True)
    ]


def read(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".parquet":
        return list(pq.read_table(path).to_pylist())
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    with path.open(newline="", encoding="utf-8") as file:
        return [
            {key: float(value) if key[0] in "sp" and value else value for key, value in row.items()}
            for row in csv.DictReader(file)
        ]


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_files_get_a_column_for_each_probability(model: Predictor, source: Path, suffix: str) -> None:
    target = source.with_name(f"out{suffix}")
    summary = sentiline.score(source, target, model=model, neutral=True)
    rows = read(target)
    assert [name for name in rows[0] if name in ADDED] == ADDED
    for row, one in zip(rows, expected(model), strict=True):
        if one is None:
            assert not any(row[name] for name in ADDED)
        else:
            assert {name: row[name] for name in ADDED} == one
    labels = [row["label"] for row in rows]
    assert (summary.positive, summary.neutral) == (labels.count("POSITIVE"), labels.count("NEUTRAL"))


def test_without_the_option_files_are_as_ever(model: Predictor, source: Path) -> None:
    summary = sentiline.score(source, source.with_name("out.csv"), model=model)
    assert summary.neutral is None
    header = source.with_name("out.csv").read_text(encoding="utf-8").splitlines()[0]
    assert header == "text,label,score,positive,tokens_total,unknown_tokens,truncated,uncertain,error"


def test_tables_get_the_columns(model: Predictor) -> None:
    scored = sentiline.score(pa.table({"text": TEXTS}), model=model, neutral=True, prefix="s_")
    assert scored.column_names[:7] == ["text", *(f"s_{name}" for name in ADDED)]
    for row, one in zip(scored.to_pylist(), expected(model), strict=True):
        assert {name: row[f"s_{name}"] for name in ADDED} == (one or dict.fromkeys(ADDED))


def test_a_run_is_not_resumed_with_other_classes(model: Predictor, source: Path) -> None:
    target = source.with_name("out.csv")

    def stop(_progress: object) -> None:
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        sentiline.score(source, target, model=model, neutral=True, report=stop)
    with pytest.raises(DataFileError, match="options changed"):
        sentiline.score(source, target, model=model, resume=True)
    assert sentiline.score(source, target, model=model, neutral=True, resume=True).rows == len(TEXTS)


def test_a_model_without_cut_points_refuses_before_it_writes(tmp_path: Path, source: Path) -> None:
    plain = write_bundle(tmp_path / "models" / "plain")
    target = tmp_path / "out.csv"
    for arguments in ([], ["--check"]):
        result = CliRunner().invoke(main, ["score", str(source), "-o", str(target), "--model", str(plain), "--neutral",
                                           *arguments])  # fmt: skip
        assert result.exit_code == 2
        assert "model plain 0.0.1 has no cut points" in result.output
    with load(plain, threads=1) as predictor, pytest.raises(OptionError, match="leave neutral out"):
        sentiline.score(pa.table({"text": TEXTS}), model=predictor, neutral=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.csv", "models"]


def test_the_command_predicts_and_scores_with_three_labels(model: Predictor, source: Path) -> None:
    path = str(model.bundle.path)
    result = CliRunner().invoke(main, ["predict", TEXTS[3], "--model", path, "--neutral", "--detail", "none"])
    assert result.exit_code == 0, result.output
    [prediction] = model.predict([TEXTS[3]], neutral=True)
    assert prediction.label in result.output
    assert "negative " in result.output
    assert ", neutral " in result.output
    answer = CliRunner().invoke(main, ["predict", TEXTS[3], "--model", path, "--neutral", "--json"])
    assert json.loads(answer.output) == model.answer(model.read([TEXTS[3]], neutral=True), "timesteps")
    report = source.with_name("report.html")
    arguments = ["score", str(source), "-o", str(source.with_name("o.csv")), "--neutral", "--model", path]
    scored = CliRunner().invoke(main, [*arguments, "--report", str(report)])
    assert scored.exit_code == 0, scored.output
    assert "% neutral" in scored.output
    assert "<dt>neutral</dt>" in report.read_text(encoding="utf-8")


@pytest.mark.parametrize("value", ["yes", 1])
def test_the_option_is_a_flag(model: Predictor, value: Any) -> None:
    with pytest.raises(OptionError, match="must be True or False"):
        sentiline.score(pa.table({"text": TEXTS}), model=model, neutral=value)
