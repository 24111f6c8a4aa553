"""Time Sentiline's predictor against a straightforward use of the same graph and tokenizer, by stage.

The straightforward use is the first one would write: one ONNX Runtime session with its defaults, lists of 32 padded
to their longest text, all outputs, one Python dict per token, `json.dumps`. Both process the same lists of 32 reviews
from texts to the bytes of the answer in interleaved rounds; a ratio is the median of the ratios within a round.
Further systems use one process per core instead of threads, or run batches of texts of similar length instead of one
text. The stages are timed separately, in CPU time of the whole process, and plotted with the time that the arithmetic
of the recurrent layers alone would take at the highest rate of matrix products measured on this machine.

Usage: IMDB_ARCHIVE=… python -m benchmarks.predictor [--reviews 512] [--rounds 7] [--output docs/images/stages.png]
"""

from __future__ import annotations

import argparse
import functools
import json
import multiprocessing
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import matplotlib as mpl
import orjson
from matplotlib.figure import Figure

from benchmarks.lib.arithmetic import operations, peak
from benchmarks.lib.batched import Batched
from benchmarks.lib.reviews import sample_reviews
from benchmarks.lib.rounds import interleave, ratio
from benchmarks.lib.straightforward import STAGES, Clock, Seconds, Straightforward
from benchmarks.lib.tables import Table, add_options, machine, publish
from sentiline.bundle import Bundle, find
from sentiline.cpus import available_cpus
from sentiline.prediction import DETAILS, Detail
from sentiline.predictor import Predictor, load
from sentiline.reading import Reading

LIST = 32
BATCHES = (4, 8, 32)
PAUSE = 0.2  # seconds before a turn, since threads of a session with ONNX Runtime's defaults spin after its last run


def answer(predictor: Predictor, texts: Sequence[str], detail: Detail) -> bytes:
    """Answer a list of texts as JSON with Sentiline."""

    def serialize(reading: Reading) -> orjson.Fragment:
        return orjson.Fragment(orjson.dumps(reading.as_dict(detail)))

    return orjson.dumps({"predictions": predictor.map(serialize, texts, spans=detail != "none")})


def stages(predictor: Predictor, texts: Sequence[str], detail: Detail) -> Seconds:
    """Return Sentiline's CPU seconds by stage, one text after the other."""
    clock = Clock()
    for text in texts:
        encoding = clock("tokenize", predictor.tokenizer.encode, text)
        reading = clock("infer", predictor.infer, text, encoding)
        document = clock("build", reading.as_dict, detail)
        clock("serialize", orjson.dumps, document)
    return clock.seconds


_in_process: Predictor | None = None  # set in each worker process


def _begin(model: str) -> None:
    global _in_process
    _in_process = load(model, threads=1)


def _answer_in_process(texts: Sequence[str], detail: Detail) -> list[bytes]:
    assert _in_process is not None
    return [orjson.dumps(reading.as_dict(detail)) for reading in _in_process.read(texts, spans=detail != "none")]


def answer_in_processes(pool: ProcessPoolExecutor, processes: int, texts: Sequence[str], detail: Detail) -> bytes:
    """Answer a list of texts as JSON with a process pool; each process gets an equal share of texts by length."""
    order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
    shares = [order[first::processes] for first in range(processes)]
    futures = [pool.submit(_answer_in_process, [texts[index] for index in share], detail) for share in shares]
    predictions: list[Any] = [None] * len(texts)
    for share, future in zip(shares, futures, strict=True):
        for index, prediction in zip(share, future.result(), strict=True):
            predictions[index] = orjson.Fragment(prediction)
    return orjson.dumps({"predictions": predictions})


def compare(
    predictor: Predictor, naive: Straightforward, lists: Sequence[list[str]], detail: Detail, rounds: int
) -> dict[str, list[float]]:
    """Measure the reviews per second of each system in each round."""
    reviews, processes = sum(map(len, lists)), available_cpus()

    def timed(work: Callable[[list[str]], bytes]) -> Callable[[], float]:
        def turn() -> float:
            time.sleep(PAUSE)
            started = time.perf_counter()
            for texts in lists:
                work(texts)
            return reviews / (time.perf_counter() - started)

        turn()  # warm up
        return turn

    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, spawn, _begin, (str(predictor.bundle.path),)) as pool, ExitStack() as stack:
        check_all(predictor.bundle, lists[0], detail)
        systems = {
            "straightforward": timed(lambda texts: naive.answer(texts, detail)),
            "Sentiline": timed(lambda texts: answer(predictor, texts, detail)),
            "Sentiline, one process per core": timed(lambda texts: answer_in_processes(pool, processes, texts, detail)),
        }
        for size in BATCHES:
            batched = stack.enter_context(Batched(predictor.bundle, size, predictor.threads))
            systems[f"batches of {size} of similar length"] = timed(functools.partial(batched.answer, detail=detail))
        return interleave(systems, rounds)


def check_all(bundle: Bundle, texts: list[str], detail: Detail) -> None:
    """Compare the answers of all systems in float32, where a text's neighbours in a batch change nothing.

    Raises:
        SystemExit: An answer differs.
    """
    with load(bundle.path, precision="fp32", threads=2) as predictor, ExitStack() as stack:
        ours = answer(predictor, texts, detail)
        check(ours, Straightforward(bundle, "fp32").answer(texts, detail))
        for size in BATCHES:
            check(ours, stack.enter_context(Batched(bundle, size, 2, "fp32")).answer(texts, detail))


