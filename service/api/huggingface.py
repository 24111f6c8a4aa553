"""`POST /hf`: the text classification API of Hugging Face's inference clients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import orjson
from pydantic import Field

from sentiline.reading import Reading
from sentiline.tokenizer import Truncation

from ..engine.job import Task
from ..headers import MODEL, TRUNCATED_TEXTS
from ..outcome import Outcome
from ..settings import Settings
from ..telemetry.metrics import Metrics
from .predict import NEUTRAL, TRUNCATION
from .request_models import RequestModel, TextRequest, validate
from .runner import Answer, all_readings

if TYPE_CHECKING:
    from sentiline.bundle import Manifest

EXAMPLE = '{"inputs": "A film to remember.", "parameters": {"top_k": 1}}'

Function = Literal["sigmoid", "softmax", "none"]


class ClassificationParameters(RequestModel):
    """How to turn a reading into labels with scores."""

    function_to_apply: Function = Field(
        default="softmax", description="How to turn the logit into scores; by default, `softmax`."
    )
    top_k: int | None = Field(default=None, ge=1, description="The number of labels to return; by default, all.")
    truncation: Truncation | None = Field(default=None, description=TRUNCATION)
    neutral: bool = Field(default=False, description=NEUTRAL)


class ClassificationRequest(TextRequest):
    """The body of `POST /hf`."""

    parameters: ClassificationParameters = ClassificationParameters()
    options: Any = Field(default=None, description="Accepted because the clients send it; it has no effect.")

    @property
    def truncation(self) -> Truncation | None:
        """The policy for long texts; None for the model's own."""
        return self.parameters.truncation


def parse(document: Any, settings: Settings) -> ClassificationRequest:
    """Validate a parsed JSON body.

    Raises:
        ServiceError: 422 with the field that is wrong; 413 for more than `max_items` texts.
    """
    return validate(ClassificationRequest, document, settings, EXAMPLE)


class ClassificationTask(Task[Answer]):
    """Scores the texts of a request as Hugging Face's clients expect it."""

    def __init__(self, request: ClassificationRequest, metrics: Metrics) -> None:
        neutral = "parameters.neutral" if request.parameters.neutral else None
        super().__init__(request.texts, request.truncation, neutral=neutral)
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
        headers = {MODEL: manifest.name, TRUNCATED_TEXTS: str(truncated)}
        return Answer(orjson.dumps([_labels(reading, self._request) for reading in readings]), headers=headers)


def _labels(reading: Reading, request: ClassificationRequest) -> list[dict[str, Any]]:
    # The model has one logit z for two classes, so sigmoid(z) and softmax(z / 2, -z / 2) are the same probabilities.
    # Without a function, the score of each class is its log-odds.
    logit, positive, cut_points = reading.logit, reading.positive, reading.cut_points
    raw = request.parameters.function_to_apply == "none"
    if cut_points is not None:
        three = cut_points.log_odds(logit) if raw else cut_points.probabilities(logit)
        scores = {"NEUTRAL": three.neutral, "POSITIVE": three.positive, "NEGATIVE": three.negative}
    elif raw:
        scores = {"POSITIVE": logit, "NEGATIVE": -logit}
    else:
        scores = {"POSITIVE": positive, "NEGATIVE": 1.0 - positive}
    ranked = sorted(scores.items(), key=lambda item: -item[1])
    return [{"label": label, "score": score} for label, score in ranked[: request.parameters.top_k]]
