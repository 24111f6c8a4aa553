"""The tables of an evaluation on a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from sentiline.evaluation.mistakes import Mistake
from sentiline.evaluation.result import Evaluation, LabelledData, ModelEvaluation
from sentiline.evaluation.three_way import CLASSES, ThreeWayMetrics
from sentiline.formatting import format_probability
from sentiline.terminal import Paint

CAUTION = (
    "The best threshold was chosen on these very rows: expect the cross-validated accuracy, not its accuracy here."
)

_BAR_WIDTH = 24
_EXCERPT_CHARACTERS = 360


def show(evaluation: Evaluation, console: Console) -> None:
    """Print a comparison of all models, and the details of the most accurate one."""
    for line in _data(evaluation.data):
        console.print(line, markup=False, soft_wrap=True)
    console.print()
    console.print(_comparison(evaluation.models))
    label, share = evaluation.data.majority
    console.print(
        f"Always predicting {label} has an accuracy of {100 * share:.2f} %.", style="dim", markup=False, soft_wrap=True
    )
    for part in _details(evaluation.models[0], Paint.of(console)):
        console.print()
        console.print(part)
    if len(evaluation.models) > 1:
        console.print()
        console.print(
            "These are the details of the most accurate model; --report and --json include those of all models.",
            style="dim",
            markup=False,
        )


def _data(data: LabelledData) -> Iterator[str]:
    names = ", ".join(data.inputs[:3]) + (f" and {len(data.inputs) - 3} more" if len(data.inputs) > 3 else "")
    neutral = "" if data.neutral is None else f", {data.neutral:,} neutral"
    yield (
        f"{names}: {data.rows:,} rows, labels read as {data.scheme}: {data.evaluated:,} evaluated "
        f"({data.positive:,} positive, {data.negative:,} negative{neutral}), {data.skipped.total:,} skipped"
    )
    for line in data.skipped.lines():
        yield f"  {line}"


def _table(*columns: str) -> Table:
    """Create a table with text in the first column and numbers in the others."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for index, column in enumerate(columns):
        table.add_column(column, justify="right" if index else "left", no_wrap=True)
    return table


def _comparison(models: Sequence[ModelEvaluation]) -> Table:
    table = _table("", *(f"{model.name}\n{model.version} {model.precision}" for model in models))
    if len(models) > 4:  # a column per model would be too wide for most terminals
        table = _table("model", "acc. %", "95 %", "F1", "AUC", "Brier", "ECE", "unk. %", "cut")
        for model in models:
            table.add_row(
                f"{model.name} {model.precision}",
                f"{100 * model.accuracy:.2f}",
                _interval(model).removesuffix(" %"),
                f"{model.macro_f1:.3f}",
                _decimal(model.roc_auc, 3),
                f"{model.brier:.3f}",
                f"{model.calibration_error:.3f}",
                f"{100 * model.unknown_tokens:.1f}",
                f"{model.threshold.value:.3f}",
            )
        return table
    rows = {
        "accuracy": [f"{100 * model.accuracy:.2f} %" for model in models],
        "95 % interval": list(map(_interval, models)),
        "F1, mean of both classes": [f"{model.macro_f1:.4f}" for model in models],
        "ROC AUC": [_decimal(model.roc_auc, 4) for model in models],
        "Brier score": [f"{model.brier:.4f}" for model in models],
        "log loss": [f"{model.log_loss:.4f}" for model in models],
        "calibration error (ECE)": [f"{model.calibration_error:.4f}" for model in models],
        "unknown tokens": [f"{100 * model.unknown_tokens:.2f} %" for model in models],
        "truncated reviews": [f"{100 * model.truncated:.2f} %" for model in models],
        "uncertain reviews": [_share(model.uncertain) for model in models],
        "  accuracy on the others": [_share(model.certain_accuracy) for model in models],
        "best threshold": [f"{model.threshold.value:.4f}" for model in models],
        "  accuracy with it, here": [f"{100 * model.threshold.accuracy:.2f} %" for model in models],
        "  cross-validated": [_share(model.threshold.cross_validated) for model in models],
    }
    if all(model.three_way for model in models):
        rows |= _three_way_rows([model.three_way for model in models if model.three_way])
    for title, cells in rows.items():
        table.add_row(title, *(Text(cell, style="bold" if title == "accuracy" else "") for cell in cells))
    return table


