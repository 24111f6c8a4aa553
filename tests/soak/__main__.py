"""A long soak of the service; exits 1 if its footprint grew or an answer was wrong.

python -m tests.soak                          ten minutes
python -m tests.soak --seconds 3600 --workers 2
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.soak.soak import soak


def main() -> int:
    """Run the soak and print its report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=600, help="how long to run after a warm-up of a third of it")
    parser.add_argument("--seed", type=int, default=0, help="seed of the texts and the traffic")
    parser.add_argument("--workers", type=int, default=1, help="number of server processes")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report = soak(
            Path(folder),
            arguments.seconds,
            warm_up=max(5.0, arguments.seconds / 3),
            texts=600,
            seed=arguments.seed,
            workers=arguments.workers,
        )
    print(f"after the warm-up: {report.before}")
    print(f"after {arguments.seconds:.0f} s more: {report.after}")
    print(
        ", ".join(f"{kind}: {count}" for kind, count in report.answered.items()) + f"; refused (429): {report.refused}"
    )
    for fault in report.faults():
        print(f"FAULT: {fault}")
    return int(bool(report.faults()))


if __name__ == "__main__":
    sys.exit(main())
