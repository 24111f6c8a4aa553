"""`POST /predict` as values: a JSON document becomes a request, readings become the answer; knows no HTTP headers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import orjson

from sentiline.prediction import DETAILS, Detail
from sentiline.reading import Reading
from sentiline.tokenizer import TRUNCATIONS, Truncation

from ..engine.job import Task
from ..outcome import Outcome, error_details
from ..settings import Settings
from ..telemetry.metrics import Metrics
from .runner import Answer
from .validation import check_object, take_choice, take_inputs, take_string

if TYPE_CHECKING:
    from sentiline.bundle import Manifest

KEYS = ("inputs", "model", "truncation", "detail")
EXAMPLE = '{"inputs": "A film to remember."}'

_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class PredictRequest:
    """A checked request.

    Attributes:
        texts: what to score, at least one; items of a list that are no strings are still here, to be answered in
            their slots.
        listed: whether the client sent a list.
        model: name of the model; None for the default.
        truncation: policy for long texts; None for the model's own.
        detail: whether to answer with timesteps, with sentences, or with neither.
    """

    texts: Sequence[Any]
    listed: bool
    model: str | None
    truncation: Truncation | None
    detail: Detail


def parse(document: Any, settings: Settings) -> PredictRequest:
    """Check a parsed JSON body; null counts as left out.

    Raises:
        ServiceError: 422, naming the field; 413 for more texts than `max_items`.
    """
    fields = check_object(document, KEYS, EXAMPLE)
    texts, listed = take_inputs(fields, EXAMPLE, settings)
    return PredictRequest(
        texts=texts,
        listed=listed,
        model=take_string(fields, "model"),
        truncation=cast("Truncation | None", take_choice(fields, "truncation", TRUNCATIONS)),
        detail=cast("Detail", take_choice(fields, "detail", DETAILS) or "timesteps"),
    )


class PredictTask(Task[Answer]):
    """Scores the texts of a request.

    A text that cannot be scored does not fail the others: its slot of `predictions` holds an error object.
    """

    def __init__(self, request: PredictRequest, metrics: Metrics) -> None:
        spans, sentences = request.detail != "none", request.detail == "sentences"
        super().__init__(request.texts, request.truncation, spans=spans, sentences=sentences)
        self._request = request
        self._metrics = metrics

    def render(self, outcome: Outcome, index: int) -> orjson.Fragment:
        """Serialize one text's slot of `predictions`."""
        return orjson.Fragment(orjson.dumps(self._slot(outcome, index)))

    def finish(self, manifest: Manifest, outcomes: list[Outcome], parts: list[orjson.Fragment]) -> Answer:
        """Serialize the answer: status 200 if at least one text was scored, else 422."""
        self._metrics.observe_outcomes(manifest.name, outcomes)
        for outcome in outcomes:
            if isinstance(outcome, Reading):
                document = {"model": manifest.name, "version": manifest.version, "predictions": parts}
                return Answer(orjson.dumps(document))
        error = self._slot(outcomes[0], 0)
        if self._request.listed:
            if len(parts) > 1:
                error["error"] = f"none of the {len(parts)} texts could be scored; inputs[0]: {error['error']}"
            error["predictions"] = parts
        return Answer(orjson.dumps(error), 422)

    def _slot(self, outcome: Outcome, index: int) -> dict[str, Any]:
        if isinstance(outcome, Reading):
            document = outcome.as_dict(self._request.detail)
            for sentence in document.get("sentences", ()):  # lone surrogates, which no token contains, have no UTF-8
                sentence["sentence"] = _SURROGATE.sub("\ufffd", sentence["sentence"])
            return document
        details = error_details(outcome, "inputs", index, listed=self._request.listed)
        return {"error": str(outcome), "error_type": outcome.code, **details}
