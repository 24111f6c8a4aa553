"""The training steps that `benchmarks.training` times, in a separate process, since threads are set once per process.

Usage: python -m benchmarks.lib.training_steps IDS.npz --intra 1 --inter 2 --steps 8 fit pretrain-bfloat16 layer-256
Prints one line of JSON after every case: the best matrix products, and the steps of every case so far.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from training.config.fit import FitConfig
from training.config.presets import BILSTM
from training.config.pretraining import PretrainConfig
from training.config.small_data import SMALL_BATCH
from training.data.dataset import bucketed_batches, pad
from training.nn import backend, model
from training.nn.model import build_model
from training.pretraining import language_model
from training.pretraining.batches import CandidateSampler, join_into_streams, window_at
from training.pretraining.language_model import build_language_model
from training.pretraining.trainer import Pretrainer
from training.supervised.trainer import Trainer

FIT_CASES = ("few", "few-keras", "fit", "fit-keras", "fit-bfloat16", "fit-unbucketed", "fit-eager", "fit-xla")
PRETRAIN_CASES = ("pretrain-bfloat16", "pretrain-float32", "pretrain-keras", "pretrain-xla")
LAYER_BATCH, LAYER_TIME = 64, 200


def lstm_operations(tokens: int, inputs: int, units: int) -> int:
    """Count the multiplications and additions of one direction, forward and backward.

    A token's forward step multiplies [inputs + units] by [inputs + units, 4 · units]; its gradient by weights and by
    inputs is another product of that size each.
    """
    return 3 * tokens * 2 * (inputs + units) * 4 * units


def fit_operations(config: FitConfig, tokens: int) -> int:
    """Count the operations of one training step: the products of the layers in the clean and in the perturbed pass.

    Word vectors, pooling and the optimizer add less than a hundredth and are not counted.
    """
    passes = 2 if config.adversarial else 1
    inputs, total, directions = config.embedding, 0, 2 if config.direction == "bidirectional" else 1
    for _ in range(config.layers):
        total += directions * lstm_operations(tokens, inputs, config.units)
        inputs = directions * config.units
    return passes * total


def pretrain_operations(config: PretrainConfig) -> int:
    """Count the operations of one training step: layers, projections and candidates, in both directions."""
    tokens = config.streams * config.window
    guess = config.embedding * (config.units + config.candidates)
    return 2 * (lstm_operations(tokens, config.embedding, config.units) + 3 * tokens * 2 * guess)


def peak(dtype: str, size: int = 1536, seconds: float = 1.0) -> float:
    """Measure the operations per second of TensorFlow's best square matrix product with this process's threads."""
    factor = tf.cast(tf.constant(np.random.default_rng(0).normal(size=(size, size)), tf.float32), dtype)
    best, ends = float("inf"), time.perf_counter() + seconds
    while best == float("inf") or time.perf_counter() < ends:
        started = time.perf_counter()
        tf.matmul(factor, factor).numpy()
        best = min(best, time.perf_counter() - started)
    return 2 * size**3 / best


def timed(step: Callable[[Any], object], arguments: Sequence[Any]) -> tuple[float, list[float]]:
    """Return the seconds of the first call, which builds the graph, and of one call per argument."""
    seconds = []
    for argument in [arguments[0], *arguments]:
        started = time.perf_counter()
        step(argument)
        seconds.append(time.perf_counter() - started)
    return seconds[0], seconds[1:]


def of_arrays(step: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a step on tensors as a step on arrays."""
    return lambda *arrays: step(*map(tf.constant, arrays))


