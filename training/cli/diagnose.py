"""The `diagnose` command: diagnostics of bundles, as tables, as JSON, or recorded in the bundles."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from training.cli.data import archive_option


def _titles(names: list[str], given: tuple[str, ...]) -> list[str]:
    """The models' names, or the arguments where two models have the same name, such as a model and its successor."""
    return [name if names.count(name) == 1 else given[index] for index, name in enumerate(names)]


@click.command()
@click.argument("names", nargs=-1)
@archive_option
@click.option("--record", is_flag=True, help="Write the figures into each bundle's manifest and model card.")
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path, dir_okay=False), help="Write all figures to this file."
)
@click.option(
    "--pairs", type=click.IntRange(1), default=200, show_default=True, help="Number of pairs of reviews to splice."
)
@click.option(
    "--reviews", type=click.IntRange(1), default=200, show_default=True, help="Number of reviews to delete tokens from."
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of all random choices.")
def diagnose(
    names: tuple[str, ...],
    archive: Path | None,
    record: bool,
    json_file: Path | None,
    pairs: int,
    reviews: int,
    seed: int,
) -> None:
    """Measure what accuracy does not tell about the models NAMES (names or folders; default all installed models).

    Diagnostics measure whether a model locates a change of sentiment within a text, whether its predictions depend on
    the tokens that it highlights, how it classifies texts unlike IMDB's, next to a bag of words, and which predictions
    it calls uncertain. They use validation reviews and texts of this repository. The test half is never opened.

    \b
    Examples:
      python -m training diagnose bilstm lstm gru
      python -m training diagnose models/bilstm runs/bilstm/bundle/bilstm
      python -m training diagnose runs/bilstm/bundle/bilstm --record
      python -m training diagnose --json diagnoses.json
    """  # noqa: D301 (click reads the \b as a character)
    # These import scipy, scikit-learn, matplotlib and onnxruntime: only once the arguments are parsed.
    import json

    from sentiline.atomic_write import write_atomically
    from sentiline.bundle import find
    from training.bundle.record_metrics import check_recordable, update_metrics
    from training.data import imdb
    from training.diagnostics import diagnose
    from training.diagnostics.tables import render_tables
    from training.evaluation.compare import select_bundles

    if json_file is not None and not json_file.parent.is_dir():
        raise click.BadParameter(f"the folder {json_file.parent} does not exist", param_hint="--json")
    console = Console(stderr=True)
    bundles = [find(name) for name in names] or select_bundles(())
    titles = _titles([bundle.manifest.name for bundle in bundles], names)
    for bundle in bundles:
        diagnose.check_split(bundle)
        if record:
            check_recordable(bundle)
    train, validation = imdb.split(imdb.load(archive).train, fraction=diagnose.FRACTION, seed=diagnose.SPLIT_SEED)
    material = diagnose.prepare_inputs(train, validation, pairs=pairs, reviews=reviews, seed=seed, console=console)
    diagnoses = {}
    for number, (name, bundle) in enumerate(zip(titles, bundles, strict=True), 1):
        console.print(f"{name}: {number} of {len(bundles)}", highlight=False)
        diagnoses[name] = diagnose.diagnose(bundle, material, console=console)
        if record:
            update_metrics(bundle, {"diagnostics": diagnoses[name].as_dict()})
    click.echo(render_tables(diagnoses))
    if json_file is not None:
        content = {name: found.as_dict() for name, found in diagnoses.items()}
        write_atomically(json_file, (json.dumps(content, indent=1) + "\n").encode())
