"""Admission by tokens: what counts how much, one list like its texts one by one, and when to come back."""

from __future__ import annotations

import pytest

from sentiline.predictor import Predictor
from service.engine.admission import MINIMUM, Budget, Charge, estimate, exact
from service.errors import ServiceError


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def budget(limit: int, clock: Clock | None = None) -> Budget:
    return Budget(limit, lambda texts, tokens: None, clock or Clock())


def refused(full: Budget, texts: int, tokens: int) -> ServiceError:
    with pytest.raises(ServiceError) as caught:
        full.admit(texts, tokens)
    return caught.value


def admitted(limit: int, requests: int, texts: int) -> int:
    """How many texts are accepted, sent as so many requests."""
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
    charge = tested.admit(5, 1000)
    error = refused(tested, 1, MINIMUM)
    assert (error.status, error.code) == (429, "overloaded")
    assert error.details == {"limit": 100, "setting": "SENTILINE_MAX_PENDING_TOKENS"}
    charge.release(served=True)
    assert (tested.texts, tested.tokens) == (0, 0)
    tested.admit(1, MINIMUM)


def test_corrections_count_once_and_only_while_pending() -> None:
    tested = budget(1000)
    first, second = tested.admit(1, 100), tested.admit(1, 200)
    first.correct(50)
    assert tested.tokens == 350
    first.release(served=True)
    first.correct(70)  # a thread that was still at it when the deadline passed
    assert (tested.texts, tested.tokens) == (1, 200)
    second.correct(-150)
    second.release(served=False)
    assert (tested.texts, tested.tokens) == (0, 0)


def test_whoever_watches_is_told_of_corrections_too() -> None:
    seen: list[tuple[int, int]] = []
    tested = Budget(1000, lambda texts, tokens: seen.append((texts, tokens)), Clock())
    charge = tested.admit(2, 100)
    charge.correct(-30)
    charge.release(served=True)
    charge.correct(5)  # too late
    assert seen == [(2, 100), (2, 70), (0, 0)]


def test_retry_after_is_the_excess_at_the_rate_measured() -> None:
    clock = Clock()
    tested = budget(10_000, clock)

    def serve(charge: Charge, seconds: float, *, served: bool = True) -> None:
        clock.now += seconds
        charge.release(served=served)

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


def test_estimates_are_near_what_tokenizing_finds(predictor: Predictor) -> None:
    text = (
        "I did not expect much, but this film kept me in my seat until the end. The dialogue is sharp, the music "
        "never gets in the way, and the two leads are a joy to watch; only the last ten minutes feel rushed. "
    )
    for copies in (1, 5, 30):
        used = predictor.tokenizer.encode(text * copies).tokens_used
        assert estimate(len(text) * copies, predictor.tokenizer.max_tokens) == pytest.approx(used, rel=0.25)
    assert estimate(0, 1024) == estimate(30, 1024) == exact(3, 1) == MINIMUM
    assert estimate(100_000, 1024, sentences=True) == exact(100_000, 1024, sentences=True) == 25_000
    assert estimate(100_000, 1024) == exact(100_000, 1024) == 2500  # splitting what is cut off costs time too
