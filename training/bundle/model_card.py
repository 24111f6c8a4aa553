"""The model card of a bundle, generated from its manifest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from training.bundle import model_card_sections
from training.evaluation.majority import majority, warning
from training.evaluation.markdown import markdown_table

_READS = {
    "pooling": "mean and attention pooling over all states, one linear layer",
    "last": "a dense layer on the last state",
    "unit": "the one recurrent unit itself",
    "timesteps": "a dense layer at every timestep, averaged",
}
_CONTRIBUTION = {
    "bidirectional": "its share of the logit: bias + Σ contributions = logit. It belongs to a state that has read the "
    "whole text from both sides, not to the word alone.",
    "forward": "the change of the running logit when this token is read: bias + Σ contributions = logit.",
}


def render_card(manifest: Mapping[str, Any], files: Iterable[str]) -> str:
    """Return a card in the style of Hugging Face model cards.

    Args:
        manifest: The manifest's keys.
        files: The names of the bundle's files; the card embeds the pictures among them.
    """
    name, architecture, present = manifest["name"], manifest["architecture"], set(files)
    parts = [
        _front_matter(manifest),
        f"# {name}\n\n{manifest['summary']}",
        _usage(name),
        "## Accuracy\n\n" + _accuracy(manifest["metrics"]),
        model_card_sections.calibration_section(manifest, present),
        "## How it reads\n\n" + _reading(manifest),
        model_card_sections.timesteps_section(manifest),
        model_card_sections.other_texts_section(manifest),
        "## Architecture\n\n"
        + markdown_table(
            ("", ""), [(key, f"{value:,}" if isinstance(value, int) else value) for key, value in architecture.items()]
        ),
        "## Training\n\n" + _training(manifest, present),
        "## Export\n\n" + _export(manifest),
        "## Limits\n\n" + _limits(manifest),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _front_matter(manifest: Mapping[str, Any]) -> str:
    lines = ["library_name: sentiline", "pipeline_tag: text-classification"]
    if _learned_from_imdb(manifest):
        lines += ["language: en", "license: mit", "datasets:\n- stanfordnlp/imdb"]
    test = manifest["metrics"].get("test", {}).get(manifest["default_precision"])
    if test:
        lines.append(
            f"model-index:\n- name: {manifest['name']}\n  results:\n  - task:\n      type: text-classification\n"
            "    dataset:\n      name: IMDB\n      type: stanfordnlp/imdb\n      split: test\n"
            f"    metrics:\n    - type: accuracy\n      value: {test['accuracy']:.2f}"
        )
    return "---\n" + "\n".join(lines) + "\n---"


def _learned_from_imdb(manifest: Mapping[str, Any]) -> bool:
    return (
        "unlabelled_reviews" in manifest["data"]
    )  # only `training.supervised.fit_data.from_imdb` describes its data so


def _usage(name: str) -> str:
    return (
        f"```python\nimport sentiline\n\nwith sentiline.load({name!r}) as model:\n"
        '    print(model.predict(["A film I could not stop thinking about."])[0])\n```'
    ).replace("'", '"')


def _accuracy(metrics: Mapping[str, Any]) -> str:
    rows, warnings = [], []
    parts = [metrics.get(part, {}) for part in ("test", "validation")]
    with_majority = any("majority" in figure for part in parts for figure in part.values())
    for part in ("test", "validation"):
        for precision, figure in metrics.get(part, {}).items():
            rows.append(
                (
                    part,
                    precision,
                    f"{figure['accuracy']:.2f} ± {figure['interval']:.2f} %",
                    f"{figure['loss']:.4f}",
                    f"{figure['reviews']:,}",
                    f"{figure['unknown_tokens']:.2f} %",
                    f"{figure['truncated']:,}",
                    *(_majority_cells(figure) if with_majority else ()),
                )
            )
            if (text := warning(figure)) is not None:
                warnings.append(f"> **Warning** ({part}, {precision}): {text}.")
    header = (
        "part",
        "precision",
        "accuracy (95 % interval)",
        "cross-entropy",
        "reviews",
        "unknown tokens",
        "truncated",
        *(("always predicting the commoner class", "balanced accuracy") if with_majority else ()),
    )
    measured = "Measured from raw text through the shipped tokenizer and ONNX file, one review per run."
    return "\n\n".join([markdown_table(header, rows), *warnings, measured])


def _majority_cells(figure: Mapping[str, Any]) -> tuple[str, str]:
    if "majority" not in figure:  # measured by an earlier release
        return "", ""
    label, share = majority(figure["positive"], figure["reviews"])
    balanced = figure["balanced_accuracy"]
    return f"{label}: {share:.2f} %", "-" if balanced is None else f"{balanced:.2f} %"


def _reading(manifest: Mapping[str, Any]) -> str:
    architecture = manifest["architecture"]
    lines = [f"The verdict is read by {_READS[architecture['head']]}. At every token the answer gives", ""]
    lines.append("- `positive`: the model's own prediction read at that state;")
    if manifest["additive"]:
        lines.append(f"- `contribution`: {_CONTRIBUTION[architecture['direction']]}")
        lines.append("- `running`: sigmoid(bias + Σ contributions up to here).")
    else:
        lines.append("- `contribution` and `running` are null: this model has no additive form.")
    return "\n".join(lines)


def _training(manifest: Mapping[str, Any], files: set[str]) -> str:
    training, data = manifest["training"], manifest["data"]
    seconds = sum(epoch["seconds"] for epoch in training["history"])
    counts = ", ".join(
        f"{value:,} {key.replace('_', ' ')}" for key, value in data.items() if isinstance(value, int) and value
    )
    lines = [
        f"Data: {data.get('name', 'labelled reviews')} ({counts}). {len(training['history'])} epochs in "
        f"{_minutes(seconds)}; the weights are those of epoch {training['best_epoch']}, which had the lowest "
        "validation loss."
    ]
    lines += [
        f"![{text}]({name})"
        for name, text in (("curves.png", "Loss and accuracy by epoch"), ("lengths.png", "Histogram of review lengths"))
        if name in files
    ]
    config = [(f"`{key}`", f"`{value}`") for key, value in training["config"].items() if key not in ("name", "summary")]
    lines.append(
        "<details><summary>Configuration</summary>\n\n" + markdown_table(("field", "value"), config) + "\n\n</details>"
    )
    return "\n\n".join(lines)


def _export(manifest: Mapping[str, Any]) -> str:
    export = manifest["metrics"]["export"]
    differences = export["largest_difference"]
    names = [name for name in next(iter(differences.values())) if name != "tolerance"]
    both = len(manifest["precisions"]) > 1
    rows = [
        (what, *(f"{row[name]:.1e}" for name in names))
        for what, row in differences.items()
        if both or not what.startswith("int8")
    ]
    agreement = (
        f"int8 and fp32 give the same label on {100 * export['int8_label_agreement']:.1f} % of them. " if both else ""
    )
    versions = ", ".join(f"{package} {number}" for package, number in manifest["versions"].items())
    return (
        f"Opset {manifest['opset']}, fused recurrent ops with `sequence_lens`. Largest absolute differences on "
        f"{export['reviews']} validation reviews:\n\n{markdown_table(('', *names), rows)}\n\n"
        f"{agreement}Made with {versions}."
    )


def _limits(manifest: Mapping[str, Any]) -> str:
    if _learned_from_imdb(manifest):
        source, others = "English film reviews are", "other languages, "
    else:
        source, others = "The labelled texts named above are", ""
    return (
        f"{source} what it learned from. Other kinds of text, {others}irony and texts of a few words are outside what "
        "the figures above measure; `unknown_tokens` in every answer tells how much of a text it could not read."
    )


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} seconds" if seconds < 120 else f"{seconds / 60:.0f} minutes"
