"""The report of a pre-training: a Markdown page and a picture, computed from the run folder."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from sentiline.atomic_write import write_atomically
from training.evaluation.markdown import markdown_table
from training.plotting import INK, STYLE, TRAIN, VALIDATION, png
from training.pretraining.corpus import Corpus
from training.pretraining.run_folder import PretrainRun

BACKWARD = "#0f766e"


def write_report(run: PretrainRun, corpus: Corpus) -> None:
    """Write `report.md` and `curves.png` into the folder of a run that has completed at least one epoch.

    Args:
        run: The run.
        corpus: The data that the run was trained on.
    """
    provenance, by_frequency = run.provenance(), corpus.frequency_loss()
    size = run.encoder.stat().st_size / 1e6
    write_atomically(run.folder / "curves.png", draw_curves(provenance["history"], by_frequency))
    page = render_report(provenance, corpus, by_frequency, encoder=f"{run.encoder.name}, {size:.1f} MB")
    write_atomically(run.folder / "report.md", page.encode())


def draw_curves(history: Sequence[Mapping[str, Any]], by_frequency: float) -> bytes:
    """Plot the validation loss of both directions and the sampled training loss by epoch, as PNG bytes.

    Args:
        history: The entries of the log.
        by_frequency: The loss of predicting by word frequency alone, in nats per word.
    """
    epochs = [epoch["epoch"] for epoch in history]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(8, 3), layout="constrained")
        validation, sampled = figure.subplots(1, 2)
        for key, label, color, line in (
            ("validation_forward", "forward: the next word", VALIDATION, "-"),
            ("validation_backward", "backward: the previous word", BACKWARD, "--"),  # the two nearly coincide
        ):
            values = [epoch[key] for epoch in history]
            validation.plot(epochs, values, marker="o", markersize=3.5, color=color, linestyle=line, label=label)
        validation.axhline(by_frequency, color=INK, linewidth=0.8, linestyle=":", label="by frequency alone")
        validation.set(title="validation, whole vocabulary (nats per word)")
        validation.legend(frameon=False)
        values = [epoch["sampled_loss"] for epoch in history]
        sampled.plot(epochs, values, marker="o", markersize=3.5, color=TRAIN)
        sampled.set(title="training, sampled candidates (nats per word)")
        for axes in (validation, sampled):
            axes.set(xlabel="epoch")
            axes.set_xticks(epochs)
        return png(figure)


def render_report(provenance: Mapping[str, Any], corpus: Corpus, by_frequency: float, *, encoder: str) -> str:
    """Return the report as Markdown.

    Args:
        provenance: Config, data and history, as returned by `PretrainRun.provenance`.
        corpus: The training data.
        by_frequency: The loss of predicting by word frequency alone, in nats per word.
        encoder: A description of the encoder's file.
    """
    config, data, history = provenance["config"], provenance["data"], provenance["history"]
    tokens, minutes = int(corpus.counts.sum()) - len(corpus.documents), sum(epoch["seconds"] for epoch in history) / 60
    lines = [
        "# Pre-training",
        f"Data: {data.get('name', 'texts')}; {len(corpus.documents):,} texts of {tokens:,} tokens, "
        f"{len(corpus.counts):,} words. {len(history)} epochs in {minutes:.0f} minutes. Encoder: {encoder}.",
        f"Cross-entropy of each word of {len(corpus.validation):,} held-out texts over the whole vocabulary, in nats "
        f"per word, and its exponential, the perplexity. Predicting by frequency alone: {by_frequency:.3f} nats, "
        f"perplexity {math.exp(by_frequency):,.0f}.",
        markdown_table(
            ("epoch", "forward", "perplexity", "backward", "perplexity", "sampled training loss", "minutes"),
            [
                (
                    str(epoch["epoch"]),
                    f"{epoch['validation_forward']:.3f}",
                    f"{math.exp(epoch['validation_forward']):,.1f}",
                    f"{epoch['validation_backward']:.3f}",
                    f"{math.exp(epoch['validation_backward']):,.1f}",
                    f"{epoch['sampled_loss']:.3f}",
                    f"{epoch['seconds'] / 60:.1f}",
                )
                for epoch in history
            ],
            numeric=True,
        ),
        "The sampled training loss compares each word with a few candidates, under dropout, so it is on another scale.",
        "![Loss by epoch](curves.png)",
        "## Configuration",
        markdown_table(
            ("field", "value"), [(f"`{name}`", f"`{value}`") for name, value in config.items()], numeric=True
        ),
    ]
    return "\n\n".join(lines) + "\n"
