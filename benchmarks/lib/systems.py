"""The systems that `benchmarks.peers` compares: Sentiline's models, lexicons, n-gram classifiers and a transformer."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.lib import lexicons
from benchmarks.lib import ngram_baselines as ngrams
from benchmarks.lib.frontier import Point
from benchmarks.lib.ngram_baselines import FittedClassifier
from benchmarks.lib.process_pool import ScorerPool, Source
from benchmarks.lib.transformer import DISTILBERT, TINY, Transformer, build, quantize, wordpieces
from sentiline.bundle import MANIFEST, find
from sentiline.predictor import Predictor
from sentiline.wilson import wilson
from training.data.review import Review

QUOTED = (92.8, 93.1)  # published test accuracies of DistilBERT fine-tuned on IMDB, in percent; not measured here
VOCABULARY_REVIEWS = 5000  # train reviews on which the transformer's vocabulary is trained
BATCH = 8  # reviews per run of the transformer


@dataclass
class System:
    """One row of the table.

    Attributes:
        name: The title of the row.
        kind: The kind of system, as in `benchmarks.lib.frontier.Point`.
        classify: Returns whether each text is positive, using all cores.
        size: The size of the system's files in bytes.
        seconds: The training time in seconds; None if nothing is trained.
        chosen: The hyperparameter chosen on the validation part.
        right: The numbers of correctly labelled and of labelled reviews; None before `measure_accuracy`.
    """

    name: str
    kind: str
    classify: Callable[[Sequence[str]], list[bool]]
    size: int
    seconds: float | None = None
    chosen: str = ""
    right: tuple[int, int] | None = field(default=None, init=False)

    def measure_accuracy(self, reviews: Sequence[Review]) -> None:
        """Classify the reviews and compare with their labels."""
        answers = self.classify([review.text for review in reviews])
        hits = sum(answer == (review.label == 1) for answer, review in zip(answers, reviews, strict=True))
        self.right = hits, len(reviews)

    def turn(self, texts: Sequence[str]) -> Callable[[], float]:
        """Return a function that classifies the texts and returns the reviews per second."""

        def work() -> float:
            started = time.perf_counter()
            answers = self.classify(texts)
            seconds = time.perf_counter() - started
            if len(answers) != len(texts):
                raise SystemExit(f"{self.name} classified {len(answers)} of {len(texts)} reviews")
            return len(texts) / seconds

        return work

    def point(self, speeds: Sequence[float]) -> Point:
        """Return the point of the plot; the accuracy is the quoted one if it was not measured."""
        middle = sorted(speeds)
        median = (middle[(len(middle) - 1) // 2] + middle[len(middle) // 2]) / 2
        span = median, middle[0], middle[-1]
        if self.right is None:
            return Point(self.kind, *span, sum(QUOTED) / 2, *QUOTED, quoted=True)
        low, high = wilson(*self.right)
        return Point(self.kind, *span, 100 * self.right[0] / self.right[1], 100 * low, 100 * high)


@dataclass(frozen=True)
class PythonSystem:
    """A system in pure Python, which runs in one process per core; see `System` for the other attributes.

    Attributes:
        source: The loader of the scorer.
        centred: Whether the threshold is 0; otherwise it is chosen on the validation part.
    """

    name: str
    kind: str
    source: Source
    size: int
    centred: bool
    seconds: float | None = None
    chosen: str = ""

    def in_pool(self, pool: ScorerPool, validation: Sequence[Review]) -> System:
        """Return the system, run by a pool that holds its scorer."""
        cut, chosen = 0.0, self.chosen
        if not self.centred:
            scores = pool.score(self.name, [review.text for review in validation])
            cut = lexicons.threshold(scores, [review.label == 1 for review in validation])
            chosen = f"positive from {cut:.4f}"

        def classify(texts: Sequence[str]) -> list[bool]:
            return [score >= cut for score in pool.score(self.name, texts)]

        return System(self.name, self.kind, classify, self.size, self.seconds, chosen)


def sentiline_models(stack: ExitStack, default: str, others: Sequence[str]) -> list[System]:
    """Load Sentiline's models: the default model in all its precisions, then the others in their default precision."""
    found = []
    for name in dict.fromkeys((default, *others)):
        bundle = find(name)
        first = bundle.precision()
        manifest = bundle.manifest
        rest = [precision for precision in manifest.precisions if precision != first and name == default]
        for precision in (first, *rest):
            predictor = stack.enter_context(Predictor(bundle, precision=precision))
            files = (MANIFEST, manifest.tokenizer, manifest.precisions[precision])
            size = sum((bundle.path / file).stat().st_size for file in files)
            history = manifest.document.get("training", {}).get("history")
            seconds = sum(epoch["seconds"] for epoch in history) if history else None
            title = f"{manifest.name} {precision}"
            found.append(System(title, "Sentiline", _classifier(predictor), size, seconds))
    return found


def _classifier(predictor: Predictor) -> Callable[[Sequence[str]], list[bool]]:
    return lambda texts: (predictor.columns(texts).label == "POSITIVE").tolist()


def lexicon_systems(*, without: Sequence[str] = ()) -> list[PythonSystem]:
    """Return VADER and TextBlob."""
    return [
        PythonSystem(name, "lexicon", (load, Path()), lexicons.size(name), centred=False)
        for name, load in lexicons.LOADERS.items()
        if name not in without
    ]


def ngram_classifiers(
    folder: Path, train: Sequence[Review], validation: Sequence[Review], *, without: Sequence[str] = ()
) -> list[PythonSystem]:
    """Fit the n-gram classifiers and write them to a folder."""

    def system(name: str, classifier: FittedClassifier, source: Source) -> PythonSystem:
        size = classifier.path.stat().st_size
        return PythonSystem(name, "n-grams, fitted", source, size, True, classifier.seconds, classifier.chosen)

    systems = []
    for number, name in enumerate(ngrams.FEATURES):
        classifier = ngrams.fit_linear(name, train, validation, folder / f"{number}.joblib")
        systems.append(system(name, classifier, (ngrams.load_linear, classifier.path)))
    if "fastText" not in without:
        classifier = ngrams.fit_fasttext(train, validation, folder / "fasttext.bin")
        systems.append(system("fastText", classifier, (ngrams.load_fasttext, classifier.path)))
    return systems


def transformers(folder: Path, texts: Sequence[str], *, tiny: bool) -> list[System]:
    """Build the transformer in float32 and with 8-bit weights, which are random: only its speed is measured."""
    size = TINY if tiny else DISTILBERT
    paths = {"fp32": folder / "fp32.onnx", "int8": folder / "int8.onnx"}
    build(paths["fp32"], size)
    quantize(paths["fp32"], paths["int8"])
    tokenizer = wordpieces(random.Random(0).sample(texts, min(VOCABULARY_REVIEWS, len(texts))), size)
    found = []
    for precision, path in paths.items():
        transformer = Transformer(path, tokenizer)
        transformer.score(texts[:2])  # warm up
        name = f"DistilBERT-sized {precision}"
        found.append(System(name, "transformer", _transformer_classifier(transformer), path.stat().st_size))
    return found


def _transformer_classifier(transformer: Transformer) -> Callable[[Sequence[str]], list[bool]]:
    return lambda texts: [score >= 0.5 for score in transformer.score(texts, batch=BATCH)]
