"""What `benchmarks.peers` compares, made ready: Sentiline's models, lexicons, classifiers of n-grams, a transformer."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.lib import lexicons as lexical
from benchmarks.lib import ngram_baselines as ngrams
from benchmarks.lib.frontier import Point
from benchmarks.lib.ngram_baselines import Fitted
from benchmarks.lib.process_pool import Crew, Source
from benchmarks.transformer import DISTILBERT, TINY, Transformer, build, quantize, wordpieces
from sentiline.bundle import MANIFEST, find
from sentiline.predictor import Predictor
from sentiline.wilson import wilson
from training.data.review import Review

QUOTED = (92.8, 93.1)
"""Test accuracy of DistilBERT fine-tuned on IMDB, in percent, as others publish it; nothing of it is measured here."""

PIECES = 5000
"""Train reviews from which the transformer's vocabulary is learnt."""

BATCH = 8
"""Reviews, of like length, that the transformer reads at once."""


@dataclass
class Contender:
    """One row of the table.

    Attributes:
        name: its title.
        kind: as in `benchmarks.lib.frontier.Point`.
        classify: whether each text is positive; uses all cores.
        size: bytes of its files.
        seconds: of training; None where nothing is trained.
        chosen: what was chosen on the validation part.
        right: reviews that it labelled rightly, and all that it labelled; None before `judge`.
    """

    name: str
    kind: str
    classify: Callable[[Sequence[str]], list[bool]]
    size: int
    seconds: float | None = None
    chosen: str = ""
    right: tuple[int, int] | None = field(default=None, init=False)

    def judge(self, reviews: Sequence[Review]) -> None:
        """Label reviews and compare with their labels."""
        answers = self.classify([review.text for review in reviews])
        hits = sum(answer == (review.label == 1) for answer, review in zip(answers, reviews, strict=True))
        self.right = hits, len(reviews)

    def turn(self, texts: Sequence[str]) -> Callable[[], float]:
        """A function that labels the texts and returns reviews a second."""

        def work() -> float:
            started = time.perf_counter()
            answers = self.classify(texts)
            seconds = time.perf_counter() - started
            if len(answers) != len(texts):
                raise SystemExit(f"{self.name} labelled {len(answers)} of {len(texts)} reviews")
            return len(texts) / seconds

        return work

    def point(self, speeds: Sequence[float]) -> Point:
        """Where it stands in the picture; its accuracy is the quoted one if it was never judged."""
        middle = sorted(speeds)
        median = (middle[(len(middle) - 1) // 2] + middle[len(middle) // 2]) / 2
        span = median, middle[0], middle[-1]
        if self.right is None:
            return Point(self.kind, *span, sum(QUOTED) / 2, *QUOTED, quoted=True)
        low, high = wilson(*self.right)
        return Point(self.kind, *span, 100 * self.right[0] / self.right[1], 100 * low, 100 * high)


@dataclass(frozen=True)
class Peer:
    """A peer that is Python and so runs in a process a core; see `Contender` for what is not said here.

    Attributes:
        source: from where its processes load it.
        centred: whether 0 lies between the classes; otherwise a threshold is chosen on the validation part.
    """

    name: str
    kind: str
    source: Source
    size: int
    centred: bool
    seconds: float | None = None
    chosen: str = ""

    def contender(self, crew: Crew, validation: Sequence[Review]) -> Contender:
        """The peer in a crew that holds it."""
        cut, chosen = 0.0, self.chosen
        if not self.centred:
            scores = crew.score(self.name, [review.text for review in validation])
            cut = lexical.threshold(scores, [review.label == 1 for review in validation])
            chosen = f"positive from {cut:.4f}"

        def classify(texts: Sequence[str]) -> list[bool]:
            return [score >= cut for score in crew.score(self.name, texts)]

        return Contender(self.name, self.kind, classify, self.size, self.seconds, chosen)


def models(stack: ExitStack, default: str, others: Sequence[str]) -> list[Contender]:
    """Sentiline's models: the default one first and at every precision that it has, the others as they are shipped."""
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
            found.append(Contender(title, "Sentiline", _classifier(predictor), size, seconds))
    return found


def _classifier(predictor: Predictor) -> Callable[[Sequence[str]], list[bool]]:
    return lambda texts: [prediction.label == "POSITIVE" for prediction in predictor.predict(texts)]


def lexicons(*, without: Sequence[str] = ()) -> list[Peer]:
    """VADER and TextBlob."""
    return [
        Peer(name, "lexicon", (load, Path()), lexical.size(name), centred=False)
        for name, load in lexical.LOADERS.items()
        if name not in without
    ]


def bags(
    folder: Path, train: Sequence[Review], validation: Sequence[Review], *, without: Sequence[str] = ()
) -> list[Peer]:
    """Fit the classifiers of n-grams, and write them to a folder."""

    def peer(name: str, fitted: Fitted, source: Source) -> Peer:
        size = fitted.path.stat().st_size
        return Peer(name, "n-grams, fitted", source, size, True, fitted.seconds, fitted.chosen)

    peers = []
    for number, name in enumerate(ngrams.FEATURES):
        fitted = ngrams.fit_linear(name, train, validation, folder / f"{number}.joblib")
        peers.append(peer(name, fitted, (ngrams.load_linear, fitted.path)))
    if "fastText" not in without:
        fitted = ngrams.fit_fasttext(train, validation, folder / "fasttext.bin")
        peers.append(peer("fastText", fitted, (ngrams.load_fasttext, fitted.path)))
    return peers


def transformers(folder: Path, texts: Sequence[str], *, tiny: bool) -> list[Contender]:
    """The transformer in float32 and with 8-bit weights; its weights are random, so only its speed counts."""
    size = TINY if tiny else DISTILBERT
    paths = {"fp32": folder / "fp32.onnx", "int8": folder / "int8.onnx"}
    build(paths["fp32"], size)
    quantize(paths["fp32"], paths["int8"])
    tokenizer = wordpieces(random.Random(0).sample(texts, min(PIECES, len(texts))), size)
    found = []
    for precision, path in paths.items():
        transformer = Transformer(path, tokenizer)
        transformer.score(texts[:2])  # warm up
        name = f"DistilBERT-sized {precision}"
        found.append(Contender(name, "transformer", _transformer_classifier(transformer), path.stat().st_size))
    return found


def _transformer_classifier(transformer: Transformer) -> Callable[[Sequence[str]], list[bool]]:
    return lambda texts: [score >= 0.5 for score in transformer.score(texts, batch=BATCH)]
