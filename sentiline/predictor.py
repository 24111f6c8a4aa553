"""Runs a bundle's graph on texts, one text a run, several side by side; no padding, no batches."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import Any, Literal, Self, overload

import numpy as np
from numpy.typing import NDArray

from sentiline.bundle import Bundle, Manifest, find
from sentiline.cpus import available_cpus
from sentiline.errors import InputError, OptionError, TextTypeError
from sentiline.graph import Graph
from sentiline.prediction import Detail, Prediction, check_detail
from sentiline.reading import Reading
from sentiline.timings import Timings
from sentiline.tokenizer import Encoding, Tokenizer, Truncation, check_truncation

Errors = Literal["raise", "return"]


def load(name_or_path: str | Path = "bilstm", *, precision: str | None = None, threads: int | None = None) -> Predictor:
    """Load a model, verify its files, and warm it up with a first inference.

    Args:
        name_or_path: name of an installed model, or path of a bundle's folder.
        precision: "fp32" or "int8" (8-bit weights: smaller and faster); default the bundle's own choice.
        threads: texts read side by side; default the CPUs this process may use.

    Raises:
        BundleNotFoundError: no such model.
        BundleCorruptError: a file of it is missing, altered or malformed.
        OptionError: the model lacks that precision, `threads` is no whole number of at least 1, or `name_or_path` is
            neither a string nor a path.
        SettingError: `SENTILINE_MODELS` names a folder that does not exist.
    """
    return Predictor(find(name_or_path), precision=precision, threads=threads)


class Predictor:
    """A loaded model; safe to use from many threads at once.

    Every text is a run of its own on one thread, so its answer depends neither on its neighbours in the list nor on
    the number of threads, bit for bit. A call reads up to `threads` texts side by side; a call with one text runs
    in the calling thread.

    Attributes:
        bundle: where the model came from.
        precision: name of the precision in use.
        threads: texts read side by side.
        tokenizer: the bundle's tokenizer.
    """

    def __init__(self, bundle: Bundle, *, precision: str | None = None, threads: int | None = None) -> None:
        """Load from an opened bundle; see `load` for the arguments and errors."""
        if threads is not None and (not isinstance(threads, int) or isinstance(threads, bool) or threads < 1):
            raise OptionError(f"threads is {threads!r}; it must be a whole number of at least 1", field="threads")
        self.bundle = bundle
        self.precision = bundle.precision(precision)
        self.threads = available_cpus() if threads is None else threads
        self.tokenizer: Tokenizer = bundle.tokenizer()
        graph = bundle.manifest.precisions[self.precision]
        self._graph = Graph(
            bundle.read(graph),
            bundle.path / graph,
            additive=bundle.manifest.additive,
            vocabulary=len(self.tokenizer.vocabulary),
        )
        self._pool = ThreadPoolExecutor(self.threads - 1, "sentiline") if self.threads > 1 else None
        self._closed = False

    @property
    def manifest(self) -> Manifest:
        """The bundle's manifest."""
        return self.bundle.manifest

    @overload
    def predict(
        self,
        texts: Sequence[str],
        *,
        detail: Detail = ...,
        truncation: Truncation | None = ...,
        errors: Literal["raise"] = ...,
    ) -> list[Prediction]: ...

    @overload
    def predict(
        self, texts: Sequence[str], *, detail: Detail = ..., truncation: Truncation | None = ..., errors: Errors
    ) -> list[Prediction | InputError]: ...

    def predict(
        self,
        texts: Sequence[str],
        *,
        detail: Detail = "none",
        truncation: Truncation | None = None,
        errors: Errors = "raise",
    ) -> list[Prediction] | list[Prediction | InputError]:
        """Predict the sentiment of each text.

        Args:
            texts: raw texts; may be empty.
            detail: "timesteps" also returns the prediction at every token, "sentences" what every sentence adds to
                the verdict.
            truncation: what to do with a text longer than the model reads; default the bundle's policy.
            errors: "raise" raises the first text's error; "return" puts each error into its text's place.

        Returns:
            One prediction for each text, in the same order; an `InputError` instead of it only if `errors` is
            "return".

        Raises:
            TextTypeError: `texts` is a single string or no list, or one of the texts is not a string.
            EmptyTextError: a text holds no token.
            TextTooLongError: a text is too long, under `truncation="error"`.
            OptionError: `detail`, `truncation` or `errors` has no such value.
            RuntimeError: the predictor is closed.
        """
        level = check_detail(detail)
        return [
            reading.prediction(level) if isinstance(reading, Reading) else reading
            for reading in self.read(texts, truncation=truncation, errors=errors)
        ]

    @overload
    def read(
        self,
        texts: Sequence[str],
        *,
        truncation: Truncation | None = ...,
        errors: Literal["raise"] = ...,
        field: str = ...,
        timings: Timings | None = ...,
    ) -> list[Reading]: ...

    @overload
    def read(
        self,
        texts: Sequence[str],
        *,
        truncation: Truncation | None = ...,
        errors: Errors,
        field: str = ...,
        timings: Timings | None = ...,
    ) -> list[Reading | InputError]: ...

    def read(
        self,
        texts: Sequence[str],
        *,
        truncation: Truncation | None = None,
        errors: Errors = "raise",
        field: str = "texts",
        timings: Timings | None = None,
    ) -> list[Reading] | list[Reading | InputError]:
        """Like `predict`, but leave the results in arrays: for callers that serialise them.

        Args:
            texts: raw texts; may be empty.
            truncation: as in `predict`.
            errors: as in `predict`.
            field: what errors call the list: the fourth text is `texts[3]`.
            timings: what the call's stages took is added to it.

        Returns:
            One reading for each text, in the same order, or its `InputError`.

        Raises:
            The errors of `predict`.
        """
        if truncation is not None:
            check_truncation(truncation)
        if errors not in ("raise", "return"):
            raise OptionError(f'errors is {errors!r}; it must be "raise" or "return"', field="errors")
        if self._closed:
            raise RuntimeError("this predictor is closed")
        items = _as_list(texts, field)
        work = _Work(self, items, truncation, field, stop=errors == "raise")
        helpers = min(self.threads, len(items)) - 1
        futures = [self._pool.submit(work.run) for _ in range(helpers)] if self._pool else []
        try:
            work.run()  # the calling thread does its share: it cannot starve where the pool is busy with other calls
        except BaseException:  # Ctrl-C included: nobody wants the rest any more
            work.abandon()
            raise
        for future in futures:
            if not future.cancel():
                future.result()
        if timings is not None:
            timings.add(work.timings.tokenize, work.timings.infer)
        return work.results()

    def answer(self, readings: Iterable[Reading], detail: Detail = "none") -> dict[str, Any]:
        """The JSON document of an answer, as plain Python values: model, version and predictions."""
        return {
            "model": self.manifest.name,
            "version": self.manifest.version,
            "predictions": [reading.as_dict(detail) for reading in readings],
        }

    def run(self, encoding: Encoding) -> dict[str, NDArray[np.float32]]:
        """Run the graph on one tokenized text; see `Graph.run` for what it returns."""
        return self._graph.run(encoding.ids)

    def infer(self, text: str, encoding: Encoding) -> Reading:
        """Read one text that is tokenized already, in the calling thread.

        Args:
            text: the raw text.
            encoding: what `tokenizer` made of it.
        """
        outputs = self.run(encoding)
        contributions = outputs.get("contributions")
        return Reading(
            text=text,
            encoding=encoding,
            positive=float(outputs["probability"][0]),
            logit=float(outputs["logit"][0]),
            bias=float(outputs["bias"][0]),
            scores=outputs["scores"][0],
            contributions=None if contributions is None else contributions[0],
            thresholds=self.manifest.uncertainty,
        )

    def close(self) -> None:
        """Stop the worker threads; the predictor cannot be used afterwards. May be called twice."""
        self._closed = True
        if self._pool:
            self._pool.shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        name, version = self.manifest.name, self.manifest.version
        return f"<Predictor {name} {version} {self.precision}, threads={self.threads}>"


