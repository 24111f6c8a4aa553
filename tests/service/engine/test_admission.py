"""Admission by tokens: the cost of texts, lists that cost the same as their texts one by one, and retry-after."""

from __future__ import annotations

import pytest

from sentiline.predictor import Predictor
from service.engine.admission import MINIMUM, Admission, TokenBudget, actual_cost, estimated_cost
from service.errors import ServiceError


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def budget(limit: int, clock: Clock | None = None) -> TokenBudget:
    return TokenBudget(limit, lambda texts, tokens: None, clock or Clock())


def refused(full: TokenBudget, texts: int, tokens: int) -> ServiceError:
    with pytest.raises(ServiceError) as caught:
        full.admit(texts, tokens)
    return caught.value


def admitted(limit: int, requests: int, texts: int) -> int:
    """The number of texts accepted, sent as that many requests."""
    tested = budget(limit)
    accepted = 0
    for _ in range(requests):
        try:
            tested.admit(texts, texts * 100)
        except ServiceError:
            break
        accepted += texts
    return accepted


def test_a_list_counts_like_its_texts_one_by_one() -> None:
    assert admitted(3200, 32, 1) == admitted(3200, 1, 32) == 32
    full = budget(3200)
    full.admit(1, 101)
    assert refused(full, 32, 3100).status == 429
    for _ in range(30):
        full.admit(1, 100)
    assert full.tokens == 3101
    assert refused(full, 1, 100).status == 429


def test_a_request_larger_than_the_limit_is_served_alone() -> None:
    tested = budget(100)
    admission = tested.admit(5, 1000)
    error = refused(tested, 1, MINIMUM)
    assert (error.status, error.code) == (429, "overloaded")
    assert error.details == {"limit": 100, "setting": "SENTILINE_MAX_PENDING_TOKENS"}
    admission.release(served=True)
    assert (tested.texts, tested.tokens) == (0, 0)
    tested.admit(1, MINIMUM)


def test_adjustments_count_once_and_only_while_pending() -> None:
    tested = budget(1000)
    first, second = tested.admit(1, 100), tested.admit(1, 200)
    first.adjust(50)
    assert tested.tokens == 350
    first.release(served=True)
    first.adjust(70)  # a thread that was still at it when the deadline passed
    assert (tested.texts, tested.tokens) == (1, 200)
    second.adjust(-150)
    second.release(served=False)
    assert (tested.texts, tested.tokens) == (0, 0)


def test_adjustments_are_observed() -> None:
    seen: list[tuple[int, int]] = []
    tested = TokenBudget(1000, lambda texts, tokens: seen.append((texts, tokens)), Clock())
    admission = tested.admit(2, 100)
    admission.adjust(-30)
    admission.release(served=True)
    admission.adjust(5)  # too late
    assert seen == [(2, 100), (2, 70), (0, 0)]


def test_retry_after_is_the_excess_at_the_rate_measured() -> None:
    clock = Clock()
    tested = budget(10_000, clock)

    def serve(admission: Admission, seconds: float, *, served: bool = True) -> None:
        clock.now += seconds
        admission.release(served=served)

    first = tested.admit(1, 8000)
    assert refused(tested, 1, 4000).headers["retry-after"] == "1"  # nothing is measured yet
    serve(first, 4.0)  # 2000 tokens a second
    clock.now += 1000  # with nothing to do, which is no slowness
    second = tested.admit(1, 8000)
    assert refused(tested, 1, 9000).headers["retry-after"] == "4"  # 7000 too many: 3.5 s
    assert refused(tested, 1, 2001).headers["retry-after"] == "1"
    assert refused(tested, 1, 1_000_000).headers["retry-after"] == "4"  # it will be served once all else is
    serve(second, 8.0)  # 1000 a second; averaged: 1500
    third = tested.admit(1, 10_000)
    assert refused(tested, 1, 6000).headers["retry-after"] == "4"
    serve(third, 1000.0, served=False)  # dropped: no work done, but the time has passed
    fourth = tested.admit(1, 10_000)
    assert refused(tested, 1, 10_000).headers["retry-after"] == "7"
    serve(fourth, 1000.0)
    tested.admit(1, 10_000)
    assert int(refused(tested, 1, 10_000).headers["retry-after"]) <= 60


def test_an_admission_is_released_when_its_block_ends() -> None:
    tested = budget(1000)
    with tested.admit(2, 100) as admission:
        assert (tested.texts, tested.tokens) == (2, 100)
    with pytest.raises(ZeroDivisionError), tested.admit(1, 50):
        raise ZeroDivisionError
    assert admission.released
    assert (tested.texts, tested.tokens) == (0, 0)


def test_estimates_are_near_what_tokenizing_finds(predictor: Predictor) -> None:
    text = (
        "I did not expect much, but this film kept me in my seat until the end. The dialogue is sharp, the music "
        "never gets in the way, and the two leads are a joy to watch; only the last ten minutes feel rushed. "
    )
    for copies in (1, 5, 30):
        used = predictor.tokenizer.encode(text * copies).tokens_used
        assert estimated_cost(len(text) * copies, predictor.tokenizer.max_tokens) == pytest.approx(used, rel=0.25)
    assert estimated_cost(0, 1024) == estimated_cost(30, 1024) == actual_cost(3, 1) == MINIMUM
    assert estimated_cost(100_000, 1024, sentences=True) == actual_cost(100_000, 1024, sentences=True) == 25_000
    assert (
        estimated_cost(100_000, 1024) == actual_cost(100_000, 1024) == 2500
    )  # splitting what is cut off costs time too
