"""The queue: small requests pass large ones, nobody starves, dropped texts are not read."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from functools import partial
from time import perf_counter
from typing import Any

import pytest

from sentiline.predictor import Predictor
from service.engine.admission import Budget, Charge
from service.engine.job import Job, Task
from service.engine.scheduler import FairQueue
from service.settings import Settings
from service.telemetry.stage_times import Times


class Desk:
    """A queue of one thread, held until `open`, and the order in which texts were read."""

    def __init__(self, predictor: Predictor) -> None:
        self.queue = FairQueue(1)
        self.order: list[str] = []
        self._predictor = predictor
        self._gate = threading.Event()
        self._held = threading.Event()

    def job(self, name: str, texts: list[Any], then: Callable[[], object] = str) -> Job[list[Any]]:
        """A job that calls `then` whenever one of its texts is read, before another text is taken."""

        def render(outcome: Any, index: int) -> int:
            self.order.append(f"{name}{index}")
            then()
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
    # due after, in tokens: list 1600 3200 4800 6400 8000, short 160, pair 2000 4000; of equal texts the last is first
    assert [name[:-1] for name in desk.order] == ["short", "list", "pair", "list", "pair", "list", "list", "list"]


def test_a_long_text_does_not_wait_for_ever(desk: Desk) -> None:
    """Short requests that keep coming pass a long one only until it is due."""

    async def ask() -> None:
        desk.hold()
        stream: list[Job[list[Any]]] = []

        def come(number: int) -> None:
            if number < len(stream):
                desk.queue.submit(stream[number])

        stream += [desk.job(f"short{number}-", [words(100)], partial(come, number + 2)) for number in range(16)]
        long = desk.job("long", [words(200)])
        for job in (long, stream[0], stream[1]):
            desk.queue.submit(job)
        desk.open()
        for job in (long, *stream):
            await job.future

    asyncio.run(ask())
    # the long text is due after 1600 tokens; number n of the others comes after n - 1 of them, and is due 800 later
    assert desk.order.index("long0") == 9


def test_who_comes_when_a_text_is_due_does_not_pass_it(desk: Desk) -> None:
    async def ask() -> None:
        desk.hold()
        later = [desk.job(f"later{number}-", [words(20)]) for number in range(10)]  # each due 160 after it came

        def come() -> None:
            for job in later:
                desk.queue.submit(job)

        crowd = [desk.job(f"crowd{number}-", [words(100)], come if number == 9 else str) for number in range(30)]
        long = desk.job("long", [words(120)])  # due after 960, of which 1000 are taken when the others come
        for job in (long, *crowd):
            desk.queue.submit(job)
        desk.open()
        for job in (long, *crowd, *later):
            await job.future

    asyncio.run(ask())
    assert desk.order.index("long0") == 30


def test_what_costs_nothing_passes_what_is_overdue(desk: Desk) -> None:
    async def ask() -> int:
        desk.hold()
        task = Task(["good"], None, lambda manifest, outcomes, parts: len(desk.order))
        probe = Job(task, desk._predictor, Settings(), Times(perf_counter()), None)
        jobs = [
            desk.job(f"text{number}-", [words(200)], partial(desk.queue.submit, probe) if number == 12 else str)
            for number in range(20)
        ]  # all due after 1600 tokens, more than which are taken by then
        for job in jobs:
            desk.queue.submit(job)
        desk.open()
        for job in jobs:
            await job.future
        return await probe.future

    assert asyncio.run(ask()) == 13


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
