"""The Ray Data pipeline: tasks that read, and a pool of actors that score and write; keeps no record of its work."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from functools import partial
from typing import Any

from sentiline.cluster.splits import SPLITS, Split
from sentiline.cluster.worker import PAYLOAD, PartScorer, ReadJob, ScoreJob, packed, read_split, unpack
from sentiline.errors import ClusterError

_WORKERS_PER_READER = 8
"""Reading and carrying a part takes a small share of the time that scoring it does."""
_AHEAD = 2
"""Parts given to an actor: one that it scores, and one that is on its way to it."""


def run_pipeline(
    ray: Any,
    model: Mapping[str, bytes],
    splits: Sequence[Split],
    read: ReadJob,
    score: ScoreJob,
    workers: int | None,
) -> Generator[object]:
    """Run the pipeline.

    Args:
        ray: the module, connected.
        model: its files.
        splits: what to read.
        read: how.
        score: how to score and write.
        workers: actors; None for as many as the cluster's CPUs allow.

    Yields:
        A `Record` of each part, an `End` of each split, and a `Failure` where there is one, in any order.

    Raises:
        ClusterError: Ray gave up.
    """
    data = ray.data
    workers = workers or max(1, int(ray.cluster_resources().get("CPU", 1)) // score.threads)
    context = data.DataContext.get_current().copy()
    context.enable_progress_bars = context.print_on_execution_start = context.enable_auto_log_stats = False
    context.target_max_block_size = 1  # no part waits until others fill its block
    files = ray.put(model)
    with data.DataContext.current(context):
        rows = [{PAYLOAD: packed(split)} for split in splits]
        found = data.from_items(rows, override_num_blocks=min(len(rows), SPLITS))
        # Readers ask for no CPU, since actors may have them all. Asking for another amount also keeps Ray from fusing
        # the two, which would have the actor that reads a long file score all of it.
        found = found.map_batches(
            partial(read_split, job=read),
            batch_size=1,
            batch_format="pyarrow",
            num_cpus=0,
            compute=data.TaskPoolStrategy(size=-(-workers // _WORKERS_PER_READER)),
        )
        # A pool that may shrink gives up idle actors at the end. An actor that lost its node waits for a free CPU
        # with parts in its hands, and gets it then at the latest.
        found = found.map_batches(
            PartScorer,
            fn_constructor_args=(score, files),
            batch_size=1,
            batch_format="pyarrow",
            num_cpus=score.threads,
            compute=data.ActorPoolStrategy(
                min_size=1, initial_size=workers, max_size=workers, max_tasks_in_flight_per_actor=_AHEAD
            ),
        )
    try:
        for table in found.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0):
            yield from unpack(table)
    except (ray.exceptions.RayError, data.exceptions.ExecutionTimeoutError) as error:
        raise ClusterError(_describe(error)) from error


def _describe(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    reason = lines[-1][:600] if lines else type(error).__name__
    if "No module named" in reason:
        return f"{reason}, on a node of the cluster; install 'sentiline[ray]' of the same release on all machines"
    return f"the run on the cluster ended: {type(error).__name__}: {reason}; what is finished is kept for --resume"
