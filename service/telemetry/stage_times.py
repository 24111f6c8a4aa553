"""Where the time of one request went, stage by stage, and the response headers that say so."""

from __future__ import annotations

from collections.abc import Mapping
from time import perf_counter
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from ..headers import JSON, SCOPE_TIMES, TIMING

STAGES = ("queue", "tokenize", "infer", "serialize")


class Mark(NamedTuple):
    """When one text reached each stage, in seconds of `time.perf_counter`.

    Attributes:
        text: its place in the request.
        tokens: how many of them the model read; 0 if the text was refused.
        begun: a thread took it.
        tokenized: it was split into tokens.
        inferred: the model had read it.
        rendered: its part of the answer was made.
    """

    text: int
    tokens: int
    begun: float
    tokenized: float
    inferred: float
    rendered: float


class Times:
    """The stages of one request.

    Attributes:
        started: when the request's headers were complete, in seconds of `time.perf_counter`.
        accepted: when its texts were queued.
        marks: the texts, in the order in which they were done; threads append to it.
        finishing: when the parts of the answer began to be put together.
        finished: when the answer was whole; 0 before.
        model: name of the model that read the texts; None before it is known.
    """

    __slots__ = ("accepted", "finished", "finishing", "marks", "model", "started")

    def __init__(self, started: float) -> None:
        self.started = started
        self.accepted = self.finishing = self.finished = 0.0
        self.marks: list[Mark] = []
        self.model: str | None = None

    @property
    def tokens(self) -> int:
        """Tokens read."""
        return sum([mark.tokens for mark in self.marks])

    def stages(self) -> tuple[float, float, float, float]:
        """Seconds of each of `STAGES`.

        The queue's is the time until the first text was taken. The others are sums over the texts, so that with
        texts read side by side they may exceed the time that passed.
        """
        marks = self.marks
        if len(marks) == 1:
            _, _, begun, tokenized, inferred, rendered = marks[0]
            sums = tokenized - begun, inferred - tokenized, rendered - inferred
            first = begun
        elif marks:
            sums = (
                sum([mark.tokenized - mark.begun for mark in marks]),
                sum([mark.inferred - mark.tokenized for mark in marks]),
                sum([mark.rendered - mark.inferred for mark in marks]),
            )
            first = min([mark.begun for mark in marks])
        else:
            return 0.0, 0.0, 0.0, 0.0
        return first - self.accepted, sums[0], sums[1], sums[2] + self.finished - self.finishing

    def headers(self) -> dict[str, str]:
        """The `TIMING` headers, milliseconds with three decimals."""
        queue, tokenize, infer, serialize = [f"{1e3 * seconds:.3f}" for seconds in self.stages()]
        total = f"{1e3 * (perf_counter() - self.started):.3f}"
        timing = f"queue;dur={queue}, tokenize;dur={tokenize}, infer;dur={infer}, serialize;dur={serialize}"
        values = (str(self.tokens), total, tokenize, queue, infer, serialize, timing)
        return dict(zip(TIMING, values, strict=True))


def timed(
    request: Request, body: bytes, status: int, headers: Mapping[str, str] | None = None, media_type: str = JSON
) -> Response:
    """The answer to a request, with the headers that say where its time went."""
    times: Times = request.scope[SCOPE_TIMES]
    return Response(body, status, {**(headers or {}), **times.headers()}, media_type)
