"""`python -m sentiline.reference`: run the classic demonstrations and print them."""

from __future__ import annotations

import argparse
import os
import sys

from sentiline.reference.demos import DEMONSTRATIONS

_PIPE_CLOSED = 141
"""What a shell reports of a program that SIGPIPE, signal 13, ended: 128 + 13."""


def main() -> int:
    """Print every demonstration; return the exit code."""
    argparse.ArgumentParser(
        prog="python -m sentiline.reference",
        description="Run the classic demonstrations of recurrent networks in plain numpy, and print them.",
    ).parse_args()
    try:
        for demonstration in DEMONSTRATIONS:
            print(demonstration(), end="\n\n", flush=True)
    except OSError as error:
        # what is left in the buffer goes nowhere: Python would try once more at its end, and complain
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            return _PIPE_CLOSED
        print(f"Error: standard output: {error.strerror}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