def fit_case(
    case: str, documents: list[NDArray[np.int32]], words: int, config: FitConfig, steps: int
) -> dict[str, Any]:
    """Time the steps of a fit on batches drawn from an epoch."""
    config = dataclasses.replace(config, compute="bfloat16" if case == "fit-bfloat16" else "float32")
    if case.startswith("few"):
        config = dataclasses.replace(config, units=4 * config.units, batch_size=min(config.batch_size, SMALL_BATCH))
    trainer = Trainer(config, build_model(config, words), 1000)
    generator = np.random.default_rng(0)
    documents = [ids[: config.max_tokens] for ids in documents]
    lengths = np.array([len(ids) for ids in documents], np.int32)
    if case == "fit-unbucketed":
        order = generator.permutation(len(documents))
        batches = [order[at : at + config.batch_size] for at in range(0, len(order), config.batch_size)]
    else:
        batches = bucketed_batches(lengths, config.batch_size, generator)
    chosen = [batch for batch in batches if len(batch) == config.batch_size][:steps]
    if case in ("fit-eager", "fit-xla"):  # XLA compiles once per length, so all steps use the same
        chosen = [sorted(chosen, key=lambda batch: lengths[batch].max())[len(chosen) // 2]] * min(3, steps)
    labels = (np.arange(config.batch_size) % 2).astype(np.float32)
    padded = [pad([documents[index] for index in batch]) for batch in chosen]
    if case == "fit-xla":
        trainer._step = of_arrays(tf.function(trainer._train, jit_compile=True))
    if case == "fit-eager":
        trainer._step = of_arrays(trainer._train)
    first, seconds = timed(lambda batch: trainer.step(*batch, labels), padded)
    tokens = sum(int(real.sum()) for _, real in padded)
    return {
        "first": first,
        "seconds": seconds,
        "tokens": tokens,
        "padding": 1 - tokens / sum(ids.size for ids, _ in padded),
        "operations": fit_operations(config, tokens),
        "dtype": config.compute,
    }


def padding(documents: list[NDArray[np.int32]], config: FitConfig) -> dict[str, float]:
    """Return the share of padding among the timesteps of an epoch, by batching method."""
    lengths = np.minimum([len(ids) for ids in documents], config.max_tokens).astype(np.int32)
    order = np.random.default_rng(0).permutation(len(lengths))
    as_they_come = [order[at : at + config.batch_size] for at in range(0, len(order), config.batch_size)]
    bucketed = bucketed_batches(lengths, config.batch_size, np.random.default_rng(0))

    def share(batches: list[NDArray[np.intp]]) -> float:
        return float(1 - lengths.sum() / sum(len(batch) * lengths[batch].max() for batch in batches))

    return {"bucketed": share(bucketed), "as they come": share(as_they_come)}


def pretrain_case(
    case: str, documents: list[NDArray[np.int32]], words: int, config: PretrainConfig, steps: int
) -> dict[str, Any]:
    """Time the steps of a pre-training on consecutive windows."""
    precision = "float32" if case in ("pretrain-float32", "pretrain-keras") else "bfloat16"
    config = dataclasses.replace(config, precision=precision)
    counts = np.bincount(np.concatenate(documents), minlength=words)
    trainer = Pretrainer(config, build_language_model(config, counts, None), 1000)
    if case == "pretrain-xla":
        trainer._step = of_arrays(tf.function(trainer._train, jit_compile=True))
    repeated = documents * (1 + (config.streams * (config.window * steps + 1)) // sum(map(len, documents)))
    stream = join_into_streams(repeated, config.streams, np.random.default_rng(0))
    drawn = CandidateSampler(counts, min(config.candidates, words)).sample(np.random.default_rng(0))
    windows = [window_at(stream, number, config.window) for number in range(min(3, steps) if "xla" in case else steps)]
    first, seconds = timed(lambda ids: trainer.step(ids, *drawn), windows)
    return {
        "first": first,
        "seconds": seconds,
        "tokens": len(seconds) * config.streams * config.window,
        "padding": 0.0,
        "operations": len(seconds) * pretrain_operations(config),
        "dtype": precision,
    }


@contextmanager
def replaced_lstm(case: str) -> Iterator[None]:
    """Within this context, compute LSTMs as Keras does if the case asks for it."""
    if not case.endswith("-keras"):
        yield
        return
    with patch.object(model, "run_recurrent", by_keras), patch.object(language_model, "run_recurrent", by_keras):
        yield


def by_keras(layer: Any, inputs: Any, state: Any = None) -> Any:
    """Run `training.nn.backend.run_recurrent` without its own LSTM."""
    return layer(inputs, initial_state=state)


def layer_case(units: int, kind: str, steps: int) -> dict[str, Any]:
    """Time one LSTM layer with 128 inputs, forward and backward."""
    dtype = "bfloat16" if kind == "bfloat16" else "float32"
    read = by_keras if kind == "keras" else backend.run_recurrent
    layer = keras.layers.LSTM(
        units, return_sequences=True, dtype="mixed_bfloat16" if dtype == "bfloat16" else "float32"
    )
    layer.build((None, None, 128))
    variables = [variable.value for variable in layer.trainable_variables]

    @tf.function
    def step(vectors: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(vectors)
            total = tf.reduce_sum(tf.cast(read(layer, vectors), tf.float32))
        return tape.gradient(total, [vectors, *variables])

    vectors = tf.random.stateless_normal([LAYER_BATCH, LAYER_TIME, 128], [0, 0])
    first, seconds = timed(lambda given: step(given)[-1].numpy(), [vectors] * steps)
    tokens = LAYER_BATCH * LAYER_TIME * len(seconds)
    operations = lstm_operations(tokens, 128, units)
    return {
        "first": first, "seconds": seconds, "tokens": tokens, "padding": 0.0, "operations": operations, "dtype": dtype
    }  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ids", type=Path, help=".npz file with token ids, lengths and the number of words")
    parser.add_argument("--intra", type=int, default=0, help="threads per op; 0 for all")
    parser.add_argument("--inter", type=int, default=0, help="parallel ops; 0 for all")
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--fit", default="{}", help="fields of the plain recipe to change, as JSON")
    parser.add_argument("--pretrain", default="{}", help="fields of the pre-training's recipe to change, as JSON")
    parser.add_argument("cases", nargs="+", help="fit…, pretrain…, layer-UNITS-DTYPE")
    options = parser.parse_args(arguments)
    tf.config.threading.set_intra_op_parallelism_threads(options.intra)
    tf.config.threading.set_inter_op_parallelism_threads(options.inter)
    backend.configure()
    with np.load(options.ids) as file:
        documents, words = np.split(file["ids"], np.cumsum(file["lengths"])[:-1]), int(file["words"])
    fit = dataclasses.replace(BILSTM, **json.loads(options.fit))
    pretrain = dataclasses.replace(PretrainConfig(), **json.loads(options.pretrain))
    peaks = {dtype: peak(dtype) for dtype in ("float32", "bfloat16")}
    found: dict[str, Any] = {"peak": peaks, "padding": padding(documents, fit), "cases": {}}
    for case in options.cases:
        with replaced_lstm(case):
            if case in FIT_CASES:
                figure = fit_case(case, documents, words, fit, options.steps)
            elif case in PRETRAIN_CASES:
                figure = pretrain_case(case, documents, words, pretrain, options.steps)
            else:
                _, units, kind = case.split("-")
                figure = layer_case(int(units), kind, options.steps)
        found["cases"][case] = figure
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
