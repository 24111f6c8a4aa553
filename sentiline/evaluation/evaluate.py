"""Evaluates models on labelled files: one pass over the rows for all of them; prints nothing."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sentiline.errors import DataFileError, OptionError
from sentiline.evaluation.labelled_rows import Examples, find_scheme, read_examples
from sentiline.evaluation.metrics import (
    best_threshold,
    brier,
    calibrate,
    class_figures,
    confuse,
    expected_calibration_error,
    roc_auc,
)
from sentiline.evaluation.mistakes import WorstMistakes
from sentiline.evaluation.result import Data, Evaluation, ModelEvaluation
from sentiline.evaluation.skipped_rows import Ledger
from sentiline.labels import SCHEMES, Scheme
from sentiline.predictor import Predictor
from sentiline.reading import Reading
from sentiline.scoring.io.discovery import find_sources
from sentiline.scoring.scorer import MAX_CHARACTERS, ChunkScorer
from sentiline.tokenizer import Truncation
from sentiline.wilson import wilson

WORST = 5


@dataclass(frozen=True, slots=True)
class Options:
    """How to evaluate.

    Attributes:
        text_column: None to guess it, see `sentiline.scoring.chunk.find_text_column`.
        label_column: column with the labels.
        labels: what they mean; "auto" to tell by looking at all of them.
        format: of the files; None goes by endings.
        encoding: of text files.
        delimiter: between the columns of the files, which are CSV or TSV then; None for what their format says.
        quoting: "none" if double quotes are text in the files, which are CSV or TSV then.
        truncation: for long texts; None is each model's own policy.
        max_characters: a longer text is not evaluated.
        worst: wrong verdicts to keep of each model.
    """

    text_column: str | None = None
    label_column: str = "label"
    labels: Scheme | Literal["auto"] = "auto"
    format: str | None = None
    encoding: str = "utf-8"
    delimiter: str | None = None
    quoting: str = "csv"
    truncation: Truncation | None = None
    max_characters: int = MAX_CHARACTERS
    worst: int = WORST


Report = Callable[[int, int, int], None]
"""Takes rows so far, bytes read of all files, and bytes of all files (0 if unknown)."""


def evaluate_files(
    predictors: Sequence[Predictor],
    inputs: Sequence[str],
    options: Options | None = None,
    *,
    report: Report | None = None,
) -> Evaluation:
    """Evaluate models on labelled files.

    A row is evaluated if its label says negative or positive and every model can read its text, so that all models are
    judged by the same rows. Of each row only label and scores are kept, 5 bytes and 4 for each further model.

    Args:
        predictors: the models, at least one.
        inputs: paths, folders, globs, or `-` for standard input.
        options: how to evaluate; None for the defaults.
        report: called after each chunk.

    Raises:
        DataFileError: a file cannot be read, is malformed, lacks a column, or holds no row to evaluate.
        OptionError: an option does not exist, or does not go with the files.
        SettingError: pyarrow is needed and not installed.
    """
    options = options or Options()
    if options.labels != "auto" and options.labels not in SCHEMES:
        raise OptionError(f"labels is {options.labels!r}; it must be auto, {', '.join(SCHEMES)}", field="labels")
    sources = find_sources(inputs, options.format, options.encoding, options.delimiter, options.quoting)
    text_only = [source.name for source in sources if source.format.kind == "text"]
    if text_only:
        raise DataFileError(f"{text_only[0]} is plain text, which has no labels; use CSV, JSON Lines or Parquet")
    scheme = options.labels
    if scheme == "auto":
        scheme = find_scheme(sources, options.label_column, options.encoding)
    size = sum(source.size for source in sources)
    ledger, truths = Ledger(), array("b")
    judges = [_Judge(predictor, options) for predictor in predictors]
    rows = done = 0
    column = ""
    name = ""
    sizes = {source.name: source.size for source in sources}
    for examples in read_examples(sources, options.label_column, options.text_column, scheme, options.encoding):
        if examples.chunk.file != name:
            done += sizes.get(name, 0)
            name = examples.chunk.file
        column = examples.text_column
        rows += len(examples.chunk)
        _judge(examples, judges, truths, ledger)
        if report:
            report(rows, done + examples.chunk.position, size)
    if not truths:
        listing = "".join(f"\n  {line}" for line in ledger.lines())
        raise DataFileError(
            f"{', '.join(sizes)}: no row can be evaluated; its labels were read as {scheme}{listing}", field="input"
        )
    labels = np.frombuffer(truths, np.int8).astype(np.bool_)
    positive = int(labels.sum())
    data = Data(tuple(sizes), column, options.label_column, scheme, rows, positive, len(labels) - positive, ledger)
    models = [judge.result(labels) for judge in judges]
    return Evaluation(data, sorted(models, key=lambda model: -model.accuracy))


class _Judge:
    """One model's scores of the rows so far."""

    def __init__(self, predictor: Predictor, options: Options) -> None:
        self.predictor = predictor
        self.options = options
        self.positive = array("f")
        self.loss = 0.0
        self.tokens = self.unknown = self.truncated = 0
        self.certain = self.certain_right = 0
        self.worst = WorstMistakes(options.worst)

    def read(self, examples: Examples) -> Sequence[Reading | str]:
        """Read the texts of a chunk; a fault's name where a text cannot be read."""
        options = self.options
        scorer = ChunkScorer(self.predictor, examples.text_column, options.truncation, options.max_characters)
        return scorer.score(examples.chunk).results

    def add(self, readings: Sequence[Reading], truths: Sequence[int], places: Sequence[str]) -> None:
        """Judge readings of rows that are evaluated."""
        logits = np.array([reading.logit for reading in readings], np.float64)
        signs = 2.0 * np.array(truths, np.float64) - 1
        self.loss += float(np.logaddexp(0, -signs * logits).sum())
        self.positive.extend(reading.positive for reading in readings)
        for reading, truth, place in zip(readings, truths, places, strict=True):
            self.tokens += reading.encoding.tokens_used
            self.unknown += reading.encoding.unknown_tokens
            self.truncated += reading.encoding.truncated
            if reading.uncertain is False:
                self.certain += 1
                self.certain_right += (reading.label == "POSITIVE") == (truth == 1)
            self.worst.add(reading, truth, place)

    def result(self, labels: NDArray[np.bool_]) -> ModelEvaluation:
        """All figures."""
        manifest, precision = self.predictor.manifest, self.predictor.precision
        positive = np.frombuffer(self.positive, np.float32)
        confusion = confuse(labels, positive >= 0.5)
        classes = {
            "NEGATIVE": class_figures(
                confusion.true_negatives,
                confusion.true_negatives + confusion.false_negatives,
                confusion.true_negatives + confusion.false_positives,
            ),
            "POSITIVE": class_figures(
                confusion.true_positives,
                confusion.true_positives + confusion.false_positives,
                confusion.true_positives + confusion.false_negatives,
            ),
        }
        bins = calibrate(labels, positive)
        return ModelEvaluation(
            name=manifest.name,
            version=manifest.version,
            precision=precision,
            sha256=manifest.files[manifest.precisions[precision]].sha256,
            accuracy=confusion.correct / confusion.total,
            interval=wilson(confusion.correct, confusion.total),
            confusion=confusion,
            classes=classes,
            macro_f1=sum(figures.f1 or 0.0 for figures in classes.values()) / len(classes),
            roc_auc=roc_auc(labels, positive),
            brier=brier(labels, positive),
            log_loss=self.loss / len(labels),
            calibration_error=expected_calibration_error(bins),
            bins=bins,
            threshold=best_threshold(labels, positive),
            unknown_tokens=self.unknown / self.tokens,
            truncated=self.truncated / len(labels),
            uncertain=None if manifest.uncertainty is None else (len(labels) - self.certain) / len(labels),
            certain_accuracy=self.certain_right / self.certain if self.certain else None,
            mistakes=self.worst.sorted(),
        )


def _judge(examples: Examples, judges: Sequence[_Judge], truths: array[int], ledger: Ledger) -> None:
    """Let every model read a chunk; keep the rows that all of them could read and whose label says something."""
    chunk = examples.chunk
    readings = [judge.read(examples) for judge in judges]
    texts = chunk.data.column(examples.text_column)
    used: list[int] = []
    kept: list[int] = []
    for index, truth in enumerate(examples.truths):
        fault = next((one[index] for one in readings if isinstance(one[index], str)), None)
        if isinstance(fault, str):
            ledger.add(fault, chunk.file, chunk.lines[index], texts[index])
        elif isinstance(truth, str):
            ledger.add(truth, chunk.file, chunk.lines[index], examples.labels[index])
        else:
            used.append(index)
            kept.append(truth)
    truths.extend(kept)
    places = [chunk.place(index) for index in used]
    for judge, found in zip(judges, readings, strict=True):
        judge.add([one for index in used if isinstance(one := found[index], Reading)], kept, places)
