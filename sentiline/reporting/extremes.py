"""The most and the least positive reviews: a bounded number of them, whatever number is seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sentiline.reading import Reading
from sentiline.reporting.excerpt import Sample

MOST = 5


class Extremes:
    """Keeps the reviews at both ends; of the same text written twice one."""

    def __init__(self, most: int = MOST) -> None:
        """Keep at most `most` at each end."""
        self._most = most
        self._highest: list[Sample] = []
        self._lowest: list[Sample] = []

    def add(self, reading: Reading, place: str) -> None:
        """See a review; of equally positive ones the first stays."""
        for kept, sign in ((self._highest, 1.0), (self._lowest, -1.0)):
            if len(kept) == self._most and sign * reading.logit <= sign * kept[-1].logit:
                continue
            if any(one.logit == reading.logit and one.digest == Sample.digest_of(reading.text) for one in kept):
                continue
            self._keep(Sample.of(reading, place), kept, sign)

    def join(self, later: Extremes) -> None:
        """See the reviews that another one kept."""
        for kept, samples, sign in ((self._highest, later._highest, 1.0), (self._lowest, later._lowest, -1.0)):
            for sample in samples:
                if not any((one.logit, one.digest) == (sample.logit, sample.digest) for one in kept):
                    self._keep(sample, kept, sign)

    def _keep(self, sample: Sample, kept: list[Sample], sign: float) -> None:
        kept.append(sample)
        kept.sort(key=lambda one: -sign * one.logit)  # stable: the first stays
        del kept[self._most :]

    @property
    def highest(self) -> list[Sample]:
        """The most positive reviews, the most positive first."""
        return self._highest

    @property
    def lowest(self) -> list[Sample]:
        """The least positive ones, the least positive first."""
        return self._lowest

    def as_dict(self) -> dict[str, Any]:
        """The reviews as plain values."""
        return {
            "highest": [one.as_dict() for one in self._highest],
            "lowest": [one.as_dict() for one in self._lowest],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Extremes:
        """The reviews that `as_dict` gave."""
        extremes = cls()
        extremes._highest = [Sample.from_dict(one) for one in values["highest"]]
        extremes._lowest = [Sample.from_dict(one) for one in values["lowest"]]
        return extremes
