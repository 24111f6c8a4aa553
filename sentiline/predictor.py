"""Inference: runs a bundle's graph on texts, one text per run, on several threads; no padding, no batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import Any, Literal, Self, TypeVar, cast, overload

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
        name_or_path: The name of an installed model, or the path of a bundle's folder.
        precision: "fp32" or "int8" (8-bit weights, smaller and faster). Defaults to the bundle's own choice.
        threads: The number of texts processed at the same time. Defaults to the CPUs this process may use.

    Raises:
        BundleNotFoundError: There is no such model.
        BundleCorruptError: One of the model's files is missing, altered or malformed.
        OptionError: The model does not have that precision, `threads` is not a whole number of at least 1, or
            `name_or_path` is neither a string nor a path.
        SettingError: `SENTILINE_MODELS` names a folder that does not exist.
    """
    return Predictor(find(name_or_path), precision=precision, threads=threads)


class Predictor:
    """A loaded model; safe to use from many threads at once.

    Each text is a run of its own on one thread, so its answer depends neither on its neighbours in the list nor on
    the number of threads, bit for bit. A call processes up to `threads` texts at the same time; a call with one text
    runs in the calling thread.

    Attributes:
        bundle: The bundle that the model was loaded from.
        manifest: The bundle's manifest.
        precision: The name of the precision in use.
        threads: The number of texts processed at the same time.
        tokenizer: The bundle's tokenizer.
    """

    def __init__(self, bundle: Bundle, *, precision: str | None = None, threads: int | None = None) -> None:
        """Load from an opened bundle; see `load` for the arguments and errors."""
        if threads is not None and (not isinstance(threads, int) or isinstance(threads, bool) or threads < 1):
            raise OptionError(f"threads is {threads!r}; it must be a whole number of at least 1", field="threads")
        self.bundle = bundle
        self.manifest: Manifest = bundle.manifest
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

    @overload
    def predict(
        self,
        texts: Sequence[str],
        *,
        detail: Detail = ...,
        truncation: Truncation | None = ...,
        errors: Literal["raise"] = ...,
        neutral: bool = ...,
    ) -> list[Prediction]: ...

    @overload
    def predict(
        self,
        texts: Sequence[str],
        *,
        detail: Detail = ...,
        truncation: Truncation | None = ...,
        errors: Errors,
        neutral: bool = ...,
    ) -> list[Prediction | InputError]: ...

    def predict(
        self,
        texts: Sequence[str],
        *,
        detail: Detail = "none",
        truncation: Truncation | None = None,
        errors: Errors = "raise",
        neutral: bool = False,
    ) -> list[Prediction] | list[Prediction | InputError]:
        """Predict the sentiment of each text.

        Args:
            texts: The raw texts; may be empty.
            detail: "timesteps" adds the prediction at every token, "sentences" each sentence's contribution.
            truncation: The policy for texts longer than the model reads. Defaults to the bundle's policy.
            errors: "raise" raises the first text's error; "return" returns each error in its text's place.
            neutral: Whether the labels are NEGATIVE, NEUTRAL and POSITIVE, with the `probabilities` of all three.

        Returns:
            One prediction per text, in the same order; an `InputError` in its place only if `errors` is "return".

        Raises:
            TextTypeError: `texts` is a single string or not a list, or one of the texts is not a string.
            EmptyTextError: A text has no token.
            TextTooLongError: A text is too long and the policy is "error".
            OptionError: `detail`, `truncation`, `errors` or `neutral` has an unknown value, or `neutral` is set and the
                bundle has no cut points.
            RuntimeError: The predictor is closed.
        """
        level = check_detail(detail)
        spans = level != "none"
        if errors not in ("raise", "return"):
            raise OptionError(f'errors is {errors!r}; it must be "raise" or "return"', field="errors")
        stop = errors == "raise"
        function = self._with_classes(lambda reading: reading.prediction(level), neutral)
        return self._map(function, texts, truncation, "texts", spans, None, stop=stop)

    def read(
        self,
        texts: Sequence[str],
        *,
        truncation: Truncation | None = None,
        field: str = "texts",
        spans: bool = True,
        timings: Timings | None = None,
        neutral: bool = False,
    ) -> list[Reading]:
        """Predict as `predict` does, but leave the results in arrays, for callers that serialize them.

        Args:
            texts: The raw texts; may be empty.
            truncation: The policy for long texts, as in `predict`.
            field: The name of the list in errors: the fourth text is `texts[3]`.
            spans: Whether the tokens' positions will be needed, for timesteps, sentences or `encoding.starts`; see
                `Tokenizer.encode`.
            timings: The seconds spent in each stage are added to it.
            neutral: Whether the labels are of three classes, as in `predict`.

        Returns:
            One reading per text, in the same order.

        Raises:
            The errors of `predict`; the first text's error is raised.
        """
        function = self._with_classes(_unchanged, neutral)
        return self.map(function, texts, truncation=truncation, field=field, spans=spans, timings=timings)

    def read_each(
        self,
        texts: Sequence[str],
        *,
        truncation: Truncation | None = None,
        field: str = "texts",
        spans: bool = True,
        timings: Timings | None = None,
        neutral: bool = False,
    ) -> list[Reading | InputError]:
        """Read the texts as `read` does, but return a text's error in its place instead of raising it."""
        return self._map(self._with_classes(_unchanged, neutral), texts, truncation, field, spans, timings, stop=False)

    def map(
        self,
        function: Callable[[Reading], Result],
        texts: Sequence[str],
        *,
        truncation: Truncation | None = None,
        field: str = "texts",
        spans: bool = True,
        timings: Timings | None = None,
    ) -> list[Result]:
        """Read the texts as `read` does, and call a function with each reading in the thread that made it.

        The function's work, such as serializing, then overlaps with the inference of other texts. It may be called
        from several threads at once; `timings` does not include it.

        Args:
            function: Called once with each reading, the longest text's first. What it raises is raised here.
            texts: As in `read`.
            truncation: As in `read`.
            field: As in `read`.
            spans: As in `read`.
            timings: As in `read`.

        Returns:
            The function's result for each text, in the same order.

        Raises:
            The errors of `predict`; the first text's error is raised.
        """
        results = self._map(function, texts, truncation, field, spans, timings, stop=True)
        return cast("list[Result]", results)

    def _with_classes(self, function: Callable[[Reading], Result], neutral: bool) -> Callable[[Reading], Result]:
        """Return a function that is given readings with labels of three classes if `neutral` is set."""
        if not isinstance(neutral, bool):
            raise OptionError(f"neutral is {neutral!r}; it must be True or False", field="neutral")
        if not neutral:
            return function
        cut_points = self.manifest.require_cut_points()
        return lambda reading: function(reading.with_cut_points(cut_points))

    def _map(
        self,
        function: Callable[[Reading], Result],
        texts: Sequence[str],
        truncation: Truncation | None,
        field: str,
        spans: bool,
        timings: Timings | None,
        *,
        stop: bool,
    ) -> list[Result | InputError]:
        if truncation is not None:
            check_truncation(truncation)
        if self._closed:
            raise RuntimeError("this predictor is closed")
        items = _as_list(texts, field)
        work = ParallelMap(
            items, lambda text, times: self._read(text, truncation, spans, times), function, field, stop=stop
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
        """Return the service's JSON answer as plain Python values: model, version and predictions."""
        return {
            "model": self.manifest.name,
            "version": self.manifest.version,
            "predictions": [reading.as_dict(detail) for reading in readings],
        }

    def run(self, encoding: Encoding) -> dict[str, NDArray[np.float32]]:
        """Run the graph on one tokenized text and return its outputs by name; see `Graph.run`."""
        return self._graph.run(encoding.ids)

    def infer(self, text: str, encoding: Encoding) -> Reading:
        """Run the model on one tokenized text, in the calling thread.

        Args:
            text: The raw text.
            encoding: The same text as encoded by `tokenizer`.
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


def _unchanged(reading: Reading) -> Reading:
    return reading


def _as_list(texts: Any, field: str) -> list[Any]:
    if isinstance(texts, str):
        raise TextTypeError(f"{field} must be a list of strings; got one string: wrap it in [ ]", field=field)
    if isinstance(texts, bytes | bytearray | Mapping) or not isinstance(texts, Iterable):
        raise TextTypeError(f"{field} must be a list of strings; got {type(texts).__name__}", field=field)
    return list(texts)
