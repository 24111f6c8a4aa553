"""`python -m sentiline.reference`: run the classic demonstrations and print them."""

from __future__ import annotations

from sentiline.reference.demos import DEMONSTRATIONS


def main() -> None:
    """Print every demonstration."""
    for demonstration in DEMONSTRATIONS:
        print(demonstration(), end="\n\n")


if __name__ == "__main__":
    main()
