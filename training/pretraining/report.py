"""The report of a pre-training, as a Markdown page and its picture; every figure comes from the run folder."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from sentiline.atomic_write import write_atomically
from training.plotting import INK, STYLE, TRAIN, VALIDATION, png
from training.pretraining.corpus import Corpus
from training.pretraining.run_folder import PretrainRun

BACKWARD = "#0f766e"


def write_report(run: PretrainRun, corpus: Corpus) -> None:
    """Write `report.md` and `curves.png` into the folder of a run, one epoch of which at least is complete.

    Args:
        run: the run.
        corpus: what it learned from.
    """
    provenance, by_frequency = run.provenance(), corpus.frequency_loss()
    size = run.encoder.stat().st_size / 1e6
    write_atomically(run.folder / "curves.png", curves(provenance["history"], by_frequency))
    page = render(provenance, corpus, by_frequency, encoder=f"{run.encoder.name}, {size:.1f} MB")
    write_atomically(run.folder / "report.md", page.encode())


def curves(history: Sequence[Mapping[str, Any]], by_frequency: float) -> bytes:
    """Validation loss of both directions and sampled training loss by epoch, as PNG bytes.

    Args:
        history: the lines of the log.
        by_frequency: nats a word of guessing by frequency alone.
    """
    epochs = [epoch["epoch"] for epoch in history]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(8, 3), layout="constrained")
        validation, sampled = figure.subplots(1, 2)
        for key, label, color, line in (
            ("validation_forward", "forward: the next word", VALIDATION, "-"),
            ("validation_backward", "backward: the word before", BACKWARD, "--"),  # the two nearly coincide
        ):
            values = [epoch[key] for epoch in history]
            validation.plot(epochs, values, marker="o", markersize=3.5, color=color, linestyle=line, label=label)
        validation.axhline(by_frequency, color=INK, linewidth=0.8, linestyle=":", label="by frequency alone")
        validation.set(title="validation, whole vocabulary (nats a word)")
        validation.legend(frameon=False)
        values = [epoch["sampled_loss"] for epoch in history]
        sampled.plot(epochs, values, marker="o", markersize=3.5, color=TRAIN)
        sampled.set(title="training, sampled candidates (nats a word)")
        for axes in (validation, sampled):
            axes.set(xlabel="epoch")
            axes.set_xticks(epochs)
        return png(figure)


def render(provenance: Mapping[str, Any], corpus: Corpus, by_frequency: float, *, encoder: str) -> str:
    """The page.

    Args:
        provenance: config, data and history, as `PretrainRun.provenance` returns them.
        corpus: what was learned from.
        by_frequency: nats a word of guessing by frequency alone.
        encoder: the encoder's file in words.
    """
    config, data, history = provenance["config"], provenance["data"], provenance["history"]
    tokens, minutes = int(corpus.counts.sum()) - len(corpus.documents), sum(epoch["seconds"] for epoch in history) / 60
    lines = [
        "# Pre-training",
        f"Data: {data.get('name', 'texts')}; {len(corpus.documents):,} texts of {tokens:,} tokens, "
        f"{len(corpus.counts):,} words. {len(history)} epochs in {minutes:.0f} minutes. Encoder: {encoder}.",
        f"Guessing each word of {len(corpus.validation):,} held-out texts among all words of the vocabulary, in nats a "
        f"word, and e to their power (perplexity). Guessing by frequency alone: {by_frequency:.3f} nats, perplexity "
        f"{math.exp(by_frequency):,.0f}.",
        _table(
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
        ),
        "The sampled training loss compares each word with a few candidates and has dropout: it lies on another scale.",
        "![Loss by epoch](curves.png)",
        "## Configuration",
        _table(("field", "value"), [(f"`{name}`", f"`{value}`") for name, value in config.items()]),
    ]
    return "\n\n".join(lines) + "\n"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    rule = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (header, rule, *rows))