def _three_way_rows(found: Sequence[ThreeWayMetrics]) -> dict[str, list[str]]:
    return {
        "accuracy with three labels": [f"{100 * one.accuracy:.2f} %" for one in found],
        "  their macro recall": [_share(one.macro_recall) for one in found],
        "  uncertain with three labels": [_share(one.uncertain) for one in found],
        "  accuracy on these others": [_share(one.certain_accuracy) for one in found],
    }


def _three_way(metrics: ThreeWayMetrics) -> Table:
    table = _table("", *(f"as {label}" for label in CLASSES), "precision", "recall", "F1")
    for label, counts in zip(CLASSES, metrics.confusion, strict=True):
        one = metrics.classes[label]
        values = (_decimal(value, 4) for value in (one.precision, one.recall, one.f1))
        table.add_row(label, *(f"{count:,}" for count in counts), *values)
    return table


def _details(model: ModelEvaluation, paint: Paint) -> Iterator[RenderableType]:
    yield Text(CAUTION, style="dim")
    yield Text(f"{model.name} {model.version}, {model.precision}", style="bold")
    confusion = model.confusion
    table = _table("", "predicted NEGATIVE", "predicted POSITIVE", "precision", "recall", "F1")
    for label, negative, positive in (
        ("NEGATIVE", confusion.true_negatives, confusion.false_positives),
        ("POSITIVE", confusion.false_negatives, confusion.true_positives),
    ):
        metrics = model.classes[label]
        table.add_row(
            label,
            f"{negative:,}",
            f"{positive:,}",
            *(_decimal(value, 4) for value in (metrics.precision, metrics.recall, metrics.f1)),
        )
    yield table
    if model.three_way is not None:
        yield _three_way(model.three_way)
    bins = _table("P(positive)", "reviews", "mean", "positive", "")
    bins.columns[4].justify = "left"
    for one in model.bins:
        style = paint.line((one.observed or 0) >= 0.5)
        bar = Text("#" * round(_BAR_WIDTH * (one.observed or 0)), style=style)
        bins.add_row(
            f"{one.low:.1f}-{one.high:.1f}",
            f"{one.count:,}",
            _decimal(one.predicted, 3),
            _decimal(one.observed, 3),
            bar,
        )
    yield bins
    if model.mistakes:
        yield Text("Worst errors", style="bold")
    for mistake in model.mistakes:
        yield _mistake(mistake, paint)


def _mistake(mistake: Mistake, paint: Paint) -> Table:
    excerpt = mistake.excerpt
    table = Table.grid()
    confidence = format_probability(max(excerpt.positive, 1 - excerpt.positive))
    table.add_row(Text(f"{excerpt.place}: {mistake.truth}, predicted {mistake.predicted} {confidence}"))
    tokens = "   ".join(f"{token} {value:+.2f}" for token, value in mistake.misleading) or "none"
    table.add_row(Text(f"  misleading tokens  {tokens}", overflow="fold"))
    text = Text(overflow="fold")
    for piece, weight in excerpt.weighted_pieces():
        text.append(
            " ".join(piece.split()) or " " if weight is None and not piece.strip() else piece,
            paint.token(weight or 0.0),
        )
        if len(text) > _EXCERPT_CHARACTERS:
            text.append(" …")
            break
    table.add_row(Padding(text, (0, 0, 0, 2)))
    return table


def _interval(model: ModelEvaluation) -> str:
    low, high = model.interval
    return f"{100 * low:.2f}-{100 * high:.2f} %"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.2f} %"


def _decimal(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
