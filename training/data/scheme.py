"""What the labels in a user's file mean, with training's error; the reading of labels is `sentiline.labels`."""

from __future__ import annotations

from collections.abc import Iterable

from sentiline import labels
from sentiline.errors import DataFileError
from sentiline.labels import SCHEMES, LabelValue, Scheme, normalize_label, sentiment_of
from training.errors import DataError

__all__ = ["SCHEMES", "LabelValue", "Scheme", "infer_scheme", "normalize_label", "sentiment_of"]


def infer_scheme(marks: Iterable[LabelValue | None]) -> Scheme:
    """The one scheme that a file's labels can belong to; see `sentiline.labels.infer_scheme`.

    Raises:
        DataError: no scheme or more than one fits; lists the labels found and says how to choose.
    """
    try:
        return labels.infer_scheme(marks)
    except DataFileError as error:
        raise DataError(str(error), field=error.field) from None
