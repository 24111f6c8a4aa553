"""`POST /predict`: from a JSON document to a request, and from readings to the response body."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from pydantic import Field

from sentiline.code_points import replace_lone_surrogates
from sentiline.prediction import Detail
from sentiline.reading import Reading
from sentiline.tokenizer import Truncation

from ..engine.job import Task
from ..outcome import Outcome, error_details
from ..settings import Settings
from ..telemetry.metrics import Metrics
from .request_models import TextRequest, validate
from .runner import Answer

if TYPE_CHECKING:
    from sentiline.bundle import Manifest

EXAMPLE = '{"inputs": "A film to remember."}'
NEUTRAL = (
    "Whether labels are NEGATIVE, NEUTRAL and POSITIVE, with the probabilities of all three; by default, false. The "
    "model needs the cut points that `GET /models` shows as `neutral`."
)
TRUNCATION = "What to do with a text of more tokens than the model reads; by default, the model's own policy."


class PredictRequest(TextRequest):
    """The body of `POST /predict`."""

    model: str | None = Field(default=None, description="The name of a model; by default, the default model.")
    truncation: Truncation | None = Field(default=None, description=TRUNCATION)
    detail: Detail = Field(
        default="timesteps", description="What to return with each verdict; by default, `timesteps`."
    )
    neutral: bool = Field(default=False, description=NEUTRAL)


def parse(document: Any, settings: Settings) -> PredictRequest:
    """Validate a parsed JSON body.

    Raises:
        ServiceError: 422 with the field that is wrong; 413 for more than `max_items` texts.
    """
    return validate(PredictRequest, document, settings, EXAMPLE)


class PredictTask(Task[Answer]):
    """Scores the texts of a request.

    A text that cannot be scored does not fail the others: its slot of `predictions` holds an error object.
    """

    def __init__(self, request: PredictRequest, metrics: Metrics) -> None:
        spans, sentences = request.detail != "none", request.detail == "sentences"
        neutral = "neutral" if request.neutral else None
        super().__init__(request.texts, request.truncation, spans=spans, sentences=sentences, neutral=neutral)
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
                sentence["sentence"] = replace_lone_surrogates(sentence["sentence"])
            return document
        details = error_details(outcome, "inputs", index, listed=self._request.listed)
        return {"error": str(outcome), "error_type": outcome.code, **details}
