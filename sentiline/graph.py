"""A bundle's ONNX graph: loads it, checks it against the contract below, and runs it on one text or a batch.

inputs   input_ids      int32 [batch, time]    vocabulary ids, right-padded with 0
         lengths        int32 [batch]          tokens in each row, at least 1
outputs  probability    float32 [batch]        P(positive), sigmoid(logit)
         logit          float32 [batch]
         bias           float32 [batch]
         scores         float32 [batch, time]  P(positive) at each timestep, 0 on padding
         contributions  float32 [batch, time]  logit = bias + their sum, 0 on padding; only in additive models
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from sentiline.batching import divide_unit, padded_length
from sentiline.errors import BundleCorruptError
from sentiline.fixed_ranges import fix_ranges
from sentiline.tokenizer import UNKNOWN_ID

_INPUTS = {"input_ids": ("tensor(int32)", 2), "lengths": ("tensor(int32)", 1)}
_OUTPUTS = {
    "probability": ("tensor(float)", 1),
    "logit": ("tensor(float)", 1),
    "bias": ("tensor(float)", 1),
    "scores": ("tensor(float)", 2),
}
_ADDITIVE_OUTPUTS = {"contributions": ("tensor(float)", 2)}
_BY_TIMESTEP = {"scores", "contributions"}

SHORT_TOKENS = 96  # a longer text is about as fast alone; a multiple of PADDING

_CHECKED_LENGTHS = (16, 1, 9, 2, 15)


class Graph:
    """A loaded graph; may run on many threads at once, each run in the calling thread.

    A short text, of at most `short_tokens` tokens, is always padded to its `padded_length` and run by a graph in
    which the rows of a batch do not affect each other, so its outputs are the same in every batch, bit for bit. A
    longer one runs alone and without padding.

    Attributes:
        short_tokens: The largest number of tokens of a text that may be in a batch; 0 if none may.
    """

    def __init__(self, content: bytes, source: Path, *, additive: bool, vocabulary: int) -> None:
        """Load a graph, check its inputs and outputs, and check the results of a first run.

        Args:
            content: The serialized model.
            source: The file's path, for error messages.
            additive: Whether it must output contributions.
            vocabulary: The number of entries in the tokenizer's vocabulary.

        Raises:
            BundleCorruptError: The graph cannot be loaded, or breaks the contract.
        """
        wanted = _OUTPUTS | (_ADDITIVE_OUTPUTS if additive else {})
        self._source = source
        self._names = list(wanted)
        self._session = _session(content, source)
        self._check_signature("input", _INPUTS, self._session.get_inputs(), exactly=True)
        self._check_signature("output", wanted, self._session.get_outputs(), exactly=False)
        self._check_values(vocabulary)
        self._check_vocabulary(vocabulary)
        self._batches = self._batch_session(content)
        self.short_tokens = 0
        if self._batches is not None and self._rows_are_independent(vocabulary):
            self.short_tokens = SHORT_TOKENS

    def run(self, ids: NDArray[np.int32]) -> dict[str, NDArray[np.float32]]:
        """Run on one text; a short one gets the outputs that it gets in a batch.

        Args:
            ids: Vocabulary ids, int32 [T], T at least 1.

        Returns:
            The outputs by name: "probability", "logit", "bias" float32 [1], "scores" and, if the model is additive,
            "contributions" float32 [1, T].
        """
        count = len(ids)
        lengths = np.array([count], np.int32)
        if count > self.short_tokens:
            return self._run(self._session, ids[None, :], lengths)
        padded = np.zeros((1, padded_length(count)), np.int32)
        padded[0, :count] = ids
        outputs = self.run_batch(padded, lengths)
        for name in _BY_TIMESTEP & outputs.keys():
            outputs[name] = outputs[name][:, :count]
        return outputs

    def run_batch(self, ids: NDArray[np.int32], lengths: NDArray[np.int32]) -> dict[str, NDArray[np.float32]]:
        """Run on a batch of short texts that have the same `padded_length`.

        Args:
            ids: Vocabulary ids, int32 [B, T], T the padded length of all texts; 0 where a text has ended.
            lengths: The number of tokens of each text, int32 [B], at least 1 and at most `short_tokens`.

        Returns:
            The outputs by name: "probability", "logit", "bias" float32 [B], "scores" and, if the model is additive,
            "contributions" float32 [B, T]. A row's values depend on that row alone.
        """
        return self._run(self._batches, ids, lengths)

    def run_list(
        self, ids: NDArray[np.int32], lengths: NDArray[np.int64]
    ) -> Iterator[tuple[NDArray[np.intp], dict[str, NDArray[np.float32]]]]:
        """Run on N texts, the short ones in batches.

        Args:
            ids: The vocabulary ids of all texts in their order, int32.
            lengths: The number of tokens of each text, int64 [N]; texts without tokens are passed over.

        Yields:
            The indices of some texts, and their outputs as `run_batch` returns them.
        """
        ends = np.cumsum(lengths)
        for rows, timesteps in divide_unit(lengths, self.short_tokens):
            if timesteps > self.short_tokens:
                row = int(rows[0])
                yield rows, self.run(ids[ends[row] - timesteps : ends[row]])
                continue
            counts = lengths[rows]
            inside = np.arange(timesteps) < counts[:, None]
            padded = np.zeros(inside.shape, np.int32)
            places = (ends[rows] - counts)[:, None] + np.arange(timesteps)
            padded[inside] = ids[places[inside]]
            yield rows, self.run_batch(padded, counts.astype(np.int32))

    def _run(
        self, session: ort.InferenceSession, ids: NDArray[np.int32], lengths: NDArray[np.int32]
    ) -> dict[str, NDArray[np.float32]]:
        inputs = {"input_ids": ids, "lengths": lengths}
        return dict(zip(self._names, session.run(self._names, inputs), strict=True))

    def _batch_session(self, content: bytes) -> ort.InferenceSession | None:
        independent = fix_ranges(content)
        if independent is None:
            return None
        if independent is content:
            return self._session
        try:
            return _session(independent, self._source)
        except BundleCorruptError:  # then every text runs alone
            return None

    def _rows_are_independent(self, vocabulary: int) -> bool:
        """Return whether padding changes no value, and neighbours not even a bit; a graph may read its padding."""
        lengths = np.array(_CHECKED_LENGTHS, np.int32)
        count, longest = len(lengths), padded_length(max(lengths))
        ids = np.arange(count * longest, dtype=np.int32).reshape(count, longest) * 7919 % vocabulary
        ids[np.arange(longest) >= lengths[:, None]] = 0
        together = self._run(self._batches, ids, lengths)
        for row, length in enumerate(lengths):
            alone = self._run(self._batches, ids[row : row + 1], lengths[row : row + 1])
            bare = self._run(self._batches, ids[row : row + 1, :length], lengths[row : row + 1])
            for name in self._names:
                found = alone[name][0]
                unpadded = found[:length] if name in _BY_TIMESTEP else found
                if not np.array_equal(together[name][row], found):
                    return False
                if not np.allclose(unpadded, bare[name][0], 1e-4, 1e-4):
                    return False
        return True

    def _refusal(self, problem: str) -> BundleCorruptError:
        return BundleCorruptError(f"{self._source} {problem}; export the model again", field=self._source.name)

    def _check_signature(
        self, kind: str, wanted: dict[str, tuple[str, int]], found: list[ort.NodeArg], *, exactly: bool
    ) -> None:
        have = {value.name: (value.type, len(value.shape)) for value in found}
        if any(have.get(name) != signature for name, signature in wanted.items()) or (
            exactly and len(have) > len(wanted)
        ):
            raise self._refusal(
                f"does not fit Sentiline's graph contract: expected {kind} {_describe(wanted)}; found {_describe(have)}"
            )

    def _check_values(self, vocabulary: int) -> None:
        """Run once on the largest id, which must have a row in the embedding; this is also the warm-up."""
        try:
            outputs = self._run(
                self._session, np.array([[vocabulary - 1, UNKNOWN_ID]], np.int32), np.array([2], np.int32)
            )
        except Exception as error:  # see _session
            raise self._refusal(
                f"failed its first run, on the last of the tokenizer's {vocabulary} ids: {error}"
            ) from error
        for name, value in outputs.items():
            shape = (1, 2) if name in ("scores", "contributions") else (1,)
            if value.shape != shape or not np.isfinite(value).all():
                raise self._refusal(f"gives {name} {value.tolist()} where finite values of shape {shape} were expected")
        logit, positive = float(outputs["logit"][0]), float(outputs["probability"][0])
        # sigmoid(x) = (1 + tanh(x / 2)) / 2, which never overflows
        if abs(positive - (0.5 + 0.5 * math.tanh(logit / 2))) > 1e-5:
            raise self._refusal(f"gives probability {positive} and logit {logit}, of which it is not the sigmoid")
        if "contributions" in outputs:
            total = float(outputs["bias"][0] + outputs["contributions"].sum())
            if abs(total - logit) > 1e-4 * max(1.0, abs(logit)):
                raise self._refusal(f"gives logit {logit} and bias + contributions {total}, which must agree")

    def _check_vocabulary(self, vocabulary: int) -> None:
        """Check that the next id has no row: otherwise graph and tokenizer belong to different models."""
        try:
            self._run(self._session, np.array([[vocabulary]], np.int32), np.array([1], np.int32))
        except Exception:  # expected
            return
        raise self._refusal(f"has more rows in its embedding than the tokenizer's {vocabulary} ids")


def _session(content: bytes, source: Path) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    # A memory pattern is cached for every distinct length and gained no speed in measurements. The arena stays on:
    # memory was largest with patterns and no arena, and without both no smaller, while runs were a little slower.
    options.enable_mem_pattern = False
    options.log_severity_level = 4  # errors are raised, so onnxruntime need not print them too
    try:
        return ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors have no common base class
        raise BundleCorruptError(
            f"{source} is not a graph that onnxruntime {ort.__version__} can load: {error}", field=source.name
        ) from error


def _describe(signatures: dict[str, tuple[str, int]]) -> str:
    return ", ".join(f"{name}: {kind} of rank {rank}" for name, (kind, rank) in signatures.items()) or "none"
