"""Runs a bundle's graph on texts, one text a run, several side by side; no padding, no batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import Any, Literal, Self, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from sentiline.bundle import Bundle, Manifest, find
from sentiline.cpus import available_cpus
from sentiline.errors import InputError, OptionError, TextTypeError
from sentiline.graph import Graph
from sentiline.parallel import ParallelMap, Timings
from sentiline.prediction import Detail, Prediction, check_detail
from sentiline.reading import Reading
from sentiline.tokenizer import Encoding, Tokenizer, Truncation, check_truncation

Errors = Literal["raise", "return"]
Result = TypeVar("Result")


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
        spans = level != "none"
        return self.map(
            lambda reading: reading.prediction(level), texts, truncation=truncation, errors=errors, spans=spans
        )

    @overload
    def read(
        self,
        texts: Sequence[str],
        *,
        truncation: Truncation | None = ...,
        errors: Literal["raise"] = ...,
        field: str = ...,
        spans: bool = ...,
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
        spans: bool = ...,
        timings: Timings | None = ...,
    ) -> list[Reading | InputError]: ...

    def read(
        self,
        texts: Sequence[str],
        *,
        truncation: Truncation | None = None,
        errors: Errors = "raise",
        field: str = "texts",
        spans: bool = True,
        timings: Timings | None = None,
    ) -> list[Reading] | list[Reading | InputError]:
        """Like `predict`, but leave the results in arrays: for callers that serialise them.

        Args:
            texts: raw texts; may be empty.
            truncation: as in `predict`.
            errors: as in `predict`.
            field: what errors call the list: the fourth text is `texts[3]`.
            spans: whether those of the tokens will be asked for, by timesteps, sentences, or `encoding.starts`; see
                `Tokenizer.encode`.
            timings: what the call's stages took is added to it.

        Returns:
            One reading for each text, in the same order, or its `InputError`.

        Raises:
            The errors of `predict`.
        """
        return self.map(
            lambda reading: reading,
            texts,
            truncation=truncation,
            errors=errors,
            field=field,
            spans=spans,
            timings=timings,
        )

    @overload
    def map(
        self,
        function: Callable[[Reading], Result],
        texts: Sequence[str],
        *,
        truncation: Truncation | None = ...,
        errors: Literal["raise"] = ...,
        field: str = ...,
        spans: bool = ...,
        timings: Timings | None = ...,
    ) -> list[Result]: ...

    @overload
    def map(
        self,
        function: Callable[[Reading], Result],
        texts: Sequence[str],
        *,
        truncation: Truncation | None = ...,
        errors: Errors,
        field: str = ...,
        spans: bool = ...,
        timings: Timings | None = ...,
    ) -> list[Result | InputError]: ...

    def map(
        self,
        function: Callable[[Reading], Result],
        texts: Sequence[str],
        *,
        truncation: Truncation | None = None,
        errors: Errors = "raise",
        field: str = "texts",
        spans: bool = True,
        timings: Timings | None = None,
    ) -> list[Result] | list[Result | InputError]:
        """Like `read`, but call a function with each reading in the thread that made it.

        What the function does, such as serializing, then overlaps with the reading of other texts. It may be called
        from several threads at once; `timings` leaves it out.

        Args:
            function: called once with each reading, the longest text's first. What it raises is raised here.
            texts: raw texts; may be empty.
            truncation: as in `predict`.
            errors: as in `predict`.
            field: as in `read`.
            spans: as in `read`.
            timings: as in `read`.

        Returns:
            What the function made of each text, in the same order, or the text's `InputError`.

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
        work = ParallelMap(
            items,
            lambda text, times: self._read(text, truncation, spans, times),
            function,
            field,
            stop=errors == "raise",
        )
        helpers = min(self.threads, len(items)) - 1
        futures = [self._pool.submit(work.run) for _ in range(helpers)] if self._pool else []
        work.run()  # the calling thread does its share: it cannot starve where the pool is busy with other calls
        for future in futures:
            if not future.cancel():
                future.result()
        if timings is not None:
            timings.add(work.timings.tokenize, work.timings.infer)
        return work.results()

    def _read(self, text: Any, truncation: Truncation | None, spans: bool, timings: Timings) -> Reading:
        started = perf_counter()
        encoding = self.tokenizer.encode(text, truncation=truncation, spans=spans)
        encoded = perf_counter()
        reading = self.infer(text, encoding)
        timings.add(encoded - started, perf_counter() - encoded)
        return reading

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


def _as_list(texts: Any, field: str) -> list[Any]:
    if isinstance(texts, str):
        raise TextTypeError(f"{field} must be a list of strings; got one string: wrap it in [ ]", field=field)
    if isinstance(texts, bytes | bytearray | Mapping) or not isinstance(texts, Iterable):
        raise TextTypeError(f"{field} must be a list of strings; got {type(texts).__name__}", field=field)
    return list(texts)
