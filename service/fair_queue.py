"""The queue of texts and the threads that read them: fair between requests, whatever their size."""

from __future__ import annotations

import heapq
import itertools
import threading
from queue import SimpleQueue
from typing import Any

from .job import Job


class FairQueue:
    """Self-clocked fair queueing of texts, by tokens (Golestani, INFOCOM 1994).

    Every job gets an equal share of the threads. Its next text carries a tag, `tag of the one before + its tokens`;
    a new job begins at the tag of the text taken last. Threads take the least tag. So one short text passes the rest of
    a long list, a long list passes nobody and is never overtaken for good, because the tags of what comes later grow.
    The queue has no bound of its own: admission counts its tokens.
    """

    def __init__(self, threads: int) -> None:
        self._heap: list[tuple[int, int, Job[Any]]] = []  # (tag of its next text, order of arrival, job)
        self._clock = 0  # tag of the text taken last
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
            tag = self._clock + job.costs[job.waiting[-1]]
            heapq.heappush(self._heap, (tag, next(self._order), job))
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
                tag, order, job = heap[0]
                if not job.waiting:  # dropped
                    heapq.heappop(heap)
                    continue
                self._clock = tag
                index = job.waiting.pop()
                if job.waiting:
                    heapq.heapreplace(heap, (tag + job.costs[job.waiting[-1]], order, job))
                else:
                    heapq.heappop(heap)
                return job, index
        return None
