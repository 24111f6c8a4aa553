"""Inference: runs a bundle's graph on texts, on several threads; short texts in batches, long ones one per run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import Any, Literal, Self, TypeVar, cast, overload

import numpy as np
from numpy.typing import NDArray

from sentiline.batching import divide_texts
from sentiline.bundle import Bundle, Manifest, find
from sentiline.columns import Columns
from sentiline.cpus import available_cpus
from sentiline.cut_points import CutPoints
from sentiline.errors import InputError, OptionError, TextTypeError
from sentiline.graph import Graph
from sentiline.parallel import ParallelUnits, Timings
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

    A text's answer depends neither on its neighbours in the list nor on the number of threads, bit for bit: short texts
    run in batches whose rows do not affect each other, and longer ones alone; see `Graph`. A call runs on up to
    `threads` threads; a call with one text runs in the calling thread.

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
        if errors not in ("raise", "return"):
            raise OptionError(f'errors is {errors!r}; it must be "raise" or "return"', field="errors")
        stop = errors == "raise"
        items = _as_list(texts, "texts")
        if level == "none" and len(items) > 1:
            return self._columns(items, truncation, "texts", None, neutral, stop=stop).predictions()
        spans = level != "none"
        function = self._with_classes(lambda reading: reading.prediction(level), neutral)
        return self._map(function, items, truncation, "texts", spans, None, stop=stop)

    def columns(
        self,
        texts: Sequence[str],
        *,
        truncation: Truncation | None = None,
        errors: Errors = "raise",
        field: str = "texts",
        timings: Timings | None = None,
        neutral: bool = False,
    ) -> Columns:
        """Predict as `predict` does without detail, but leave the results in one array per value.

        Args:
            texts: The raw texts; may be empty.
            truncation: The policy for long texts, as in `predict`.
            errors: "raise" raises the first text's error; "return" leaves all errors in `Columns.errors`.
            field: The name of the list in errors: the fourth text is `texts[3]`.
            timings: The seconds spent in each stage are added to it.
            neutral: Whether the labels are of three classes, as in `predict`.

        Raises:
            The errors of `predict`.
        """
        if errors not in ("raise", "return"):
            raise OptionError(f'errors is {errors!r}; it must be "raise" or "return"', field="errors")
        return self._columns(texts, truncation, field, timings, neutral, stop=errors == "raise")

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
        cut_points = self._cut_points(neutral)
        if cut_points is None:
            return function
        return lambda reading: function(reading.with_cut_points(cut_points))

    def _cut_points(self, neutral: bool) -> CutPoints | None:
        if not isinstance(neutral, bool):
            raise OptionError(f"neutral is {neutral!r}; it must be True or False", field="neutral")
        return self.manifest.require_cut_points() if neutral else None

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
        items = self._checked(texts, truncation, field)
        results: list[Result | InputError | None] = [None] * len(items)

        def process(unit: list[int], times: Timings) -> None:
            started = perf_counter()
            read: list[int] = []
            encodings: list[Encoding] = []
            for index in unit:
                try:
                    encodings.append(self.tokenizer.encode(items[index], truncation=truncation, spans=spans))
                    read.append(index)
                except InputError as error:
                    results[index] = _named(error, f"{field}[{index}]")
                    if stop:
                        work.skip_after(index)
            tokenized = perf_counter()
            readings = self.infer_list([items[index] for index in read], encodings)
            times.add(tokenized - started, perf_counter() - tokenized)
            for index, reading in zip(read, readings, strict=True):
                results[index] = function(reading)

        work = ParallelUnits(divide_texts(items, self.threads), process)
        work.run_in_threads(self._pool, self.threads)
        if timings is not None:
            timings.add(work.timings.tokenize, work.timings.infer)
        if stop:
            for result in results:
                if isinstance(result, InputError):
                    raise result
        return cast("list[Result | InputError]", results)

    def _columns(
        self,
        texts: Sequence[str],
        truncation: Truncation | None,
        field: str,
        timings: Timings | None,
        neutral: bool,
        *,
        stop: bool,
    ) -> Columns:
        cut_points = self._cut_points(neutral)
        items = self._checked(texts, truncation, field)
        whole = Columns.empty(len(items), self.manifest.uncertainty, cut_points)
        errors: dict[int, InputError] = {}

        def fail(index: int, error: InputError) -> None:
            errors[index] = _named(error, f"{field}[{index}]")
            if stop:
                work.skip_after(index)

        def process_one(index: int, times: Timings) -> None:
            started = perf_counter()
            try:
                encoding = self.tokenizer.encode(items[index], truncation=truncation, spans=False)
            except InputError as error:
                fail(index, error)
                return
            tokenized = perf_counter()
            outputs = self._graph.run(encoding.ids)
            whole.tokens_total[index] = encoding.tokens_total
            whole.tokens_used[index] = encoding.tokens_used
            whole.unknown_tokens[index] = encoding.unknown_tokens
            whole.positive[index] = outputs["probability"][0]
            whole.logit[index] = outputs["logit"][0]
            whole.bias[index] = outputs["bias"][0]
            times.add(tokenized - started, perf_counter() - tokenized)

        def process(unit: list[int], times: Timings) -> None:
            if len(unit) == 1:  # a long text, for which the arrays of a unit would only cost time
                process_one(unit[0], times)
                return
            started = perf_counter()
            encoded = self.tokenizer.encode_list([items[index] for index in unit], truncation=truncation)
            for place, error in encoded.errors.items():
                fail(unit[place], error)
            tokenized = perf_counter()
            indices = np.array(unit)
            whole.tokens_total[indices] = encoded.tokens_total
            whole.tokens_used[indices] = encoded.tokens_used
            whole.unknown_tokens[indices] = encoded.unknown_tokens()
            for rows, outputs in self._graph.run_list(encoded.ids, encoded.tokens_used):
                chosen = indices[rows]
                whole.positive[chosen] = outputs["probability"]
                whole.logit[chosen] = outputs["logit"]
                whole.bias[chosen] = outputs["bias"]
            times.add(tokenized - started, perf_counter() - tokenized)

        work = ParallelUnits(divide_texts(items, self.threads), process)
        work.run_in_threads(self._pool, self.threads)
        if timings is not None:
            timings.add(work.timings.tokenize, work.timings.infer)
        if stop and errors:
            raise errors[min(errors)]
        return replace(whole, errors=errors)

    def _checked(self, texts: Sequence[str], truncation: Truncation | None, field: str) -> list[Any]:
        if truncation is not None:
            check_truncation(truncation)
        if self._closed:
            raise RuntimeError("this predictor is closed")
        return _as_list(texts, field)

    @property
    def short_tokens(self) -> int:
        """The largest number of tokens of a text that is read together with others; 0 if every text is read alone."""
        return self._graph.short_tokens

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
        return self._reading(text, encoding, self.run(encoding), 0)

    def infer_list(self, texts: Sequence[str], encodings: Sequence[Encoding]) -> list[Reading]:
        """Run the model on tokenized texts, in the calling thread; short texts in batches.

        Args:
            texts: The raw texts.
            encodings: The same texts as encoded by `tokenizer`.

        Returns:
            One reading per text, in the same order.
        """
        if len(texts) < 2:
            return list(map(self.infer, texts, encodings))
        readings: list[Any] = [None] * len(texts)
        ids = np.concatenate([encoding.ids for encoding in encodings])
        lengths = np.array([encoding.tokens_used for encoding in encodings], np.int64)
        for rows, outputs in self._graph.run_list(ids, lengths):
            for place, row in enumerate(rows.tolist()):
                readings[row] = self._reading(texts[row], encodings[row], outputs, place)
        return readings

    def _reading(self, text: str, encoding: Encoding, outputs: dict[str, NDArray[np.float32]], row: int) -> Reading:
        count, contributions = encoding.tokens_used, outputs.get("contributions")
        return Reading(
            text=text,
            encoding=encoding,
            positive=float(outputs["probability"][row]),
            logit=float(outputs["logit"][row]),
            bias=float(outputs["bias"][row]),
            scores=outputs["scores"][row, :count],
            contributions=None if contributions is None else contributions[row, :count],
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


def _named(error: InputError, name: str) -> InputError:
    """Return a text's error with the name of the text in the caller's list."""
    named = type(error)(f"{name}: {error}", field=name)
    vars(named).update(vars(error) | {"field": name})  # the limit, where the error has one
    return named


def _as_list(texts: Any, field: str) -> list[Any]:
    if isinstance(texts, str):
        raise TextTypeError(f"{field} must be a list of strings; got one string: wrap it in [ ]", field=field)
    if isinstance(texts, bytes | bytearray | Mapping) or not isinstance(texts, Iterable):
        raise TextTypeError(f"{field} must be a list of strings; got {type(texts).__name__}", field=field)
    return list(texts)
