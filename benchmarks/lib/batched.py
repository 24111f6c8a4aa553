"""Batches of texts of similar length on every core: the alternative to Sentiline's one text per run."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self

import onnxruntime as ort
import orjson

from benchmarks.lib.straightforward import Straightforward
from sentiline.bundle import Bundle
from sentiline.prediction import Detail


class Batched(Straightforward):
    """Sorts texts by length and runs them in batches, one thread per batch, the longest first; a context manager."""

    def __init__(self, bundle: Bundle, size: int, threads: int, precision: str | None = None) -> None:
        """Load a precision of the bundle, by default its default; `size` is the batch size."""
        super().__init__(bundle, precision)
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        graph = bundle.read(bundle.manifest.precisions[bundle.precision(precision)])
        self._session = ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        self._size = size
        self._pool = ThreadPoolExecutor(threads)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown()

    def answer(self, texts: Sequence[str], detail: Detail) -> bytes:
        """Answer a list of texts as JSON."""
        encodings = self.tokenize(texts)
        order = sorted(range(len(texts)), key=lambda index: -encodings[index].tokens_used)
        batches = [order[start : start + self._size] for start in range(0, len(order), self._size)]

        def read(batch: list[int]) -> list[dict[str, Any]]:
            chosen = [encodings[index] for index in batch]
            return self.build([texts[index] for index in batch], chosen, self.infer(chosen), detail)

        predictions: list[dict[str, Any]] = [{}] * len(texts)
        for batch, found in zip(batches, self._pool.map(read, batches), strict=True):
            for index, prediction in zip(batch, found, strict=True):
                predictions[index] = prediction
        return orjson.dumps({"predictions": predictions})
