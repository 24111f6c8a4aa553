"""Evaluation of models on labelled files, in one pass over the rows for all models."""

from __future__ import annotations

import logging
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sentiline.errors import DataFileError
from sentiline.evaluation.labelled_rows import LabelledChunk, find_scheme, read_labelled_chunks
from sentiline.evaluation.metrics import (
    best_threshold,
    brier_score,
    calibration_bins,
    class_metrics,
    confusion_matrix,
    expected_calibration_error,
    roc_auc,
)
from sentiline.evaluation.mistakes import WorstMistakes
from sentiline.evaluation.result import Evaluation, LabelledData, ModelEvaluation
from sentiline.evaluation.skipped_rows import SkippedRows
from sentiline.evaluation.three_way import ThreeWayCounts
from sentiline.labels import check_labels
from sentiline.predictor import Predictor
from sentiline.reading import Reading
from sentiline.scoring.io.dialect import Dialect
from sentiline.scoring.io.discovery import find_sources
from sentiline.scoring.scorer import MAX_CHARACTERS, WARNINGS, ChunkScorer
from sentiline.tokenizer import Truncation
from sentiline.wilson import wilson

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EvaluationOptions:
    """Options of an evaluation.

    Attributes:
        text_column: The column with the texts; None to detect it, see `sentiline.scoring.chunk.find_text_column`.
        label_column: The column with the labels.
        labels: The scheme of the labels, or a mapping such as "negative=1,positive=2"; "auto" to infer the scheme from
            all labels.
        format: The format of the files; None to detect it from their endings.
        encoding: The encoding of text files.
        delimiter: The column separator of CSV and TSV files; None for the default of the format.
        quoting: The quoting of CSV and TSV files; with "none" double quotes are part of the text.
        no_header: Whether CSV and TSV files have no line of column names, so that columns are named by number from "1".
        skip_lines: The number of lines above the column names of CSV and TSV files.
        escape: The character that escapes quotes in CSV and TSV files, such as a backslash; None if they are doubled.
        skip_blanks: Whether blanks after the delimiters of CSV and TSV files are skipped.
        truncation: The truncation policy for long texts; None for each model's default.
        max_characters: The maximum number of characters; longer texts are not evaluated.
        worst: The number of worst errors to keep for each model.
        neutral: Whether rows with a neutral label are evaluated too, by predictions with three labels.
    """

    text_column: str | None = None
    label_column: str = "label"
    labels: str = "auto"
    format: str | None = None
    encoding: str = "utf-8"
    delimiter: str | None = None
    quoting: str = "csv"
    no_header: bool = False
    skip_lines: int = 0
    escape: str | None = None
    skip_blanks: bool = False
    truncation: Truncation | None = None
    max_characters: int = MAX_CHARACTERS
    worst: int = 5
    neutral: bool = False


# Called with the number of rows and bytes read so far, and the number of bytes of all files (0 if unknown).
OnProgress = Callable[[int, int, int], None]


def evaluate_files(
    predictors: Sequence[Predictor],
    inputs: Sequence[str],
    options: EvaluationOptions | None = None,
    *,
    on_progress: OnProgress | None = None,
) -> Evaluation:
    """Evaluate models on labelled files.

    A row is evaluated if its label is negative or positive and every model can score its text, so that all models are
    compared on the same rows. With `options.neutral`, rows with a neutral label are evaluated too, but only
    `ModelEvaluation.three_way` is about them: all other metrics remain those of predictions with two labels on the
    negative and positive rows. Memory grows by 1 byte per row plus 4 bytes per row and model.

    Args:
        predictors: The models, at least one.
        inputs: Paths, folders, globs, or `-` for standard input.
        options: The options of the evaluation; None for the defaults.
        on_progress: Called after each chunk.

    Raises:
        DataFileError: A file cannot be read, is malformed, lacks a column, or contains no row to evaluate.
        OptionError: An option has an unknown value, does not fit the files, or asks for three labels from a model
            without cut points.
        SettingError: pyarrow is required but not installed.
    """
    options = options or EvaluationOptions()
    scheme = check_labels(options.labels)
    sources = find_sources(
        inputs,
        options.format,
        options.encoding,
        options.delimiter,
        options.quoting,
        dialect=Dialect.from_options(options),
    )
    text_only = [source.name for source in sources if source.format.kind == "text"]
    if text_only:
        raise DataFileError(f"{text_only[0]} is plain text without labels; use CSV, JSON Lines or Parquet")
    if scheme == "auto":
        scheme = find_scheme(sources, options.label_column, options.encoding)
    size = sum(source.size for source in sources)
    neutral = 0
    skipped, truths = SkippedRows(), array("b")
    evaluators = [_ModelEvaluator(predictor, options) for predictor in predictors]
    count = done = joined = 0
    column = name = example = ""
    sizes = {source.name: source.size for source in sources}
    for rows in read_labelled_chunks(sources, options.label_column, options.text_column, scheme, options.encoding):
        if rows.chunk.file != name:
            done += sizes.get(name, 0)
            name = rows.chunk.file
        column = rows.text_column
        count += len(rows.chunk)
        for index, last in rows.chunk.joined.items():
            example = example or f"{name}, lines {rows.chunk.lines[index]} to {last}"
            joined += 1
        neutral += _evaluate_chunk(rows, evaluators, truths, skipped, neutral=options.neutral)
        if on_progress:
            on_progress(count, done + rows.chunk.position, size)
    if joined:
        _LOGGER.warning("%d with warning joined_lines: %s; for example %s", joined, WARNINGS["joined_lines"], example)
    if not truths:
        listing = "".join(f"\n  {line}" for line in skipped.lines())
        raise DataFileError(
            f"{', '.join(sizes)}: no row can be evaluated; its labels were read as {scheme}{listing}", field="input"
        )
    labels = np.frombuffer(truths, np.int8).astype(np.bool_)
    positive = int(labels.sum())
    data = LabelledData(
        tuple(sizes),
        column,
        options.label_column,
        scheme,
        count,
        positive,
        len(labels) - positive,
        skipped,
        neutral if options.neutral else None,
    )
    models = [evaluator.result(labels) for evaluator in evaluators]
    return Evaluation(
        data, sorted(models, key=lambda model: -(model.three_way.accuracy if model.three_way else model.accuracy))
    )


