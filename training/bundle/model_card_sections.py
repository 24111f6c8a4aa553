"""The card's sections on calibration, timesteps and other texts; a section without measurements is empty."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from training.diagnostics.other_texts import BASELINE
from training.diagnostics.texts import KINDS
from training.evaluation.markdown import markdown_table
from training.evaluation.risk_coverage import HEADER, risk_rows

_PICTURES = {
    "reliability.png": "The share that is positive, by P(positive)",
    "risk.png": "Errors among the surest reviews, by how many are answered",
    "risk-lengths.png": "Errors among the surest texts, by how many are answered, per length",
}


def calibration_section(manifest: Mapping[str, Any], files: set[str]) -> str:
    """Describe the calibration of the probabilities and the thresholds of uncertain predictions."""
    metrics = manifest["metrics"]
    rows = [
        (
            precision,
            part,
            f"{figure['calibration']['ece']:.2f} %",
            f"{figure['calibration']['chance']:.2f} %",
            f"{sum(figure['calibration']['reviews']):,}",
        )
        for part in ("test", "validation")
        for precision, figure in metrics.get(part, {}).items()
        if "calibration" in figure
    ]
    lines = []
    if "calibration" in manifest:
        lines.append(_scaling(manifest["calibration"]))
    if rows:
        lines.append(
            markdown_table(("precision", "part", "expected calibration error", "by chance alone", "reviews"), rows)
        )
    if "uncertainty" in manifest:
        lines.append(_thresholds(manifest["uncertainty"]))
    if "neutral" in manifest:
        lines += _neutral(manifest["neutral"])
    if "risk_coverage" in metrics:
        lines += _risk_coverage(metrics["risk_coverage"])
    if not lines:
        return ""
    lines += [f"![{text}]({name})" for name, text in _PICTURES.items() if name in files]
    return "\n\n".join(["## Calibration", *lines])


def _scaling(found: Mapping[str, Any]) -> str:
    bins = f"The error is the mean distance of P(positive) from the share that is positive, over {found['bins']} bins."
    if "note" in found:
        return f"Not calibrated: {found['note']}. {bins}"
    shift = f" and shifted by {found['shift']:+.3f}" if "shift" in found else ""  # none before it was fitted too
    return (
        f"The logits were divided by a temperature of {found['temperature']:.3f}{shift}, fitted on "
        f"{found['reviews']:,} validation reviews and folded into the weights. {bins}"
    )


def _thresholds(found: Mapping[str, Any]) -> str:
    score = f"{found['confidence']:.3f}"
    if found.get("lengths"):
        classes = [f"{one['confidence']:.3f} in texts of up to {one['max_tokens']} tokens" for one in found["lengths"]]
        score = f"{', '.join(classes)}, or {score} in longer ones,"
    text = (
        f"A verdict is uncertain if its score is below {score} or more than "
        f"{100 * found['unknown_rate']:.1f} % of the tokens used are unknown."
    )
    if "unread_rate" in found:
        text += (
            f" Where truncation leaves tokens unread, a higher score is needed, and none is enough if it leaves more "
            f"than {100 * found['unread_rate']:.0f} % of them."
        )
    return f"{text} ({found['note']}.)" if "note" in found else text


def _neutral(found: Mapping[str, Any]) -> list[str]:
    cuts = found["cut_points"]
    text = (
        f"With the option `neutral`, P(negative) = sigmoid({cuts['negative']:.3f} - logit), P(positive) = "
        f"sigmoid(logit - {cuts['positive']:.3f}), and the rest is P(neutral)."
    )
    if "metrics" not in found:
        return [text]
    figures = found["metrics"]
    if figures["macro_recall"] is not None:
        text += f" Macro recall {figures['macro_recall']:.2f} %, accuracy {figures['accuracy']:.2f} %."
    names = list(figures["texts"])
    rows = [
        (name, *(f"{count:,}" for count in counts), "-" if recall is None else f"{recall:.2f} %")
        for name, counts, recall in zip(names, figures["confusion"], figures["recall"].values(), strict=True)
    ]
    return [text, markdown_table(("label", *(f"predicted {name}" for name in names), "recall"), rows, numeric=True)]


def _risk_coverage(found: Mapping[str, Any]) -> list[str]:
    tables = [
        markdown_table((title, *HEADER), risk_rows(found[key]), numeric=True)
        for key, title in (("lengths", "length"), ("sources", "source"))
        if found[key]
    ]
    return [
        "Errors by length and by source on texts held out from training; the last columns are the errors among that "
        "share of the texts, the surest first.",
        *tables,
    ]


def timesteps_section(manifest: Mapping[str, Any]) -> str:
    """Describe the localization of sentiment and the faithfulness of the contributions."""
    found = manifest["metrics"].get("diagnostics")
    if found is None:
        return ""
    place, hold = found["localization"], found["faithfulness"]
    signals = [("`positive`", place["scores"]), ("`contribution`", place["contributions"])]
    rows = [
        (
            name,
            f"{signal['auc']:.3f}",
            f"{signal['pooled_auc']:.3f}",
            f"{signal['seam_median']:g}",
            f"{signal['seam_mean']:.1f}",
        )
        for name, signal in signals
        if signal is not None
    ]
    rows.append(("the middle of the text", "", "", f"{place['middle_median']:g}", f"{place['middle_mean']:.1f}"))
    header = ("", "AUC, mean over texts", "AUC, pooled", "tokens to the seam, median", "mean")
    ranked = "contributions" if hold["ranked_by"] == "contributions" else "values of `positive`"
    deleted = [
        (f"largest {ranked}: logit moves by", *(f"{drop:.2f}" for drop in hold["drop"])),
        (f"largest {ranked}: verdicts flipped", *(f"{share:.1f} %" for share in hold["flipped"])),
        ("random tokens: logit moves by", *(f"{drop:.2f}" for drop in hold["random_drop"])),
        ("random tokens: verdicts flipped", *(f"{share:.1f} %" for share in hold["random_flipped"])),
    ]
    return "\n\n".join(
        [
            "## Timesteps",
            f"Two validation reviews of opposite labels were joined, {place['texts']:,} times: how well the values "
            "tell the positive half's tokens from the negative half's, and how far from the seam they change most.",
            markdown_table(header, rows),
            f"The tokens that point most strongly to the verdict were deleted from {hold['reviews']:,} validation "
            "reviews, and the rest was read again; the logit moves away from the verdict.",
            markdown_table(("tokens deleted", *hold["deleted"]), deleted),
        ]
    )


def other_texts_section(manifest: Mapping[str, Any]) -> str:
    """Describe the metrics on texts other than IMDB's."""
    found = manifest["metrics"].get("diagnostics")
    if found is None:
        return ""
    mine, baseline = found["beyond"], found["baseline"]
    labelled = [kind for kind, figures in mine.items() if figures["accuracy"] is not None]
    rows = [
        (
            KINDS[kind],
            mine[kind]["texts"],
            f"{mine[kind]['accuracy']:.1f} % ({_interval(mine[kind]['interval'])})",
            f"{baseline[kind]['accuracy']:.1f} %",
            f"{mine[kind]['flagged']:.1f} %",
        )
        for kind in labelled
    ]
    rows += [
        (
            f"{KINDS[kind]}: both right",
            mine[kind]["texts"] // 2,
            f"{mine[kind]['both_right']:.1f} %",
            f"{baseline[kind]['both_right']:.1f} %",
            "",
        )
        for kind in labelled
        if mine[kind]["both_right"] is not None
    ]
    rows += [
        (KINDS[kind], figures["texts"], "", "", f"{figures['flagged']:.1f} %")
        for kind, figures in mine.items()
        if kind not in labelled
    ]
    uncertain = found["uncertain"]
    rows.append(("IMDB, validation part", "", "", "", f"{uncertain['validation_flagged']:.1f} %"))
    limits = (
        ""
        if uncertain["source"] == "manifest"
        else f" The manifest has no limits; {uncertain['confidence']:.3f} and {uncertain['unknown_rate']:.3f} were "
        "fitted on the validation part."
    )
    return "\n\n".join(
        [
            "## Beyond IMDB",
            f"Texts written for the purpose, compared with a bag of words ({BASELINE}) trained on IMDB.{limits}",
            markdown_table(("texts", "number", "accuracy (95 % interval)", BASELINE, "uncertain"), rows),
        ]
    )


def _interval(ends: list[float]) -> str:
    return f"{ends[0]:.0f} to {ends[1]:.0f}"
