"""The scheduler: small requests overtake large ones, none starves, and dropped texts are not read."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from sentiline.predictor import Predictor
from service.engine.admission import TokenBudget
from service.engine.job import Job, Task
from service.engine.scheduler import Scheduler
from tests.service.engine.tasks import CallbackTask, make_job, make_probe


class Bench:
    """A scheduler of one thread, held until `open`, and the order in which texts were read."""

    def __init__(self, predictor: Predictor) -> None:
        self.scheduler = Scheduler(1)
        self.predictor = predictor
        self.order: list[str] = []
        self._gate = threading.Event()
        self._held = threading.Event()

    def job(self, name: str, texts: list[Any], then: Callable[[], object] = str) -> Job[list[Any]]:
        """A job that calls `then` whenever one of its texts is read, before another text is taken."""

        def render(index: int) -> int:
            self.order.append(f"{name}{index}")
            then()
            return index

        return self._admitted(CallbackTask(texts, render))

    def _admitted(self, task: Task[Any]) -> Job[Any]:
        return make_job(task, self.predictor, TokenBudget(10**9, lambda texts, tokens: None).admit(1, 1))

    def hold(self) -> None:
        def render(index: int) -> None:
            self._held.set()
            self._gate.wait(60)

        self.scheduler.submit(self._admitted(CallbackTask(["good film"], render)))
        assert self._held.wait(60)

    def open(self) -> None:
        self._gate.set()


@pytest.fixture
def bench(predictor: Predictor) -> Iterator[Bench]:
    made = Bench(predictor)
    yield made
    made.open()
    made.scheduler.close(60)


def words(count: int) -> str:
    return "good " * count  # counts as many tokens as it has words


def test_a_short_text_overtakes_the_rest_of_a_list(bench: Bench) -> None:
    async def ask() -> None:
        bench.hold()
        jobs = [
            bench.job("list", [words(200)] * 5),
            bench.job("short", [words(20)]),
            bench.job("pair", [words(250)] * 2),
        ]
        for job in jobs:
            bench.scheduler.submit(job)
        bench.open()
        assert [await job.future for job in jobs] == [[0, 1, 2, 3, 4], [0], [0, 1]]

    asyncio.run(ask())
    # due after, in tokens: list 1600 3200 4800 6400 8000, short 160, pair 2000 4000; of equal texts the last is first
    assert [name[:-1] for name in bench.order] == ["short", "list", "pair", "list", "pair", "list", "list", "list"]


def test_a_long_text_is_not_starved_by_short_ones(bench: Bench) -> None:
    """Short requests that keep arriving overtake a long one only until it is due."""

    async def ask() -> None:
        bench.hold()
        stream: list[Job[list[Any]]] = []

        def come(number: int) -> None:
            if number < len(stream):
                bench.scheduler.submit(stream[number])

        stream += [bench.job(f"short{number}-", [words(100)], partial(come, number + 2)) for number in range(16)]
        long = bench.job("long", [words(200)])
        for job in (long, stream[0], stream[1]):
            bench.scheduler.submit(job)
        bench.open()
        for job in (long, *stream):
            await job.future

    asyncio.run(ask())
    # the long text is due after 1600 tokens; number n of the others comes after n - 1 of them, and is due 800 later
    assert bench.order.index("long0") == 9


def test_nothing_overtakes_a_text_that_is_due(bench: Bench) -> None:
    async def ask() -> None:
        bench.hold()
        later = [bench.job(f"later{number}-", [words(20)]) for number in range(10)]  # each due 160 after it came

        def come() -> None:
            for job in later:
                bench.scheduler.submit(job)

        crowd = [bench.job(f"crowd{number}-", [words(100)], come if number == 9 else str) for number in range(30)]
        long = bench.job("long", [words(120)])  # due after 960, of which 1000 are taken when the others come
        for job in (long, *crowd):
            bench.scheduler.submit(job)
        bench.open()
        for job in (long, *crowd, *later):
            await job.future

    asyncio.run(ask())
    assert bench.order.index("long0") == 30


def test_a_probe_overtakes_overdue_texts(bench: Bench) -> None:
    async def ask() -> int:
        bench.hold()
        task = CallbackTask(["good"], finish=lambda parts: len(bench.order))
        probe = make_probe(task, bench.predictor)
        jobs = [
            bench.job(f"text{number}-", [words(200)], partial(bench.scheduler.submit, probe) if number == 12 else str)
            for number in range(20)
        ]  # all due after 1600 tokens, more than which are taken by then
        for job in jobs:
            bench.scheduler.submit(job)
        bench.open()
        for job in jobs:
            await job.future
        return await probe.future

    assert asyncio.run(ask()) == 13


def test_within_a_list_the_longest_text_is_first(bench: Bench) -> None:
    async def ask() -> list[Any]:
        job = bench.job("text", [words(50), words(300), words(20), words(100)])
        bench.scheduler.submit(job)
        return await job.future

    assert asyncio.run(ask()) == [0, 1, 2, 3]  # the parts are in the order of the request
    assert bench.order == ["text1", "text3", "text0", "text2"]


def test_dropped_texts_are_not_read(bench: Bench) -> None:
    async def ask() -> None:
        bench.hold()
        dropped, kept = bench.job("dropped", [words(20)] * 3), bench.job("kept", [words(200)])
        bench.scheduler.submit(dropped)
        bench.scheduler.submit(kept)
        assert bench.scheduler.drop(dropped) == 3
        assert bench.scheduler.drop(dropped) == 0
        bench.open()
        await kept.future
        assert not dropped.future.done()

    asyncio.run(ask())
    assert bench.order == ["kept0"]


def test_a_failure_affects_only_its_own_request(bench: Bench) -> None:
    async def ask() -> list[Any]:
        def fail(index: int) -> None:
            raise ZeroDivisionError

        failing = make_probe(CallbackTask([words(20)] * 3, fail), bench.predictor)
        bench.scheduler.submit(failing)
        fine = bench.job("fine", [words(20)])
        bench.scheduler.submit(fine)
        with pytest.raises(ZeroDivisionError):
            await failing.future
        return await fine.future

    assert asyncio.run(ask()) == [0]


def test_closing_waits_for_queued_texts(bench: Bench) -> None:
    async def ask() -> list[Any]:
        bench.hold()
        job = bench.job("text", [words(20)] * 4)
        bench.scheduler.submit(job)
        closing = threading.Thread(target=bench.scheduler.close, args=(60,))
        closing.start()
        bench.open()
        parts = await job.future
        closing.join(60)
        with pytest.raises(RuntimeError, match="closed"):
            bench.scheduler.submit(bench.job("late", ["good"]))
        return parts

    assert asyncio.run(ask()) == [0, 1, 2, 3]
