"""The Ray Data pipeline: tasks that read splits, and a pool of actors that score parts and write them."""

from __future__ import annotations

import pickle
from collections.abc import Generator, Mapping, Sequence
from functools import partial
from typing import Any

from sentiline.cluster.part_writer import KEPT
from sentiline.cluster.splits import SPLITS, Split
from sentiline.cluster.worker import PAYLOAD, PartScorer, ReadJob, ScoreJob, read_split, to_row
from sentiline.errors import ClusterError

_WORKERS_PER_READER = 8  # reading and sending a part takes a small share of the time that scoring it takes
_PARTS_PER_ACTOR = 2  # one that is being scored, and one on its way


def run_pipeline(
    ray: Any,
    model: Mapping[str, bytes],
    splits: Sequence[Split],
    read: ReadJob,
    score: ScoreJob,
    workers: int | None,
) -> Generator[object]:
    """Read, score and write all splits.

    Args:
        ray: The module `ray`, connected to a cluster.
        model: The model's files by name.
        splits: The splits to read.
        read: How to read them.
        score: How to score and write their parts.
        workers: The number of actors; None for as many as the cluster's CPUs allow.

    Yields:
        A `PartRecord` per part, a `SplitEnd` per split, and a `Failure` per error, in any order.

    Raises:
        ClusterError: Ray gave up.
    """
    data = ray.data
    workers = workers or max(1, int(ray.cluster_resources().get("CPU", 1)) // score.threads)
    context = data.DataContext.get_current().copy()
    context.enable_progress_bars = context.print_on_execution_start = context.enable_auto_log_stats = False
    context.target_max_block_size = 1  # each part is a block of its own and waits for no other
    files = ray.put(model)
    with data.DataContext.current(context):
        # Readers reserve no CPU, since the actors may hold them all. The different amount also keeps Ray from fusing
        # the two steps, after which one actor would both read a long file and score all of it.
        results = (
            data.from_items([to_row(split) for split in splits], override_num_blocks=min(len(splits), SPLITS))
            .flat_map(
                partial(read_split, job=read),
                num_cpus=0,
                compute=data.TaskPoolStrategy(size=-(-workers // _WORKERS_PER_READER)),
            )
            .map(
                PartScorer,
                fn_constructor_args=(score, files),
                num_cpus=score.threads,
                # A pool that may shrink gives up idle actors at the end. An actor that lost its node waits for a free
                # CPU with parts assigned to it, and gets one then at the latest.
                compute=data.ActorPoolStrategy(
                    min_size=1,
                    initial_size=workers,
                    max_size=workers,
                    max_tasks_in_flight_per_actor=_PARTS_PER_ACTOR,
                ),
            )
        )
    try:
        # without prefetching, which would hold back each result until the next one is there
        for batch in results.iter_batches(batch_size=None, prefetch_batches=0):
            yield from map(pickle.loads, batch[PAYLOAD])
    except (ray.exceptions.RayError, data.exceptions.ExecutionTimeoutError) as error:
        raise ClusterError(_describe(error)) from error


def _describe(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    reason = lines[-1][:600] if lines else type(error).__name__
    if "No module named" in reason:
        return f"{reason}, on a node of the cluster; install 'sentiline[ray]' of the same release on all machines"
    return f"the run on the cluster failed: {type(error).__name__}: {reason}; {KEPT}"
