"""Settings of TensorFlow that every fit runs under; call before the first op."""

from __future__ import annotations

import tensorflow as tf


def configure(threads: int | None = None) -> None:
    """Make ops deterministic, so that equal configs give equal weights, and bound the threads.

    Args:
        threads: of one op, and of ops side by side; None for all cores.
    """
    tf.config.experimental.enable_op_determinism()
    if threads is not None:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