class _Work:
    """The texts of one call, shared out among the threads that run it."""

    def __init__(
        self, predictor: Predictor, texts: list[Any], truncation: Truncation | None, field: str, *, stop: bool
    ) -> None:
        self._predictor = predictor
        self._texts = texts
        self._truncation = truncation
        self._field = field
        self._stop = stop
        self._results: list[Reading | InputError | None] = [None] * len(texts)
        self._failed = len(texts)  # least index of a text with an error
        # longest first: no long text is left to one thread at the end while the others idle
        lengths = [len(text) if isinstance(text, str) else 0 for text in texts]
        self._queue = sorted(range(len(texts)), key=lengths.__getitem__)
        self._lock = threading.Lock()
        self.timings = Timings()

    def run(self) -> None:
        """Read texts until none is left."""
        timings = Timings()  # this thread's
        while True:
            with self._lock:
                if not self._queue:
                    self.timings.add(timings.tokenize, timings.infer)
                    return
                index = self._queue.pop()
            if self._stop and index > self._failed:
                continue  # the call will raise the error of an earlier text
            try:
                self._results[index] = self._read(self._texts[index], timings)
            except InputError as error:
                name = f"{self._field}[{index}]"
                named = type(error)(f"{name}: {error}", field=name)
                vars(named).update(vars(error) | {"field": name})  # its limit, if it has one
                self._results[index] = named
                with self._lock:
                    self._failed = min(self._failed, index)

    def abandon(self) -> None:
        """Leave the texts that no thread has begun."""
        with self._lock:
            self._queue.clear()

    def results(self) -> list[Reading | InputError]:
        """All results in the order of the texts; raises the first error if the call is to raise."""
        if self._stop:
            for result in self._results[self._failed :]:
                if isinstance(result, InputError):
                    raise result
        return [result for result in self._results if result is not None]

    def _read(self, text: str, timings: Timings) -> Reading:
        started = perf_counter()
        encoding = self._predictor.tokenizer.encode(text, truncation=self._truncation)
        encoded = perf_counter()
        reading = self._predictor.infer(text, encoding)
        timings.add(encoded - started, perf_counter() - encoded)
        return reading


def _as_list(texts: Any, field: str) -> list[Any]:
    if isinstance(texts, str):
        raise TextTypeError(f"{field} must be a list of strings; got one string: wrap it in [ ]", field=field)
    if isinstance(texts, bytes | bytearray | Mapping) or not isinstance(texts, Iterable):
        raise TextTypeError(f"{field} must be a list of strings; got {type(texts).__name__}", field=field)
    return list(texts)
