"""The `mixture` commands: from a folder of labelled sets to the targets and the figures of the general model."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click
from rich import box
from rich.console import Console
from rich.table import Column, Table

from training.cli.data import archive_option

folder_argument = click.argument("folder", type=click.Path(path_type=Path))
mixture_option = click.option(
    "--mixture",
    default="general",
    show_default=True,
    help="The mixture: the name of a shipped one, or a TOML file of your own.",
)


@click.group()
def mixture() -> None:
    """Mix many labelled sets, label their texts with a teacher, and measure a model on each of them.

    FOLDER holds one gzip-compressed file NAME.tsv.gz per set, with the columns label (0, 1 or neutral), text and extra.

    \b
    Examples:
      python -m training mixture describe sets/
      python -m training mixture label sets/ --encoder minilm/
      python -m training mixture targets sets/
      python -m training mixture evaluate general sets/
    """  # noqa: D301


@mixture.command()
@folder_argument
@mixture_option
def describe(folder: Path, mixture: str) -> None:
    """Count the texts of every set of FOLDER by part, and those that the mixture chooses."""
    from training.mixture.config import load_mixture_config
    from training.mixture.parts import PARTS
    from training.mixture.selection import read_mixture, select

    config = load_mixture_config(mixture)
    rows, parts, _ = read_mixture(folder, config)
    counts = Counter((row.source, part) for row, part in zip(rows, parts, strict=True))
    chosen = Counter(row.source for row in select(rows, parts, config))
    table = Table(
        Column("set", no_wrap=True, min_width=25),  # the longest name
        *("train", "valid.", "devel.", "left", "chosen", "trust", "times"),
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    for name in sorted(config.sets):
        of_set = config.sets[name]
        numbers = [counts[name, part] for part in (*PARTS, None)]
        table.add_row(
            name, *(f"{number:,}" for number in (*numbers, chosen[name])), f"{of_set.trust:g}", f"{of_set.repeat}"
        )
    Console().print(table)


@mixture.command()
@folder_argument
@mixture_option
@archive_option
@click.option(
    "--encoder",
    type=click.Path(path_type=Path, exists=True),
    required=True,
    help="Folder of a pre-trained BERT-like encoder.",
)
@click.option(
    "--run",
    type=click.Path(path_type=Path),
    default=Path("runs/teacher"),
    show_default=True,
    help="Folder of the checkpoint.",
)
@click.option(
    "--to",
    "target",
    type=click.Path(path_type=Path),
    default=Path("runs/short-texts.npz"),
    show_default=True,
    help="File of the logits.",
)
def label(folder: Path, mixture: str, archive: Path | None, encoder: Path, run: Path, target: Path) -> None:
    """Fine-tune an encoder on the labels of FOLDER, and label its short texts and pieces of its long ones.

    The command continues from its last checkpoint when it is started again. It needs PyTorch and transformers.
    """
    from training.data import imdb
    from training.mixture.config import load_mixture_config
    from training.mixture.corpus import digest, read_corpus
    from training.mixture.short_text_logits import ShortTextLogits
    from training.mixture.teacher import fine_tune
    from training.run.progress import FitProgress

    config = load_mixture_config(mixture)
    corpus = read_corpus(folder, config, imdb.load(archive))
    run.mkdir(parents=True, exist_ok=True)
    console = Console(stderr=True)

    def report(step: int, steps: int, loss: float) -> None:
        if step % 100 == 0 or step == steps:
            console.print(f"step {step:,} of {steps:,}: loss {loss:.3f}", highlight=False)

    model = fine_tune(encoder, corpus.rows, config, run / "checkpoint.pt", progress=report)
    texts = corpus.for_teacher()
    with FitProgress() as progress, progress.count("labelling", len(texts), "texts") as advance:
        logits = model.logits(texts, advance)
    target.parent.mkdir(parents=True, exist_ok=True)
    ShortTextLogits(logits, digest(texts), {"encoder": encoder.name, "epochs": 1}).save(target)
    console.print(f"logits: {target} ({len(texts):,} texts)", highlight=False)


@mixture.command()
@folder_argument
@mixture_option
@archive_option
@click.option(
    "--logits",
    default="shipped",
    show_default=True,
    help='Logits of short texts: "shipped", "none", or a file of `label`.',
)
@click.option(
    "--generated",
    type=click.IntRange(0),
    default=60_000,
    show_default=True,
    help="Number of generated sentences with an opinion; a quarter as many statements without one are added.",
)
@click.option(
    "--vocabulary", type=click.IntRange(100), default=30_000, show_default=True, help="Maximum size of the vocabulary."
)
@click.option(
    "--max-tokens",
    type=click.IntRange(2),
    default=300,
    show_default=True,
    help="Maximum tokens per text; longer texts are truncated.",
)
@click.option(
    "--to",
    "target",
    type=click.Path(path_type=Path),
    default=Path("runs/general-targets.npz"),
    show_default=True,
    help="File of the targets; the initial word vectors are written beside it.",
)
def targets(
    folder: Path,
    mixture: str,
    archive: Path | None,
    logits: str,
    generated: int,
    vocabulary: int,
    max_tokens: int,
    target: Path,
) -> None:
    """Make the targets of a student from FOLDER, IMDB, a teacher's logits and generated sentences.

    Beside the targets, TARGET.encoder.npz holds the initial word vectors for `fit general --init`.
    """
    from training.composition import generate
    from training.composition.entities import entity_statements
    from training.data import imdb
    from training.distillation.teacher_logits import load_teacher_logits
    from training.mixture.config import load_mixture_config
    from training.mixture.corpus import read_corpus
    from training.mixture.short_text_logits import SHIPPED_LOGITS, ShortTextLogits
    from training.mixture.student import make_student_targets
    from training.mixture.vocabulary import build_student_tokenizer, transfer_vectors
    from training.nn.encoder import load_encoder

    console = Console(stderr=True)
    config = load_mixture_config(mixture)
    corpus = read_corpus(folder, config, imdb.load(archive))
    teacher: dict[str, float] = {}
    if logits != "none":
        teacher = ShortTextLogits.load(SHIPPED_LOGITS if logits == "shipped" else Path(logits)).by_text(
            corpus.for_teacher()
        )
    tokenizer = build_student_tokenizer(corpus, vocabulary).with_limit(max_tokens, "head_tail")
    console.print(f"vocabulary: {len(tokenizer.vocabulary):,} tokens", highlight=False)
    sentences = [*generate(generated, part="train", seed=0), *entity_statements(generated // 4, seed=1)]
    made = make_student_targets(
        corpus,
        config,
        tokenizer,
        teacher=teacher,
        reviews=load_teacher_logits("shipped"),
        generated=sentences,
    )
    target.parent.mkdir(parents=True, exist_ok=True)
    made.save(target)
    transfer_vectors(load_encoder("encoder"), corpus, tokenizer).save(target.with_suffix(".encoder.npz"))
    console.print(f"targets: {target} ({len(made.ids):,} texts)", highlight=False)


@mixture.command()
@click.argument("model")
@folder_argument
@mixture_option
@click.option("--precision", metavar="NAME", help="Precision to evaluate, fp32 or int8.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def evaluate(model: str, folder: Path, mixture: str, precision: str | None, as_json: bool) -> None:
    """Measure MODEL on the development part of FOLDER, on generated sentences and on rewritten texts.

    No fit, threshold or cut point has seen these texts. The tables give the accuracy per source, the share of texts
    that are marked as uncertain and the errors among the others.
    """
    import orjson

    from sentiline import load
    from training.data.near_duplicates import normalize
    from training.mixture.config import load_mixture_config
    from training.mixture.evaluation import evaluate_mixture, print_evaluation
    from training.mixture.parts import part_of
    from training.mixture.selection import read_mixture

    rows, parts, trees = read_mixture(folder, load_mixture_config(mixture))
    held = [row for row, part in zip(rows, parts, strict=True) if part == "development"]
    with load(model, precision=precision) as predictor:
        found = evaluate_mixture(
            predictor, held, [tree for tree in trees if part_of(normalize(tree.sentence)) == "development"]
        )
    if as_json:
        click.echo(orjson.dumps(found.as_dict(), option=orjson.OPT_INDENT_2))
    else:
        print_evaluation(Console(), found)
