"""The queue of texts and the threads that read them: short requests overtake long ones, and every wait is bounded."""

from __future__ import annotations

import heapq
import itertools
import threading
from queue import SimpleQueue
from typing import Any

from .job import Job, run_texts

STRETCH = 8
"""A text is due once this many times its job's tokens, up to and including that text, have been taken."""

BATCH_TEXTS = 32
"""The most texts that a thread takes at once."""


class Scheduler:
    """Runs the text that is due first; time is measured in tokens taken from the queue.

    A text is due when, since its job arrived, `STRETCH` times the job's tokens up to this text have been taken, so a
    short text overtakes the rest of a long list. Once a text is due nothing overtakes it, so a job of T tokens waits at
    most for the work ahead of it plus `STRETCH` * T tokens of later arrivals. With equal shares for all jobs, one of
    T tokens would wait for T tokens of every other job instead. Admission bounds the queue's tokens, so the queue has
    no limit of its own.

    A thread that takes a short text also takes the short texts with the same model that would be next, but leaves the
    other threads their share: together they cost less. It never waits for more of them.
    """

    def __init__(self, threads: int) -> None:
        self._heap: list[tuple[int, int, Job[Any]]] = []  # (when its next text is due, order of arrival, job)
        self._clock = 0  # tokens taken
        self._waiting = 0  # texts that no thread has taken
        self._order = itertools.count()
        self._lock = threading.Lock()  # guards all of the above and the waiting texts of the jobs
        self._wakeups: SimpleQueue[None] = SimpleQueue()  # one per text, and one per thread to end it
        self._closed = False
        self._threads = [
            threading.Thread(target=self._work, name=f"engine-{number}", daemon=True) for number in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, job: Job[Any]) -> None:
        """Queue all texts of a job.

        Raises:
            RuntimeError: The scheduler is closed.
        """
        with self._lock:
            if self._closed:
                raise RuntimeError("the scheduler is closed")
            cost = job.costs[job.waiting[-1]]
            due = self._clock + STRETCH * cost if cost else 0  # a probe costs nothing and overtakes even overdue texts
            heapq.heappush(self._heap, (due, next(self._order), job))
            self._waiting += len(job.waiting)
        for _ in job.costs:
            self._wakeups.put(None)

    def drop(self, job: Job[Any]) -> int:
        """Start no further text of a job; returns the number of texts that no thread had started."""
        with self._lock:
            job.dropped = True
            count = len(job.waiting)
            self._waiting -= count
            job.waiting.clear()
        return count

    def close(self, seconds: float) -> None:
        """Accept no more jobs, and wait at most `seconds` per thread for those queued."""
        with self._lock:
            self._closed = True
        for _ in self._threads:
            self._wakeups.put(None)
        for thread in self._threads:
            thread.join(seconds)

    def _work(self) -> None:
        while True:
            self._wakeups.get()
            taken = self._take()
            if taken:
                run_texts(taken)
                del taken  # an idle thread must not keep a text in memory
            elif self._closed:
                return

    def _take(self) -> list[tuple[Job[Any], int]]:
        """The next texts; none if their job was dropped, or when the scheduler is closed and the queue empty."""
        taken: list[tuple[Job[Any], int]] = []
        with self._lock:
            heap = self._heap
            most = min(BATCH_TEXTS, -(-self._waiting // len(self._threads)))
            while heap and len(taken) < max(1, most):
                due, order, job = heap[0]
                if not job.waiting:  # dropped
                    heapq.heappop(heap)
                    continue
                index = job.waiting[-1]
                alone = job.costs[index] > job.predictor.short_tokens
                if taken and (alone or job.predictor is not taken[0][0].predictor):
                    break
                job.waiting.pop()
                self._waiting -= 1
                self._clock += job.costs[index]
                if job.waiting:
                    heapq.heapreplace(heap, (due + STRETCH * job.costs[job.waiting[-1]], order, job))
                else:
                    heapq.heappop(heap)
                taken.append((job, index))
                if alone:
                    break
        return taken