class _ModelEvaluator:
    """The scores of one model for all rows so far."""

    def __init__(self, predictor: Predictor, options: EvaluationOptions) -> None:
        self.predictor = predictor
        self.options = options
        self.positive = array("f")
        self.loss = 0.0
        self.tokens = self.unknown = self.truncated = 0
        self.certain = self.certain_right = 0
        self.worst = WorstMistakes(options.worst)
        self.three_way = ThreeWayCounts(predictor.manifest.require_cut_points()) if options.neutral else None

    def score(self, rows: LabelledChunk) -> Sequence[Reading | str]:
        """Score the texts of a chunk; the result is the name of a problem where a text cannot be scored."""
        options = self.options
        scorer = ChunkScorer(self.predictor, rows.text_column, options.truncation, options.max_characters)
        return scorer.score(rows.chunk).results

    def add(self, readings: Sequence[Reading], truths: Sequence[int], places: Sequence[str]) -> None:
        """Add the readings of rows that are evaluated."""
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
            if self.three_way is not None:
                self.three_way.add(reading, "POSITIVE" if truth else "NEGATIVE")

    def result(self, labels: NDArray[np.bool_]) -> ModelEvaluation:
        """Compute all metrics from the labels [N]."""
        manifest, precision = self.predictor.manifest, self.predictor.precision
        positive = np.frombuffer(self.positive, np.float32)
        confusion = confusion_matrix(labels, positive >= 0.5)
        tn, fn = confusion.true_negatives, confusion.false_negatives
        tp, fp = confusion.true_positives, confusion.false_positives
        classes = {
            "NEGATIVE": class_metrics(tn, tn + fn, tn + fp),
            "POSITIVE": class_metrics(tp, tp + fp, tp + fn),
        }
        bins = calibration_bins(labels, positive)
        return ModelEvaluation(
            name=manifest.name,
            version=manifest.version,
            precision=precision,
            sha256=manifest.files[manifest.precisions[precision]].sha256,
            accuracy=confusion.correct / confusion.total,
            interval=wilson(confusion.correct, confusion.total),
            confusion=confusion,
            classes=classes,
            macro_f1=sum(one.f1 or 0.0 for one in classes.values()) / len(classes),
            roc_auc=roc_auc(labels, positive),
            brier=brier_score(labels, positive),
            log_loss=self.loss / len(labels),
            calibration_error=expected_calibration_error(bins),
            bins=bins,
            threshold=best_threshold(labels, positive),
            unknown_tokens=self.unknown / self.tokens,
            truncated=self.truncated / len(labels),
            uncertain=None if manifest.uncertainty is None else (len(labels) - self.certain) / len(labels),
            certain_accuracy=self.certain_right / self.certain if self.certain else None,
            mistakes=self.worst.sorted(),
            three_way=None if self.three_way is None else self.three_way.metrics(),
        )


def _evaluate_chunk(
    rows: LabelledChunk,
    evaluators: Sequence[_ModelEvaluator],
    truths: array[int],
    skipped: SkippedRows,
    *,
    neutral: bool,
) -> int:
    """Score a chunk with every model, and add the rows that all models can score and whose label has a sentiment.

    Returns:
        The number of neutral rows that were added.
    """
    chunk = rows.chunk
    results = [evaluator.score(rows) for evaluator in evaluators]
    texts = chunk.data.column(rows.text_column)
    used: list[int] = []
    neutral_rows: list[int] = []
    kept: list[int] = []
    for index, truth in enumerate(rows.truths):
        fault = next((one[index] for one in results if isinstance(one[index], str)), None)
        if isinstance(fault, str):
            skipped.add(fault, chunk.file, chunk.lines[index], texts[index])
        elif neutral and truth == "neutral_label":
            neutral_rows.append(index)
        elif isinstance(truth, str):
            skipped.add(truth, chunk.file, chunk.lines[index], rows.labels[index])
        else:
            used.append(index)
            kept.append(truth)
    truths.extend(kept)
    places = [chunk.place(index) for index in used]
    for evaluator, found in zip(evaluators, results, strict=True):
        evaluator.add([one for index in used if isinstance(one := found[index], Reading)], kept, places)
        if evaluator.three_way is not None:
            for index in neutral_rows:
                if isinstance(reading := found[index], Reading):
                    evaluator.three_way.add(reading, "NEUTRAL")
    return len(neutral_rows)
