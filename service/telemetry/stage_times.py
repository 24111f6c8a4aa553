"""The time that a request spends in each stage, and the response headers that report it."""

from __future__ import annotations

from time import perf_counter
from typing import NamedTuple

from ..headers import TIMING

STAGES = ("queue", "tokenize", "infer", "serialize")


class TextTiming(NamedTuple):
    """When one text reached each stage, in seconds of `time.perf_counter`.

    Attributes:
        position: The index of the text in the request.
        tokens: The number of its tokens that the model read; 0 if the text was rejected.
        started: When a thread took it.
        tokenized: When it had been split into tokens.
        inferred: When the model had read it.
        rendered: When its part of the answer had been built.
    """

    position: int
    tokens: int
    started: float
    tokenized: float
    inferred: float
    rendered: float


class StageTimes:
    """The stages of one request, as seconds of `time.perf_counter`.

    Attributes:
        started: When the request's headers were complete.
        accepted: When its texts were queued.
        texts: The timings of its texts in the order of completion; threads append to it.
        finishing: When the parts of the answer began to be put together.
        finished: When the answer was complete; 0 before.
        model: The name of the model that read the texts; None before it is known.
    """

    __slots__ = ("accepted", "finished", "finishing", "model", "started", "texts")

    def __init__(self, started: float) -> None:
        self.started = started
        self.accepted = self.finishing = self.finished = 0.0
        self.texts: list[TextTiming] = []
        self.model: str | None = None

    @property
    def tokens(self) -> int:
        """The number of tokens read."""
        return sum([text.tokens for text in self.texts])

    def stages(self) -> tuple[float, float, float, float]:
        """Return the seconds of each of `STAGES`.

        The queue's is the time until the first text was taken. The others are sums over the texts, which may exceed the
        elapsed time because texts are read in parallel.
        """
        if not self.texts:
            return 0.0, 0.0, 0.0, 0.0
        first = self.texts[0].started
        tokenize = infer = 0.0
        serialize = self.finished - self.finishing
        for _, _, started, tokenized, inferred, rendered in self.texts:
            first = min(first, started)
            tokenize += tokenized - started
            infer += inferred - tokenized
            serialize += rendered - inferred
        return first - self.accepted, tokenize, infer, serialize

    def headers(self, stages: tuple[float, float, float, float]) -> dict[str, str]:
        """Return the `TIMING`, milliseconds with three decimals; `stages` are the seconds that `stages()` returned."""
        total = f"{1e3 * (perf_counter() - self.started):.3f}"
        queue, tokenize, infer, serialize = [f"{1e3 * seconds:.3f}" for seconds in stages]
        timing = f"queue;dur={queue}, tokenize;dur={tokenize}, infer;dur={infer}, serialize;dur={serialize}"
        values = (str(self.tokens), total, tokenize, queue, infer, serialize, timing)
        return dict(zip(TIMING, values, strict=True))
