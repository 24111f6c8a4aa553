"""Time Sentiline against a transformer of DistilBERT's size with random weights, on ONNX Runtime with all cores.

The transformer runs in float32 and with dynamically quantized 8-bit weights, see `benchmarks.lib.transformer`. The
`tokenizers` library splits its texts into WordPiece tokens as BERT does: lower-cased, at most 512 with [CLS] and [SEP].
The vocabulary of at most 30,522 pieces is trained on the very reviews that are read, so they need fewer pieces than
with BERT's own vocabulary.

Usage: IMDB_ARCHIVE=… python -m benchmarks.transformer [--reviews 48] [--rounds 3] [--quick]
"""

from __future__ import annotations

import argparse
import functools
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.lib.reviews import sample_reviews
from benchmarks.lib.rounds import interleave, ratio
from benchmarks.lib.tables import Table, add_options, machine, publish
from benchmarks.lib.transformer import DISTILBERT, TINY, Transformer, build, quantize, wordpieces
from sentiline.predictor import Predictor, load

REPEATS = 20  # Sentiline reads the reviews this many times per turn, since one pass is too short to time


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_options(parser)
    parser.add_argument("--reviews", type=int, default=48)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="a tiny encoder; the figures mean nothing")
    options = parser.parse_args()
    size = TINY if options.quick else DISTILBERT
    about = machine()
    texts = sample_reviews(options.archive, options.reviews)
    with tempfile.TemporaryDirectory() as folder, load(options.model) as predictor:
        fp32, int8 = Path(folder, "fp32.onnx"), Path(folder, "int8.onnx")
        parameters = build(fp32, size)
        quantize(fp32, int8)
        tokenizer = wordpieces(texts, size)
        transformers = {name: Transformer(path, tokenizer) for name, path in (("fp32", fp32), ("int8", int8))}
        speeds = throughput(predictor, transformers, texts, options.rounds)
        latencies = latency(predictor, transformers, texts, options.rounds)
        pieces = statistics.mean(sum(encoding.attention_mask) for encoding in tokenizer.encode_batch(texts))
    rows = []
    for name, values in speeds.items():
        times = ratio(speeds["Sentiline"], values)
        delay = latencies.get(name)
        cells = [""] * 2 if delay is None else [f"{1e3 * delay:.2f}", f"{delay / latencies['Sentiline']:.0f}"]
        rows.append([name, f"{statistics.median(values):,.1f}", f"{times:.0f}", *cells])
    columns = ["", "reviews/s", "Sentiline is faster, times", "one review, median ms", "Sentiline is sooner, times"]
    text = (
        f"{len(texts)} validation reviews, {options.rounds} interleaved rounds; {about}. The transformer has "
        f"{parameters:,} parameters and reads {pieces:.0f} pieces per review on average; {predictor!r}, detail none."
    )
    figures = {"parameters": parameters, "pieces": pieces, "reviews_per_second": speeds, "median_seconds": latencies}
    publish([text, Table(columns, rows)], figures, options)


def throughput(
    predictor: Predictor, transformers: dict[str, Transformer], texts: Sequence[str], rounds: int
) -> dict[str, list[float]]:
    """Measure the reviews per second of each system in each round."""

    def timed(work: Callable[[], object], reviews: int) -> Callable[[], float]:
        def turn() -> float:
            started = time.perf_counter()
            work()
            return reviews / (time.perf_counter() - started)

        return turn

    systems = {"Sentiline": timed(lambda: predictor.read(list(texts) * REPEATS, spans=False), REPEATS * len(texts))}
    for name, transformer in transformers.items():
        transformer.score(texts[:2])
        for batch, title in ((1, "one review per run"), (8, "batches of 8 by length")):
            systems[f"transformer {name}, {title}"] = timed(
                functools.partial(transformer.score, texts, batch=batch), len(texts)
            )
    return interleave(systems, rounds)


def latency(
    predictor: Predictor, transformers: dict[str, Transformer], texts: Sequence[str], rounds: int
) -> dict[str, float]:
    """Measure the median seconds of a single review."""

    def timed(work: Callable[[list[str]], object]) -> Callable[[], list[float]]:
        def turn() -> list[float]:
            seconds = []
            for text in texts:
                started = time.perf_counter()
                work([text])
                seconds.append(time.perf_counter() - started)
            return seconds

        return turn

    systems: dict[str, Callable[[], list[float]]] = {"Sentiline": timed(predictor.read)}
    for name, transformer in transformers.items():
        systems[f"transformer {name}, one review per run"] = timed(transformer.score)
    return {
        name: statistics.median([one for turn in turns for one in turn])
        for name, turns in interleave(systems, rounds).items()
    }


if __name__ == "__main__":
    main()
