"""`POST /hf` as values: the text classification of Hugging Face's inference clients; knows no HTTP headers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

import orjson

from sentiline.reading import Reading
from sentiline.tokenizer import TRUNCATIONS, Truncation

from ..engine.job import Task
from ..outcome import Outcome
from ..settings import Settings
from ..telemetry.metrics import Metrics
from .runner import Answer, all_readings
from .validation import check_object, kind, refuse, take_choice, take_inputs

if TYPE_CHECKING:
    from sentiline.bundle import Manifest

KEYS = ("inputs", "parameters", "options")
PARAMETERS = ("function_to_apply", "top_k", "truncation")
FUNCTIONS = ("sigmoid", "softmax", "none")
EXAMPLE = '{"inputs": "A film to remember.", "parameters": {"top_k": 1}}'

Function = Literal["sigmoid", "softmax", "none"]


@dataclass(frozen=True, slots=True)
class ClassificationRequest:
    """A checked request.

    Attributes:
        texts: what to score, at least one.
        listed: whether the client sent a list.
        function: what makes a score of the logit.
        top_k: how many labels to answer with, at most 2.
        truncation: policy for long texts; None for the model's own.
    """

    texts: Sequence[Any]
    listed: bool
    function: Function
    top_k: int
    truncation: Truncation | None


def parse(document: Any, settings: Settings) -> ClassificationRequest:
    """Check a parsed JSON body; null counts as left out. `options` means nothing here and is ignored.

    Raises:
        ServiceError: 422, naming the field; 413 for more texts than `max_items`.
    """
    fields = check_object(document, KEYS, EXAMPLE)
    texts, listed = take_inputs(fields, EXAMPLE, settings)
    given = fields.get("parameters")
    parameters = check_object({} if given is None else given, PARAMETERS, '{"top_k": 1}', name="parameters")
    within = "parameters."
    return ClassificationRequest(
        texts=texts,
        listed=listed,
        function=cast("Function", take_choice(parameters, "function_to_apply", FUNCTIONS, within=within) or "softmax"),
        top_k=_top_k(parameters),
        truncation=cast("Truncation | None", take_choice(parameters, "truncation", TRUNCATIONS, within=within)),
    )


class ClassificationTask(Task[Answer]):
    """Scores the texts of a request as Hugging Face's clients expect it."""

    def __init__(self, request: ClassificationRequest, metrics: Metrics) -> None:
        super().__init__(request.texts, request.truncation)
        self._request = request
        self._metrics = metrics

    def finish(self, manifest: Manifest, outcomes: list[Outcome], parts: list[None]) -> Answer:
        """Serialize the answer: for each text a list of labels with scores, the greatest first.

        It is a list of lists for a single text too, because the clients take the first list of the answer.

        Raises:
            ServiceError: 422 if any text could not be scored.
        """
        readings = all_readings(manifest, outcomes, self._metrics, "inputs", listed=self._request.listed)
        truncated = sum(reading.encoding.truncated for reading in readings)
        headers = {"x-model": manifest.name, "x-truncated-texts": str(truncated)}
        return Answer(orjson.dumps([_labels(reading, self._request) for reading in readings]), headers=headers)


def _labels(reading: Reading, request: ClassificationRequest) -> list[dict[str, Any]]:
    # The model has one logit z for two classes, so sigmoid(z) and softmax(z / 2, -z / 2) are the same probabilities.
    logit, positive = reading.logit, reading.positive
    scores = (logit, -logit) if request.function == "none" else (positive, 1.0 - positive)
    labels = [{"label": "POSITIVE", "score": scores[0]}, {"label": "NEGATIVE", "score": scores[1]}]
    if scores[1] > scores[0]:
        labels.reverse()
    return labels[: request.top_k]


def _top_k(parameters: dict[str, Any]) -> int:
    value = parameters.get("top_k")
    if value is None:
        return 2
    if not isinstance(value, int) or isinstance(value, bool):
        raise refuse(
            "invalid_type", f"parameters.top_k must be a whole number; it is {kind(value)}", "parameters.top_k"
        )
    if value < 1:
        raise refuse("invalid_option", f"parameters.top_k is {value}; it must be at least 1", "parameters.top_k")
    return min(value, 2)