def check(ours: bytes, theirs: bytes) -> None:
    """Check that two answers agree.

    Raises:
        SystemExit: They differ.
    """
    pairs = list(zip(json.loads(ours)["predictions"], json.loads(theirs)["predictions"], strict=True))
    largest = max(abs(one["positive"] - other["positive"]) for one, other in pairs)
    if largest > 1e-5 or any(one.keys() != other.keys() for one, other in pairs):
        raise SystemExit(f"the answers differ by {largest}, so the systems are not comparable")


def draw(parts: dict[str, Seconds], limits: dict[str, float], path: Path) -> None:
    """Plot stacked bars of CPU milliseconds per review by stage, with lines at the arithmetic limit."""
    colours = dict(zip(STAGES, ("#7a9cc6", "#c3cbd6", "#e0a95f", "#c96f5b"), strict=True))
    with mpl.rc_context({"font.size": 9}):
        figure = Figure(figsize=(8.6, 3.2), layout="constrained")
        axes = figure.subplots()
        for row, seconds in enumerate(parts.values()):
            left = 0.0
            for stage, value in seconds.items():
                axes.barh(row, 1e3 * value, 0.62, left, color=colours[stage], label=None if row else stage)
                left += 1e3 * value
            axes.annotate(
                f"{left:.2f} ms", (left, row), xytext=(4, 0), textcoords="offset points", va="center", color="#4b5563"
            )
        for (kind, limit), style in zip(limits.items(), ("--", ":"), strict=True):
            label = f"{kind} matrix products at this machine's peak: {1e3 * limit:.2f} ms"
            axes.axvline(1e3 * limit, color="#26292e", linestyle=style, linewidth=1.2, label=label)
        axes.set_yticks(range(len(parts)), parts)
        axes.invert_yaxis()
        axes.set_xlabel("CPU milliseconds per review")
        axes.margins(x=0.12)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=8)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=130, metadata={"Software": None})


def breakdown(
    predictor: Predictor, naive: Straightforward, lists: Sequence[list[str]], rounds: int
) -> dict[str, Seconds]:
    """Measure the CPU seconds per review by system and stage, the median over the rounds."""

    def turn(measure: Callable[[Sequence[str], Detail], Seconds], detail: Detail) -> Seconds:
        total = dict.fromkeys(STAGES, 0.0)
        for texts in lists:
            for stage, seconds in measure(texts, detail).items():
                total[stage] += seconds
        return total

    reviews = sum(map(len, lists))
    systems = {
        f"Sentiline, {detail}": functools.partial(turn, functools.partial(stages, predictor), detail)
        for detail in DETAILS
    } | {
        f"straightforward, {detail}": functools.partial(turn, naive.stages, detail)
        for detail in DETAILS
        if detail != "sentences"  # for which there is no straightforward way
    }
    return {
        name: {stage: statistics.median(one[stage] for one in turns) / reviews for stage in STAGES}
        for name, turns in interleave(systems, rounds).items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_options(parser)
    parser.add_argument("--reviews", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--output", type=Path, help="PNG file for the plot of the stages")
    options = parser.parse_args()
    about = machine()
    texts = sample_reviews(options.archive, options.reviews)
    lists = [texts[start : start + LIST] for start in range(0, len(texts), LIST)]
    bundle = find(options.model)
    naive = Straightforward(bundle)
    with Predictor(bundle) as predictor:
        tokens = statistics.mean(predictor.tokenizer.encode(text).tokens_used for text in texts)
        speeds = {
            detail: compare(predictor, naive, lists, detail, options.rounds)
            for detail in DETAILS
            if detail != "sentences"
        }
        parts = breakdown(predictor, naive, lists, options.rounds)
        title = repr(predictor)
    needed = tokens * operations(bundle.manifest)
    peaks = {kind: peak(kind) for kind in ("fp32", "int8")}
    limits = {kind: needed / rate for kind, rate in peaks.items()}
    if options.output:
        draw(parts, limits, options.output)
    parts_table = Table(
        ["CPU ms per review", *STAGES, "sum"],
        [
            [name, *(f"{1e3 * seconds[stage]:.3f}" for stage in STAGES), f"{1e3 * sum(seconds.values()):.3f}"]
            for name, seconds in parts.items()
        ],
    )
    publish(
        [
            f"{len(texts)} validation reviews of {tokens:.0f} tokens on average in lists of {LIST}, {options.rounds} "
            f"interleaved rounds; {title}; {about}.",
            speed_table(speeds),
            parts_table,
            f"The recurrent layers need {needed / 1e6:.1f} million operations per review. Matrix products of 512 x 512 "
            f"reach {peaks['fp32'] / 1e9:.0f} (fp32) and {peaks['int8'] / 1e9:.0f} (int8) thousand million operations "
            f"per second on one core here, at which that would take {1e3 * limits['fp32']:.3f} and "
            f"{1e3 * limits['int8']:.3f} ms.",
        ],
        {
            "reviews_per_second": speeds,
            "cpu_seconds_a_review": parts,
            "tokens": tokens,
            "operations": needed,
            "peak": peaks,
        },
        options,
    )


def speed_table(speeds: Mapping[str, dict[str, list[float]]]) -> Table:
    rows = []
    for name in next(iter(speeds.values())):
        row = [name]
        for systems in speeds.values():
            times = ratio(systems[name], systems["straightforward"])
            row += [f"{statistics.median(systems[name]):,.0f}", f"{times:.2f}"]
        rows.append(row)
    columns = [""]
    for detail in speeds:
        columns += [f"{detail}: reviews/s", "ratio"]
    return Table(columns, rows)


if __name__ == "__main__":
    main()
