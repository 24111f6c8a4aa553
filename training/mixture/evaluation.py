"""The figures of a model on a mixture's held-out texts: per source, on constructions, and inside sentences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Column, Table

from sentiline import Predictor
from sentiline.reading import Reading
from training.composition import accuracy_by_family, held_out_sentences, negation_accuracy
from training.invariance import measure_bias, measure_invariance
from training.mixture.measure import SHORT, ScoredTexts, SourceFigures, macro_recall, score_texts
from training.mixture.phrase_signs import PhraseSigns, measure_phrase_signs
from training.mixture.sets import LabelledText
from training.mixture.trees import Tree

# Sources that are judged together.
GOLD = ("absa_semeval14_16", "memd_absa", "opener_hotel", "tackstrom_sentences")
STARS = (
    *(f"amazon_dmaste_{kind}" for kind in ("book", "electronics", "fashion", "grocery", "home", "pet", "toy")),
    "amazon_devices",
    "amazon_musical",
    "app_misc",
    "hotel_datafiniti",
    "womens_clothing",
    "yelp10k",
    "yelp_cosine",
    "zomato",
)
_TWEETS = "tweets_semeval13_16"
_INVARIANCE_TEXTS = 500


@dataclass(frozen=True, eq=False)
class MixtureEvaluation:
    """All figures of a model, in percent.

    Attributes:
        sources: The figures per source.
        groups: The figures of sources that are judged together: gold sentences, star reviews and all short texts.
        phrase_signs: Whether contributions inside sentences have the sign of their phrase; None without trees.
        negation: The mean accuracy of the constructions that turn a sentiment.
        constructions: The accuracy on generated sentences whose templates and words no fit has seen, per construction.
        invariance: Per rewriting, the share of verdicts that it turns around.
        bias: Per kind of name, how far P(positive) of an opinion-free text lies from the mean over all names at most.
        three_way: The mean recall of three classes on tweets; None for a model without cut points.
    """

    sources: dict[str, SourceFigures]
    groups: dict[str, SourceFigures]
    phrase_signs: PhraseSigns | None
    negation: float
    constructions: dict[str, float]
    invariance: dict[str, float]
    bias: dict[str, float]
    three_way: float | None

    def as_dict(self) -> dict[str, Any]:
        """Return the figures, JSON-ready."""
        return asdict(self)


def evaluate_mixture(predictor: Predictor, rows: Sequence[LabelledText], trees: Sequence[Tree]) -> MixtureEvaluation:
    """Measure a model.

    Args:
        predictor: The model.
        rows: The texts of one part of a mixture that the model has not seen.
        trees: The trees of that part.
    """
    scored = score_texts(predictor, rows)
    positions = scored.by_source()
    polar = {name: found for name, found in positions.items() if any(rows[index].target != 0.5 for index in found)}
    groups = {
        "gold sentences": [index for name in GOLD for index in positions.get(name, ())],
        "star reviews": [index for name in STARS for index in positions.get(name, ())],
        f"texts of up to {SHORT} tokens": [
            index
            for index, reading in enumerate(scored.readings)
            if reading is not None and reading.encoding.tokens_used <= SHORT and rows[index].target != 0.5
        ],
    }
    positive = _probabilities(predictor)
    short = [row.text for row in rows if row.target != 0.5 and len(row.text) < 300]
    sample = short[:: max(1, len(short) // _INVARIANCE_TEXTS)]
    constructions = accuracy_by_family(positive, held_out_sentences())
    turned = measure_invariance(positive, sample)
    return MixtureEvaluation(
        sources={name: scored.figures(found) for name, found in sorted(polar.items())},
        groups={name: scored.figures(found) for name, found in groups.items() if found},
        phrase_signs=measure_phrase_signs(predictor, trees) if trees else None,
        negation=round(100 * negation_accuracy(constructions), 2),
        constructions={found.family: round(100 * found.accuracy, 2) for found in constructions},
        invariance={kind: round(100 * flips / count, 2) for kind, (flips, count) in turned.items() if count},
        bias=_bias(positive),
        three_way=_three_way(predictor, scored, positions.get(_TWEETS, [])),
    )


def _probabilities(predictor: Predictor) -> Callable[[list[str]], Sequence[float]]:
    def positive(texts: list[str]) -> list[float]:
        results = predictor.read_each(texts, spans=False)
        return [result.positive if isinstance(result, Reading) else 0.5 for result in results]

    return positive


def _bias(positive: Callable[[list[str]], Sequence[float]]) -> dict[str, float]:
    largest: dict[str, float] = {}
    for spread in measure_bias(positive):
        largest[spread.kind] = round(max(largest.get(spread.kind, 0.0), spread.largest_shift), 4)
    return largest


def _three_way(predictor: Predictor, scored: ScoredTexts, wanted: Sequence[int]) -> float | None:
    cut_points = predictor.bundle.manifest.cut_points
    read = [(scored.rows[index].target, reading.logit) for index in wanted if (reading := scored.readings[index])]
    if cut_points is None or {target for target, _ in read} != {0.0, 0.5, 1.0}:
        return None
    labels, logits = zip(*read, strict=True)
    return round(macro_recall(labels, logits, (cut_points.negative, cut_points.positive)), 2)


def print_evaluation(console: Console, found: MixtureEvaluation) -> None:
    """Print the figures as tables."""
    table = Table(
        Column("source", no_wrap=True, min_width=25),  # the longest name
        *("texts", "right, %", "balanced, %", "uncertain, %", "errors of the rest, %"),
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    for name, figures in (*found.groups.items(), *found.sources.items()):
        values = (figures.accuracy, figures.balanced, figures.flagged, figures.errors)
        table.add_row(name, f"{figures.texts:,}", *(f"{value:.1f}" for value in values))
    console.print(table)
    small = Table("measure", "value")
    small.add_row("constructions that turn a sentiment, %", f"{found.negation:.1f}")
    if found.phrase_signs is not None:
        small.add_row("phrases inside a sentence, right sign, %", f"{found.phrase_signs.inside:.1f}")
        small.add_row("phrases against their sentence, right sign, %", f"{found.phrase_signs.against:.1f}")
        small.add_row("phrases turned by a negator, right sign, %", f"{found.phrase_signs.flips:.1f}")
    if found.three_way is not None:
        small.add_row("tweets, macro recall of three classes, %", f"{found.three_way:.1f}")
    for kind, share in found.bias.items():
        small.add_row(f"largest shift of P(positive) by {kind}", f"{share:.3f}")
    for kind, share in found.invariance.items():
        small.add_row(f"verdicts turned by {kind}, %", f"{share:.1f}")
    for family, accuracy in found.constructions.items():
        small.add_row(f"construction {family}, %", f"{accuracy:.1f}")
    console.print(small)
