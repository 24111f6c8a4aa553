"""The queue of texts and the threads that read them: short requests pass long ones, and everyone's wait is bounded."""

from __future__ import annotations

import heapq
import itertools
import threading
from queue import SimpleQueue
from typing import Any

from .job import Job

STRETCH = 8
"""How many times its own tokens are read, of whatever job, before a text is due."""


class FairQueue:
    """The text that is due first is read first; time is counted in tokens taken from the queue.

    A job's text is due when, since the job came, `STRETCH` times the job's tokens up to this text have been taken. So
    one short text passes the rest of a long list. Whoever comes when the list is due does not pass it any more: a job
    of T tokens waits for what was there before it and for at most `STRETCH` * T tokens that came later, however many go
    on coming. Equal shares for all that wait would have a job of T tokens wait for T tokens of every other.
    The queue has no bound of its own: admission counts its tokens.
    """

    def __init__(self, threads: int) -> None:
        self._heap: list[tuple[int, int, Job[Any]]] = []  # (when its next text is due, order of arrival, job)
        self._clock = 0  # tokens taken
        self._order = itertools.count()
        self._lock = threading.Lock()  # guards all of the above and what waits in the jobs
        self._wakeups: SimpleQueue[None] = SimpleQueue()  # one for each text, and one for each thread to end it
        self._closed = False
        self._threads = [
            threading.Thread(target=self._work, name=f"engine-{number}", daemon=True) for number in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, job: Job[Any]) -> None:
        """Queue all texts of a job.

        Raises:
            RuntimeError: the queue is closed.
        """
        with self._lock:
            if self._closed:
                raise RuntimeError("the queue is closed")
            cost = job.costs[job.waiting[-1]]
            due = self._clock + STRETCH * cost if cost else 0  # what costs nothing passes even what is overdue
            heapq.heappush(self._heap, (due, next(self._order), job))
        for _ in job.costs:
            self._wakeups.put(None)

    def drop(self, job: Job[Any]) -> int:
        """Begin no further text of a job; returns how many no thread had begun."""
        with self._lock:
            job.dropped = True
            count = len(job.waiting)
            job.waiting.clear()
        return count

    def close(self, seconds: float) -> None:
        """Take no more jobs, and wait for those queued, at most so long."""
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
            if taken is not None:
                job, index = taken
                job.step(index)
                del taken, job  # an idle thread keeps no text
            elif self._closed:
                return

    def _take(self) -> tuple[Job[Any], int] | None:
        """The next text; None where jobs were dropped, or when the queue is closed and empty."""
        with self._lock:
            heap = self._heap
            while heap:
                due, order, job = heap[0]
                if not job.waiting:  # dropped
                    heapq.heappop(heap)
                    continue
                index = job.waiting.pop()
                self._clock += job.costs[index]
                if job.waiting:
                    heapq.heapreplace(heap, (due + STRETCH * job.costs[job.waiting[-1]], order, job))
                else:
                    heapq.heappop(heap)
                return job, index
        return None
