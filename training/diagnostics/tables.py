"""Diagnoses of several models as Markdown tables that are aligned for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from training.diagnostics.diagnose import Diagnosis
from training.diagnostics.localization import Signal
from training.diagnostics.other_texts import BASELINE, KindMetrics
from training.diagnostics.texts import KINDS

_NONE = "-"


def render_tables(diagnoses: Mapping[str, Diagnosis]) -> str:
    """Return four tables with one row per model.

    Args:
        diagnoses: The diagnoses by model name, at least one.
    """
    first = next(iter(diagnoses.values()))
    reviews, texts = first.faithfulness.reviews, first.localization.texts
    kinds = [kind for kind, figures in first.other_texts.items() if figures.accuracy is not None]
    unlabelled = [kind for kind, figures in first.other_texts.items() if figures.accuracy is None]
    accuracies: dict[str, Mapping[str, KindMetrics]] = {name: one.other_texts for name, one in diagnoses.items()}
    accuracies[BASELINE] = first.baseline
    return "\n\n".join(
        [
            f"Localization: {texts} splices of two validation reviews; AUC (pooled), median tokens to the seam (mean)",
            aligned_table(
                ("model", "AUC of scores", "of contributions", "seam by scores", "by contributions", "middle"),
                [(name, *_localization(one)) for name, one in diagnoses.items()],
            ),
            f"Faithfulness: {reviews} validation reviews; logit change against prediction, flipped % (random tokens)",
            aligned_table(
                ("model", "ranked by", *(f"{count} deleted" for count in first.faithfulness.deleted)),
                [(name, one.faithfulness.ranked_by, *_deletions(one)) for name, one in diagnoses.items()],
            ),
            "Beyond IMDB: accuracy, %",
            aligned_table(
                ("model", *(KINDS[kind] for kind in kinds), "both of a pair"),
                [(name, *_accuracies(figures, kinds)) for name, figures in accuracies.items()],
            ),
            "Uncertain: % flagged; errors among the validation reviews not flagged; calibration error (ECE)",
            aligned_table(
                (
                    *("model", "score below", "unknown above", "validation"),
                    *(KINDS[kind] for kind in unlabelled),
                    *("labelled texts", "errors", "ECE"),
                ),
                [(name, *_uncertain(one, kinds, unlabelled)) for name, one in diagnoses.items()],
            ),
        ]
    )


def _localization(one: Diagnosis) -> list[str]:
    found = one.localization
    return [
        _area(found.scores),
        _area(found.contributions),
        _seam(found.scores),
        _seam(found.contributions),
        f"{found.middle_median:g} ({found.middle_mean:.1f})",
    ]


def _area(signal: Signal | None) -> str:
    return _NONE if signal is None else f"{signal.auc:.3f} ({signal.pooled_auc:.3f})"


def _seam(signal: Signal | None) -> str:
    return _NONE if signal is None else f"{signal.seam_median:g} ({signal.seam_mean:.1f})"


def _deletions(one: Diagnosis) -> list[str]:
    found = one.faithfulness
    rows = zip(found.drop, found.flipped, found.random_drop, found.random_flipped, strict=True)
    return [f"{drop:.2f}, {flip:.0f} % ({random:.2f}, {flips:.0f} %)" for drop, flip, random, flips in rows]


def _accuracies(figures: Mapping[str, KindMetrics], kinds: Sequence[str]) -> list[str]:
    pairs = [figures[kind].both_right for kind in kinds]
    found = [f"{figures[kind].accuracy or 0:.1f}" for kind in kinds]
    return [*found, *(f"{share:.1f}" for share in pairs if share is not None)]


def _uncertain(one: Diagnosis, kinds: Sequence[str], unlabelled: Sequence[str]) -> list[str]:
    texts = sum(one.other_texts[kind].texts for kind in kinds)
    flagged = sum(one.other_texts[kind].texts * (one.other_texts[kind].flagged or 0) for kind in kinds) / texts
    return [
        f"{one.thresholds.confidence:.3f}",
        f"{one.thresholds.unknown_rate:.3f}",
        f"{one.flagged:.1f}",
        *(f"{one.other_texts[kind].flagged or 0:.1f}" for kind in unlabelled),
        f"{flagged:.1f}",
        f"{one.error:.1f}",
        f"{one.ece:.2f}",
    ]


def aligned_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table with columns padded to equal width; all columns but the first are right-aligned."""
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]

    def line(cells: Sequence[str]) -> str:
        padded = (cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True))
        return "| " + " | ".join([cells[0].ljust(widths[0]), *padded]) + " |"

    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join(map(line, (header, rule, *rows)))
