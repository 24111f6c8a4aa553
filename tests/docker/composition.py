"""Measures what the image is made of beyond its base; `python -m tests.docker.composition` prints the table."""

from __future__ import annotations

import json

from tests.docker.containers import BASE, IMAGE, docker

MEGABYTE = 10**6
SHOWN = 8
"""How many of the largest packages have a row of their own."""

MEASURE = """
import json, os
from importlib.metadata import distributions

def size(top):
    return sum(os.lstat(os.path.join(folder, name)).st_size for folder, _, names in os.walk(top) for name in names)

parts = {"models": size("/app/models"), "code": size("/app") - size("/app/models")}
packages = {}
for package in distributions(path=["/venv/lib/python3." + str(__import__("sys").version_info[1]) + "/site-packages"]):
    files = (package.locate_file(file) for file in package.files or ())
    packages[package.name] = sum(os.lstat(file).st_size for file in files if os.path.exists(file))
parts["environment"] = size("/venv")
print(json.dumps({"parts": parts, "packages": packages}))
"""


def size_beyond_base() -> int:
    """Return how many bytes the image adds to its base."""
    image, base = (int(docker("image", "inspect", "--format", "{{.Size}}", name)) for name in (IMAGE, BASE))
    return image - base


def composition() -> list[tuple[str, int]]:
    """Return the rows of the table, name and bytes, which add up to what the image adds to its base."""
    command = ("run", "--rm", "--network", "none", IMAGE, "python", "-c", MEASURE)
    measured = json.loads(docker(*command))
    packages = sorted(measured["packages"].items(), key=lambda item: -item[1])
    rows = packages[:SHOWN]
    others = measured["parts"]["environment"] - sum(size for _, size in rows)
    rows.append((f"{len(packages) - SHOWN} other packages", others))
    return [*rows, ("the models", measured["parts"]["models"]), ("the code", measured["parts"]["code"])]


def main() -> None:
    """Print the table, in megabytes."""
    print("| | MB |\n|---|---|")
    for name, size in composition():
        print(f"| {name} | {size / MEGABYTE:.1f} |")
    print(f"| **in all, beyond the base** | **{size_beyond_base() / MEGABYTE:.0f}** |")


if __name__ == "__main__":
    main()
