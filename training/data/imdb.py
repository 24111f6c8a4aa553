"""The reviews of the Large Movie Review Dataset, with the test half behind a function of its own."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from training.data import imdb_archive as archive_file
from training.data.download import locate
from training.data.imdb_archive import PARTS, Files, Part
from training.data.review import NEGATIVE, POSITIVE, Label, Review
from training.data.split import film_disjoint as split
from training.errors import ArchiveError, DataError

__all__ = ["ImdbTrain", "Review", "load", "load_test", "split"]

_FILM = re.compile(r"/title/(tt\d+)/")


@dataclass(frozen=True, slots=True)
class ImdbTrain:
    """The reviews that may be used for fitting.

    Attributes:
        archive: The file that was read.
        train: The 25,000 labelled reviews, positive before negative, in the order of their numbers.
        unsup: The 50,000 unlabelled texts in the order of their numbers; they share no film with the other reviews.
        digests: The verified SHA-256 of every part of the archive, including the test half, for manifests.
    """

    archive: Path
    train: tuple[Review, ...]
    unsup: tuple[str, ...]
    digests: Mapping[str, str]


def load(archive: str | os.PathLike[str] | None = None, *, parts: Mapping[str, Part] = PARTS) -> ImdbTrain:
    """Verify the whole archive and read the training half and the unlabelled reviews, in about 5 s.

    Args:
        archive: The path of `aclImdb_v1.tar.gz`; None finds or downloads it with `training.data.download.locate`.
        parts: The parts that the archive must hold.

    Raises:
        ArchiveError: The archive is missing, truncated or altered; says what differs.
        DownloadError: The download failed.
    """
    path = locate(archive)
    files = archive_file.read(path, [name for name in parts if name.startswith("train/")], parts=parts)
    unsup = files.get("train/unsup", {})
    return ImdbTrain(
        archive=path,
        train=(*_reviews("train", "pos", files), *_reviews("train", "neg", files)),
        unsup=tuple(_text(f"train/unsup/{name}", unsup[name]) for name in sorted(unsup, key=_numbers)),
        digests={name: part.sha256 for name, part in parts.items()},
    )


def load_test(
    archive: str | os.PathLike[str] | None = None, *, final_evaluation: bool, parts: Mapping[str, Part] = PARTS
) -> tuple[Review, ...]:
    """Read the 25,000 test reviews, positive before negative.

    Only the final evaluation of a finished model may call this function: a test accuracy means nothing once anything
    (a preset, an epoch, a threshold) was chosen by it. Therefore the caller has to declare its purpose.

    Args:
        archive: The path of the archive, as for `load`.
        final_evaluation: Must be True.
        parts: The parts that the archive must hold.

    Raises:
        DataError: `final_evaluation` is not True.
        ArchiveError, DownloadError: As `load` raises them.
    """
    if final_evaluation is not True:
        raise DataError(
            "only the final evaluation may read the test set; choose models on a validation part (imdb.split)",
            field="final_evaluation",
        )
    path = locate(archive)
    files = archive_file.read(path, [name for name in parts if name.startswith("test/")], parts=parts)
    return (*_reviews("test", "pos", files), *_reviews("test", "neg", files))


def _reviews(half: str, folder: str, files: Mapping[str, Files]) -> list[Review]:
    (urls,) = files[f"{half}/urls_{folder}.txt"].values()
    films = _FILM.findall(urls.decode("ascii"))
    label: Label = POSITIVE if folder == "pos" else NEGATIVE
    found = files[f"{half}/{folder}"]
    reviews = []
    for name in sorted(found, key=_numbers):
        number, stars = _numbers(name)
        if number >= len(films):
            raise ArchiveError(f"{half}/urls_{folder}.txt lists {len(films):,} films, but none for review {number}")
        where = f"{half}/{folder}/{name}"
        reviews.append(
            Review(_text(where, found[name]), label, stars=stars, film=films[number], id=where.removesuffix(".txt"))
        )
    return reviews


def _numbers(name: str) -> tuple[int, int]:
    """Read `(review, stars)` from "<review>_<stars>.txt"."""
    number, stars = name.removesuffix(".txt").split("_")
    return int(number), int(stars)


def _text(where: str, content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ArchiveError(f"{where} is not UTF-8 (byte {error.start})") from None
