"""The queue: small requests pass large ones, nobody starves, dropped texts are not read."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from time import perf_counter
from typing import Any

import pytest

from sentiline.predictor import Predictor
from service.budget import Budget, Charge
from service.fair_queue import FairQueue
from service.job import Job, Task
from service.settings import Settings
from service.times import Times


class Desk:
    """A queue of one thread, held until `open`, and the order in which texts were read."""

    def __init__(self, predictor: Predictor) -> None:
        self.queue = FairQueue(1)
        self.order: list[str] = []
        self._predictor = predictor
        self._gate = threading.Event()
        self._held = threading.Event()

    def job(self, name: str, texts: list[Any]) -> Job[list[Any]]:
        def render(outcome: Any, index: int) -> int:
            self.order.append(f"{name}{index}")
            return index

        task = Task(texts, None, lambda manifest, outcomes, parts: parts, render)
        return Job(task, self._predictor, Settings(), Times(perf_counter()), self._charge())

    @staticmethod
    def _charge() -> Charge:
        """What a request has and a probe has not: without one a text costs nothing and passes all others."""
        return Budget(10**9, lambda texts, tokens: None).admit(1, 1)

    def hold(self) -> None:
        def render(outcome: Any, index: int) -> None:
            self._held.set()
            self._gate.wait(60)

        task = Task(["good film"], None, lambda manifest, outcomes, parts: None, render)
        self.queue.submit(Job(task, self._predictor, Settings(), Times(perf_counter()), self._charge()))
        assert self._held.wait(60)

    def open(self) -> None:
        self._gate.set()


@pytest.fixture
def desk(predictor: Predictor) -> Iterator[Desk]:
    made = Desk(predictor)
    yield made
    made.open()
    made.queue.close(60)


def words(count: int) -> str:
    return "good " * count  # counts as many tokens as it has words


def test_a_short_text_passes_the_rest_of_a_list(desk: Desk) -> None:
    async def ask() -> None:
        desk.hold()
        jobs = [desk.job("list", [words(200)] * 5), desk.job("short", [words(20)]), desk.job("pair", [words(250)] * 2)]
        for job in jobs:
            desk.queue.submit(job)
        desk.open()
        assert [await job.future for job in jobs] == [[0, 1, 2, 3, 4], [0], [0, 1]]

    asyncio.run(ask())
    # tags: list 200 400 600 800 1000, short 20, pair 250 500; of equal texts of one job the last is taken first
    assert [name[:-1] for name in desk.order] == ["short", "list", "pair", "list", "pair", "list", "list", "list"]


def test_a_long_text_does_not_wait_for_ever(desk: Desk) -> None:
    """Short requests that keep coming pass a long one only until their tags have grown beyond its own."""

    async def ask() -> None:
        desk.hold()
        long = desk.job("long", [words(400)])
        desk.queue.submit(long)
        stream = [desk.job(f"short{number}-", [words(100)]) for number in range(10)]
        desk.queue.submit(stream[0])
        desk.queue.submit(stream[1])
        desk.open()
        for before, job in zip(stream, stream[2:], strict=False):  # there is always one more waiting
            await before.future
            desk.queue.submit(job)
        await long.future
        await stream[-1].future

    asyncio.run(ask())
    assert 2 <= desk.order.index("long0") <= 7


def test_within_a_list_the_longest_text_is_first(desk: Desk) -> None:
    async def ask() -> list[Any]:
        job = desk.job("text", [words(50), words(300), words(20), words(100)])
        desk.queue.submit(job)
        return await job.future

    assert asyncio.run(ask()) == [0, 1, 2, 3]  # the parts are in the order of the request
    assert desk.order == ["text1", "text3", "text0", "text2"]


def test_dropped_texts_are_not_read(desk: Desk) -> None:
    async def ask() -> None:
        desk.hold()
        dropped, kept = desk.job("dropped", [words(20)] * 3), desk.job("kept", [words(200)])
        desk.queue.submit(dropped)
        desk.queue.submit(kept)
        assert desk.queue.drop(dropped) == 3
        assert desk.queue.drop(dropped) == 0
        desk.open()
        await kept.future
        assert not dropped.future.done()

    asyncio.run(ask())
    assert desk.order == ["kept0"]


def test_a_failure_is_its_own_request_s_alone(desk: Desk) -> None:
    async def ask() -> list[Any]:
        def fail(outcome: Any, index: int) -> None:
            raise ZeroDivisionError

        task = Task([words(20)] * 3, None, lambda manifest, outcomes, parts: parts, fail)
        failing = Job(task, desk._predictor, Settings(), Times(perf_counter()), None)
        desk.queue.submit(failing)
        fine = desk.job("fine", [words(20)])
        desk.queue.submit(fine)
        with pytest.raises(ZeroDivisionError):
            await failing.future
        return await fine.future

    assert asyncio.run(ask()) == [0]


def test_closing_waits_for_what_is_queued(desk: Desk) -> None:
    async def ask() -> list[Any]:
        desk.hold()
        job = desk.job("text", [words(20)] * 4)
        desk.queue.submit(job)
        closing = threading.Thread(target=desk.queue.close, args=(60,))
        closing.start()
        desk.open()
        parts = await job.future
        closing.join(60)
        with pytest.raises(RuntimeError, match="closed"):
            desk.queue.submit(desk.job("late", ["good"]))
        return parts

    assert asyncio.run(ask()) == [0, 1, 2, 3]
