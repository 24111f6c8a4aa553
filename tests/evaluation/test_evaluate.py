"""Evaluations of files against plain loops, scikit-learn and training's own figures; every row is accounted for."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, log_loss, recall_score, roc_auc_score

from sentiline.errors import DataFileError, OptionError
from sentiline.evaluation.evaluate import EvaluationOptions, evaluate_files
from sentiline.labels import Scheme
from sentiline.predictor import Predictor, load
from tests.bundles import THREE_WAY, write_bundle
from training.data.review import Review
from training.evaluation.evaluate import evaluate as evaluate_reviews

OPTIONS = EvaluationOptions(text_column="review", label_column="stars")


def test_metrics_equal_those_of_a_plain_loop_and_of_scikit_learn(
    predictors: list[Predictor], labelled: list[tuple[str, int]], file: Path
) -> None:
    evaluation = evaluate_files(predictors, [str(file)], OPTIONS)
    assert (evaluation.data.rows, evaluation.data.evaluated, evaluation.data.scheme) == (1500, 1500, "stars5")
    assert [model.accuracy for model in evaluation.models] == sorted(
        (model.accuracy for model in evaluation.models), reverse=True
    )
    truths = [label for _, label in labelled]
    share = sum(truths) / len(truths)
    assert evaluation.data.majority == ("POSITIVE" if share >= 0.5 else "NEGATIVE", max(share, 1 - share))
    for predictor in predictors:
        [model] = [model for model in evaluation.models if model.name == predictor.manifest.name]
        right = tokens = unknown = truncated = certain = certain_right = 0
        positive = []
        for text, label in labelled:
            [answer] = predictor.predict([text])
            right += (answer.label == "POSITIVE") == (label == 1)
            tokens += answer.tokens_used
            unknown += answer.unknown_tokens
            truncated += answer.truncated
            certain += answer.uncertain is False
            certain_right += answer.uncertain is False and (answer.label == "POSITIVE") == (label == 1)
            positive.append(answer.positive)
        predicted = [one >= 0.5 for one in positive]
        assert model.accuracy == right / 1500 == accuracy_score(truths, predicted)
        assert model.macro_f1 == pytest.approx(f1_score(truths, predicted, average="macro"), abs=1e-12)
        assert model.roc_auc == pytest.approx(roc_auc_score(truths, positive), abs=1e-12)
        assert model.log_loss == pytest.approx(log_loss(truths, positive), abs=1e-6)
        assert model.unknown_tokens == unknown / tokens > 0
        assert model.truncated == truncated / 1500
        if predictor.manifest.name == "bilstm":
            assert 0 < certain < 1500
            assert (model.uncertain, model.certain_accuracy) == ((1500 - certain) / 1500, certain_right / certain)
        else:
            assert (certain, model.uncertain, model.certain_accuracy) == (0, None, None)
        assert model.interval[0] < model.accuracy < model.interval[1]
    assert {model.name: model.truncated > 0 for model in evaluation.models} == {"bilstm": False, "plain": True}


def test_extreme_thresholds_make_every_verdict_uncertain_or_certain(file: Path, tmp_path: Path) -> None:
    thresholds = {"nothing": (1.0, 0.0), "everything": (0.5, 1.0)}
    for name, (confidence, rate) in thresholds.items():
        entry = {"confidence": confidence, "unknown_rate": rate}
        with load(write_bundle(tmp_path / name, manifest={"uncertainty": entry}), threads=1) as predictor:
            [model] = evaluate_files([predictor], [str(file)], OPTIONS).models
        expected = (1.0, None) if name == "nothing" else (0.0, model.accuracy)
        assert (model.uncertain, model.certain_accuracy) == expected


def test_accuracy_equals_that_of_the_training_command(
    predictors: list[Predictor], labelled: list[tuple[str, int]], file: Path
) -> None:
    reviews = [Review(text, 1 if label else 0) for text, label in labelled]
    found = {model.name: model for model in evaluate_files(predictors, [str(file)], OPTIONS).models}
    for predictor in predictors:
        expected = evaluate_reviews(predictor, reviews)
        model = found[predictor.manifest.name]
        assert round(100 * model.accuracy, 4) == expected.accuracy
        assert round(model.log_loss, 6) == expected.loss
        assert model.confusion.false_positives == expected.false_positives
        assert model.confusion.false_negatives == expected.false_negatives
        assert round(100 * model.unknown_tokens, 4) == expected.unknown_tokens


def test_the_worst_errors_name_their_misleading_tokens(
    predictors: list[Predictor], labelled: list[tuple[str, int]], file: Path
) -> None:
    found = {model.name: model for model in evaluate_files(predictors, [str(file)], OPTIONS).models}
    for predictor in predictors:
        readings = predictor.read([text for text, _ in labelled])
        wrong = [
            (abs(reading.logit), number)
            for number, (reading, (_, label)) in enumerate(zip(readings, labelled, strict=True))
            if (reading.label == "POSITIVE") != (label == 1)
        ]
        expected = sorted(wrong, key=lambda one: (-one[0], one[1]))[:5]
        mistakes = found[predictor.manifest.name].mistakes
        assert [mistake.excerpt.place for mistake in mistakes] == [
            f"{file}, line {number + 2}" for _, number in expected
        ]
        for mistake, (_, number) in zip(mistakes, expected, strict=True):
            text, label = labelled[number]
            assert mistake.excerpt.text == text
            assert (mistake.truth, mistake.predicted) == (
                ("POSITIVE", "NEGATIVE") if label else ("NEGATIVE", "POSITIVE")
            )
            reading = readings[number]
            effects = reading.contributions if reading.contributions is not None else reading.scores - 0.5
            pushing = sorted(
                (
                    value
                    for value in np.round(effects.astype(float), 4).tolist()
                    if (value < 0) == (label == 1) and value
                ),
                key=abs,
                reverse=True,
            )
            assert [value for _, value in mistake.misleading] == pushing[:5]
            assert all(token in text for token, _ in mistake.misleading)


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".jsonl", ".parquet", ".csv.gz"])
def test_every_format_gives_the_same_evaluation(
    predictors: list[Predictor], labelled: list[tuple[str, int]], file: Path, tmp_path: Path, ending: str
) -> None:
    from tests.scoring.files import write

    rows: list[dict[str, Any]] = [{"review": text, "stars": 5 if label else 1} for text, label in labelled[:200]]
    path = write(tmp_path / f"a{ending}", rows)
    evaluation = evaluate_files(predictors, [str(path)], OPTIONS)
    assert evaluation.data.evaluated == 200
    expected = evaluate_files(predictors, [str(write(tmp_path / "b.jsonl", rows))], OPTIONS)
    assert [model.accuracy for model in evaluation.models] == [model.accuracy for model in expected.models]
    assert [model.brier for model in evaluation.models] == [model.brier for model in expected.models]


ROWS = [
    {"text": "good", "label": "pos"},
    {"text": "bad", "label": "neg"},
    {"text": None, "label": "pos"},
    {"text": "...", "label": "neg"},
    {"text": 5, "label": "pos"},
    {"text": "good", "label": "neutral"},
    {"text": "good", "label": "5 stars, really"},
    {"text": "good"},
    {"text": "good", "label": " "},
    {"text": "good " * 40, "label": "pos"},
]


def test_every_row_is_evaluated_or_reported_by_line(predictors: list[Predictor], tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    data = evaluate_files(predictors, [str(path)], EvaluationOptions(truncation="error", max_characters=500)).data
    assert (data.rows, data.evaluated, data.positive, data.scheme) == (10, 2, 1, "names")
    assert {kind: [line for _, line in one.places] for kind, one in data.skipped.problems.items()} == {
        "missing_text": [3],
        "empty_text": [4],
        "invalid_type": [5],
        "neutral_label": [6],
        "unreadable_label": [7],
        "missing_label": [8, 9],
        "text_too_long": [10],  # for the second model, which reads 32 tokens: neither is judged by it
    }
    assert sum(one.count for one in data.skipped.problems.values()) + data.evaluated == data.rows
    assert (
        f"1 unreadable_label: a label that --labels does not know; {path}: 7 ('5 stars, really')"
        in data.skipped.lines()
    )


def test_the_places_of_skipped_rows_are_bounded(predictors: list[Predictor], tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,label\ngood,5\nbad,1\n" + "good,3\n" * 1_200, encoding="utf-8")
    data = evaluate_files(predictors[:1], [str(path)], EvaluationOptions(labels="stars5")).data
    problem = data.skipped.problems["neutral_label"]
    assert (problem.count, len(problem.places)) == (1200, 1000)
    assert data.evaluated == 2


@pytest.mark.parametrize(
    ("content", "options", "error", "message"),
    [
        (
            "text,stars\na,1\n",
            EvaluationOptions(),
            DataFileError,
            r"no column 'label'; name .* --label-column; .*'text', 'stars'",
        ),
        (
            "a,label\n1,1\n2,0\n",
            EvaluationOptions(),
            DataFileError,
            r"no column seems to be the text; name it with --text-column",
        ),
        (
            "text,label\na,1\nb,2\n",
            EvaluationOptions(),
            DataFileError,
            r"column 'label': .* do not tell their scheme.*--labels",
        ),
        (
            "text,label\na,3\n",
            EvaluationOptions(labels="stars5"),
            DataFileError,
            r"no row can be .* as stars5\n  1 neutral_label",
        ),
        (
            "text,label\na,1\n",
            EvaluationOptions(labels="stars"),
            OptionError,
            r"labels is 'stars'; it must be auto, binary",
        ),  # type: ignore[arg-type]
        (
            "text,label\na,1\nb\n",
            EvaluationOptions(labels="binary"),
            DataFileError,
            r"line 3: 1 columns, and the header has 2",
        ),
        (
            "text,label\na,LABEL_0\nb,LABEL_1\n",
            EvaluationOptions(),
            DataFileError,
            r"a\.csv: column 'label': .*LABEL_0 \(1 rows\), LABEL_1 \(1 rows\).*--labels",
        ),
        (
            "text,label\na,0\nb,1\nc,2\n",
            EvaluationOptions(labels="binary"),
            DataFileError,
            r"a\.csv: column 'label': 1 of 3 labels are not of binary: .*2 \(1 rows\)",
        ),
        ("text,label\na,1\nb,0\n", EvaluationOptions(text_column="label"), OptionError, r"cannot both be in 'label'"),
        ("text,label\na,1\nb,0\n", EvaluationOptions(text_column="x"), DataFileError, r"no column 'x'"),
    ],
)
def test_files_that_cannot_be_evaluated_are_rejected_with_the_reason(
    predictors: list[Predictor],
    tmp_path: Path,
    content: str,
    options: EvaluationOptions,
    error: type[Exception],
    message: str,
) -> None:
    path = tmp_path / "a.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(error, match=message):
        evaluate_files(predictors, [str(path)], options)


@pytest.mark.parametrize(("negative", "positive"), [("1", "2"), ("0", "4"), ("-1", "1"), ("LABEL_0", "LABEL_1")])
def test_a_mapping_reads_labels_of_two_classes(
    predictors: list[Predictor], tmp_path: Path, negative: str, positive: str
) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"text,label\na,{negative}\nb,{positive}\nc,{positive}\n", encoding="utf-8")
    mapping = f"negative={negative},positive={positive}"
    data = evaluate_files(predictors, [str(path)], EvaluationOptions(labels=mapping)).data
    assert (data.positive, data.negative, data.scheme) == (2, 1, mapping)


def test_labels_that_all_differ_fit_no_scheme(predictors: list[Predictor], tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,label\n" + "".join(f"good,{n}\n" for n in range(5_000)), encoding="utf-8")
    with pytest.raises(DataFileError, match=r"do not tell their scheme: .* and 989 more"):
        evaluate_files(predictors, [str(path)])


@pytest.mark.parametrize("scheme", ["binary", "auto"])
def test_standard_input_needs_an_explicit_scheme(
    predictors: list[Predictor], monkeypatch: pytest.MonkeyPatch, scheme: Scheme
) -> None:
    stream = io.TextIOWrapper(io.BufferedReader(io.BytesIO(b"text,label\ngood film,1\nbad film,0\n")))  # type: ignore[arg-type]
    monkeypatch.setattr(sys, "stdin", stream)
    options = EvaluationOptions(labels=scheme, format="csv")
    if scheme == "auto":
        with pytest.raises(OptionError, match=r"read once, .* --labels"):
            evaluate_files(predictors, ["-"], options)
    else:
        assert evaluate_files(predictors, ["-"], options).data.evaluated == 2


def test_several_files_of_one_class_have_no_roc_auc(predictors: list[Predictor], tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["good", "great"], "label": [True, True]}), tmp_path / "a.parquet")
    (tmp_path / "b.csv").write_text("label,text\n1,wonderful film\n1,\n", encoding="utf-8")
    evaluation = evaluate_files(predictors, [str(tmp_path)], EvaluationOptions(labels="binary", text_column="text"))
    assert (evaluation.data.positive, evaluation.data.negative, evaluation.data.rows) == (3, 0, 4)
    assert [model.roc_auc for model in evaluation.models] == [None, None]
    assert evaluation.data.inputs == (str(tmp_path / "a.parquet"), str(tmp_path / "b.csv"))
    assert evaluation.data.skipped.problems["empty_text"].places == [(str(tmp_path / "b.csv"), 3)]


def test_quoting_none_reads_quotes_as_text(predictors: list[Predictor], tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text('label\treview\n1\t"Great" film\n0\ta "bad" one, "so bad\n')
    with pytest.raises(DataFileError, match=r"a\.tsv, line 2: .*add --quoting none"):
        evaluate_files(predictors, [str(tmp_path / "a.tsv")], EvaluationOptions(text_column="review"))
    options = EvaluationOptions(text_column="review", quoting="none")
    assert evaluate_files(predictors, [str(tmp_path / "a.tsv")], options).data.evaluated == 2


def test_three_labels_equal_those_of_a_plain_loop_and_of_scikit_learn(
    tmp_path: Path, labelled: list[tuple[str, int]]
) -> None:
    rows = [(text, 3 if number % 3 == 0 else 5 if label else 1) for number, (text, label) in enumerate(labelled[:300])]
    path = tmp_path / "three.csv"
    path.write_text("review,stars\n" + "".join(f"{text},{stars}\n" for text, stars in rows), encoding="utf-8")
    names = {1: "NEGATIVE", 3: "NEUTRAL", 5: "POSITIVE"}
    truths = [names[stars] for _, stars in rows]
    with load(write_bundle(tmp_path / "threeway", manifest=THREE_WAY), threads=2) as model:
        evaluation = evaluate_files([model], [str(path)], replace(OPTIONS, neutral=True))
        plain = evaluate_files([model], [str(path)], OPTIONS)
        answers = [answer for text, _ in rows for answer in model.predict([text], neutral=True)]
    predicted = [answer.label for answer in answers]
    [one] = evaluation.models
    assert one.three_way is not None
    assert evaluation.data.neutral == truths.count("NEUTRAL") == 100
    assert (evaluation.data.evaluated, evaluation.data.skipped.total) == (300, 0)
    assert plain.data.skipped.problems["neutral_label"].count == 100
    assert evaluation.data.majority[0] == max(names.values(), key=truths.count)
    assert one.three_way.accuracy == accuracy_score(truths, predicted)
    assert one.three_way.macro_recall == pytest.approx(recall_score(truths, predicted, average="macro"))
    assert one.three_way.macro_f1 == pytest.approx(f1_score(truths, predicted, average="macro"))
    assert one.three_way.confusion == confusion_matrix(truths, predicted, labels=list(names.values())).tolist()
    flagged = [answer.uncertain for answer in answers]
    assert one.three_way.uncertain == pytest.approx(sum(map(bool, flagged)) / 300)
    certain = [truth == label for truth, label, flag in zip(truths, predicted, flagged, strict=True) if not flag]
    assert one.three_way.certain_accuracy == pytest.approx(sum(certain) / len(certain))
    document = one.as_dict()
    assert document.pop("three_way")["confusion"]["labels"] == list(names.values())
    assert document == plain.models[0].as_dict(), "all other metrics stay those of two labels"
    assert json.loads(json.dumps(evaluation.as_dict()))["data"]["neutral"] == 100
    assert "neutral" not in plain.as_dict()["data"]


def test_three_labels_need_cut_points(predictors: list[Predictor], file: Path) -> None:
    with pytest.raises(OptionError, match="has no cut points"):
        evaluate_files(predictors, [str(file)], replace(OPTIONS, neutral=True))


@pytest.mark.parametrize(
    ("labels", "scheme"),
    [
        (["0", "1", "neutral"], "binary"),
        (["NEG", "POS", "NEU"], "names"),
        (["false", "true", "Neutral"], "binary"),
        (["a", "b", "c"], "negative=a,positive=b,neutral=c"),
    ],
)
def test_files_of_three_classes_are_read(tmp_path: Path, labels: list[str], scheme: str) -> None:
    rows = [f"good film,{labels[1]}", f"so boring,{labels[0]}", f"a plot,{labels[2]}", f"the acting,{labels[2]}"] * 5
    path = tmp_path / "three.csv"
    path.write_text("\n".join(["text,label", *rows]), encoding="utf-8")
    given = scheme if "=" in scheme else "auto"
    with load(write_bundle(tmp_path / "threeway", manifest=THREE_WAY), threads=1) as model:
        found = evaluate_files([model], [str(path)], EvaluationOptions(labels=given, neutral=True)).data
    assert (found.scheme, found.negative, found.positive, found.neutral) == (scheme, 5, 5, 10)
