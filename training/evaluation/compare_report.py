"""The report of a comparison: a Markdown page and its plots."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from importlib.metadata import version
from pathlib import Path

from sentiline.atomic_write import write_atomically
from training.evaluation.compare import BASELINE, PUBLISHED, Accuracy, ModelEntry
from training.evaluation.compare_plots import draw_comparison, draw_learning_curves
from training.evaluation.markdown import markdown_table

PAGE = "README.md"
_MISSING = "-"
_FAMILIES: Mapping[str, Sequence[str]] = {
    "one unit": ("rnn-1", "gru-1", "lstm-1"),
    "100 units": ("rnn-100", "gru-100", "lstm-100"),
    "the plain recipe, forward": ("rnn", "gru", "lstm"),
}
_DEVIATIONS = """\
The classic baselines keep the published vocabulary (2,000), embedding (32), dropout (0.2), length (500 tokens),
optimizer (Adam, 0.001), batch (64), epochs (3), loss (binary cross-entropy) and number of parameters. What differs:

- reviews are padded on the right and every model receives their lengths; published: padded on the left without a
  mask, so that a short review began with hundreds of padding steps;
- a longer review keeps its last 500 tokens, and tokens are those of our tokenizer;
- the vocabulary is counted on the training part alone;
- validation is a tenth of train that shares no film with the rest; published: half of the test reviews;
- the GRU has one bias (`reset_after=False`), as the published number of parameters has it;
- the dropout of the one-unit models is on the word vectors, one mask per token;
- the bundle holds the weights of the epoch with the lowest validation loss, not always the last."""


def write_report(entries: Sequence[ModelEntry], folder: Path, *, texts: int, rounds: int) -> list[Path]:
    """Write the report.

    Args:
        entries: At least one model, as returned by `training.evaluation.compare.compare_models`.
        folder: The folder, which is created if necessary; files of an older report are replaced.
        texts: The number of reviews that latency was measured on.
        rounds: The number of measurements per model.

    Returns:
        The files written: the page, followed by its plots.
    """
    drawn = {"comparison.png": draw_comparison(entries), "curves.png": draw_learning_curves(entries)}
    pictures = {name: picture for name, picture in drawn.items() if picture is not None}
    folder.mkdir(parents=True, exist_ok=True)
    for name, picture in pictures.items():
        write_atomically(folder / name, picture)
    page = render_report(entries, pictures, texts=texts, rounds=rounds)
    write_atomically(folder / PAGE, page.encode())
    return [folder / PAGE, *(folder / name for name in pictures)]


def render_report(entries: Sequence[ModelEntry], pictures: Iterable[str], *, texts: int, rounds: int) -> str:
    """Return the page as Markdown.

    Args:
        entries: At least one model.
        pictures: The file names of the plots in the same folder.
        texts: The number of reviews that latency was measured on.
        rounds: The number of measurements per model.
    """
    shown = set(pictures)
    parts = [
        "# The models in numbers",
        "Written by `python -m training compare`; do not edit.",
        overview_table(entries),
    ]
    parts.append(_notes(entries, texts, rounds))
    if "comparison.png" in shown:
        parts.append("![Accuracy of every model, and accuracy against latency](comparison.png)")
    families = _families(entries)
    if families:
        parts += ["## Elman, GRU, LSTM", families]
    if "curves.png" in shown:
        parts += ["## Learning curves", "![Accuracy by epoch in training and validation](curves.png)"]
    if any(entry.name in PUBLISHED for entry in entries):
        parts += ["## Published figures", _published(entries), _DEVIATIONS]
    return "\n\n".join(parts) + "\n"


def overview_table(entries: Sequence[ModelEntry]) -> str:
    """Return a table with one row per model; a dash stands for a figure that its manifest lacks."""
    relative = any(entry.speed.ratio is not None for entry in entries)
    header = ["model", "parameters", "graph", "train s/epoch", "epochs", "validation", "test", "ms/review", "reviews/s"]
    header += [f"speed, {BASELINE} = 1"] if relative else []
    rows = [
        [
            f"`{entry.name}`",
            _count(entry.parameters),
            f"{entry.precision}, {entry.graph_bytes / 1e6:.2f} MB",
            _number(entry.seconds_per_epoch, ".0f"),
            _number(len(entry.history) or None, "d"),
            _percent(entry.validation),
            _percent(entry.test),
            f"{entry.speed.milliseconds:.2f}",
            f"{entry.speed.reviews_per_second:,.0f}",
            *([_number(entry.speed.ratio, ".2f")] if relative else []),
        ]
        for entry in entries
    ]
    return markdown_table(header, rows, numeric=True)


def _notes(entries: Sequence[ModelEntry], texts: int, rounds: int) -> str:
    spread = max(entry.speed.slowest / entry.speed.fastest for entry in entries)
    tokens = sorted({round(entry.speed.tokens) for entry in entries})
    counted = f"{tokens[0]}" if len(tokens) == 1 else f"{tokens[0]} to {tokens[-1]}"
    lines = [
        "- Accuracy in percent with its 95 % interval, measured from raw text through the shipped graph. Test figures "
        "are those that `evaluate --record` wrote into the manifests; this command never opens test.",
        "- Training seconds per epoch are the mean in the fit's log; they depend on the machine and its load at that "
        "time.",
        f"- Latency: the graph alone, at the precision named, on {texts:,} validation reviews ({counted} tokens per "
        f"review, by each model's own limit), one review per run, one thread; median of {rounds} interleaved rounds, "
        f"the slowest round at most {spread:.2f} times the fastest. ONNX Runtime {version('onnxruntime')}, "
        f"{_processor()}, {date.today().isoformat()}.",
    ]
    if any(entry.speed.ratio is not None for entry in entries):
        lines.append(
            f"- Speed: the median over the rounds of reviews per second relative to `{BASELINE}` in the same round, "
            f"which load on a shared machine affects less than the medians in the columns before it."
        )
    untested = [f"`{entry.name}`" for entry in entries if entry.test is None]
    if untested:
        lines.append(f"- Without a recorded test accuracy: {', '.join(untested)}.")
    return "\n".join(lines)


def _families(entries: Sequence[ModelEntry]) -> str:
    """Return a table of models that differ in their cell only; families with fewer than two models are left out."""
    by_name = {entry.name: entry for entry in entries}
    rows = []
    for family, names in _FAMILIES.items():
        present = [by_name[name] for name in names if name in by_name]
        if len(present) < 2:
            continue
        least = present[0].recurrent_parameters
        for entry in present:
            own = entry.recurrent_parameters
            rows.append(
                [
                    family,
                    f"`{entry.name}`",
                    _count(own),
                    f"{own / least:.1f}" if own and least else _MISSING,
                    _percent(entry.validation),
                    _percent(entry.test),
                    _number(entry.seconds_per_epoch, ".0f"),
                    f"{entry.speed.milliseconds:.2f}",
                ]
            )
    if not rows:
        return ""
    header = ["recipe", "model", "recurrent parameters", "ratio", "validation", "test"]
    return (
        "Models of one recipe that differ in their cell; the ratio is to the first of each recipe:\n\n"
        + markdown_table([*header, "train s/epoch", "ms/review"], rows, numeric=True)
    )


def _published(entries: Sequence[ModelEntry]) -> str:
    rows = []
    for entry in entries:
        if entry.name in PUBLISHED:
            published, ours = PUBLISHED[entry.name], entry.validation
            difference = _MISSING if ours is None else f"{ours.percent - published:+.1f}"
            rows.append([f"`{entry.name}`", f"{published:.1f}", _percent(ours), difference])
    return markdown_table(["model", "published validation", "our validation", "difference, points"], rows, numeric=True)


def _percent(accuracy: Accuracy | None) -> str:
    return _MISSING if accuracy is None else f"{accuracy.percent:.2f} ± {accuracy.interval:.2f}"


def _number(value: float | None, form: str) -> str:
    return _MISSING if value is None else format(value, form)


def _count(value: int | None) -> str:
    return _MISSING if value is None else f"{value:,}"


def _processor() -> str:
    """Return the processor's name, from Linux or else from the standard library."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "") or platform.processor() or platform.machine()
