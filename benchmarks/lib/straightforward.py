"""A straightforward use of ONNX Runtime: padded batches, one dict per token, `json.dumps`; and a clock by stage."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from sentiline.bundle import Bundle
from sentiline.prediction import Detail
from sentiline.tokenizer import Encoding

STAGES = ("tokenize", "infer", "build", "serialize")
Seconds = dict[str, float]


class Straightforward:
    """The same model without this library's optimizations."""

    def __init__(self, bundle: Bundle, precision: str | None = None) -> None:
        """Load a precision of the bundle, by default its default."""
        graph = bundle.read(bundle.manifest.precisions[bundle.precision(precision)])
        self._session = ort.InferenceSession(graph, providers=["CPUExecutionProvider"])
        self._names = [value.name for value in self._session.get_outputs()]
        self._tokenizer = bundle.tokenizer()
        self._thresholds = bundle.manifest.uncertainty

    def tokenize(self, texts: Sequence[str]) -> list[Encoding]:
        """Tokenize the texts one after the other."""
        return [self._tokenizer.encode(text) for text in texts]

    def infer(self, encodings: Sequence[Encoding]) -> dict[str, NDArray[np.float32]]:
        """Run a padded batch and return its outputs."""
        lengths = np.array([encoding.tokens_used for encoding in encodings], np.int32)
        ids = np.zeros((len(encodings), lengths.max()), np.int32)
        for row, encoding in zip(ids, encodings, strict=True):
            row[: encoding.tokens_used] = encoding.ids
        outputs = self._session.run(self._names, {"input_ids": ids, "lengths": lengths})
        return dict(zip(self._names, outputs, strict=True))

    def build(
        self,
        texts: Sequence[str],
        encodings: Sequence[Encoding],
        outputs: dict[str, NDArray[np.float32]],
        detail: Detail,
    ) -> list[dict[str, Any]]:
        """Build the answer number by number."""
        answers = []
        for row, (text, encoding) in enumerate(zip(texts, encodings, strict=True)):
            positive = float(outputs["probability"][row])
            answer: dict[str, Any] = {
                "label": "POSITIVE" if positive >= 0.5 else "NEGATIVE",
                "score": max(positive, 1 - positive),
                "positive": positive,
                "logit": float(outputs["logit"][row]),
                "bias": float(outputs["bias"][row]),
                "tokens_total": encoding.tokens_total,
                "tokens_used": encoding.tokens_used,
                "unknown_tokens": encoding.unknown_tokens,
                "truncated": encoding.truncated,
                "uncertain": self._uncertain(max(positive, 1 - positive), encoding),
            }
            if detail == "timesteps":
                steps = []
                logit = answer["bias"]
                for place in range(encoding.tokens_used):
                    start, end = int(encoding.starts[place]), int(encoding.ends[place])
                    contribution = float(outputs["contributions"][row, place])
                    logit += contribution
                    steps.append(
                        {
                            "token": text[start:end],
                            "start": start,
                            "end": end,
                            "unknown": bool(encoding.ids[place] == 1),
                            "positive": float(outputs["scores"][row, place]),
                            "contribution": contribution,
                            "running": float(1 / (1 + np.exp(-logit))),
                        }
                    )
                answer["timesteps"] = steps
            answers.append(answer)
        return answers

    def _uncertain(self, score: float, encoding: Encoding) -> bool | None:
        thresholds = self._thresholds
        if thresholds is None:
            return None
        return bool(thresholds.reasons(score, encoding.unknown_tokens, encoding.tokens_used, encoding.tokens_total))

    def answer(self, texts: Sequence[str], detail: Detail) -> bytes:
        """Answer a list of texts as JSON."""
        encodings = self.tokenize(texts)
        predictions = self.build(texts, encodings, self.infer(encodings), detail)
        return json.dumps({"predictions": predictions}).encode()

    def stages(self, texts: Sequence[str], detail: Detail) -> Seconds:
        """Return the CPU seconds of each stage."""
        clock = Clock()
        encodings = clock("tokenize", self.tokenize, texts)
        outputs = clock("infer", self.infer, encodings)
        predictions = clock("build", self.build, texts, encodings, outputs, detail)
        clock("serialize", json.dumps, {"predictions": predictions})
        return clock.seconds


class Clock:
    """Adds up the CPU time of each stage, including the threads of the ONNX Runtime session."""

    def __init__(self) -> None:
        self.seconds: Seconds = dict.fromkeys(STAGES, 0.0)

    def __call__(self, stage: str, work: Callable[..., Any], *arguments: Any) -> Any:
        """Call `work` and add its time to the stage."""
        started = time.process_time()
        result = work(*arguments)
        self.seconds[stage] += time.process_time() - started
        return result
