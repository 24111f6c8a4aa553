"""The errors of `training`, which are `SentilineError`s.

SentilineError
└── TrainingError
    ├── ConfigError            a field of a configuration has an unusable value
    ├── DataError              training data cannot be read or used
    │   ├── ArchiveError       an IMDB archive is missing, truncated or altered
    │   └── DownloadError      the IMDB archive could not be fetched
    ├── CheckpointError        a checkpoint is missing, damaged or belongs to another fit
    └── ExportError            an exported graph does not compute what the model computes
"""

from __future__ import annotations

from sentiline.errors import SentilineError


class TrainingError(SentilineError):
    """The base class of the errors of this package."""

    code = "training_error"


class ConfigError(TrainingError, ValueError):
    """A field of a configuration has an unusable value."""

    code = "invalid_config"


class DataError(TrainingError):
    """Training data cannot be read, or is not enough to train on."""

    code = "invalid_data"


class ArchiveError(DataError):
    """An IMDB archive is missing, truncated or altered."""

    code = "invalid_archive"


class DownloadError(DataError):
    """The IMDB archive could not be fetched."""

    code = "download_failed"


class CheckpointError(TrainingError):
    """A checkpoint is missing, damaged or belongs to another fit."""

    code = "invalid_checkpoint"


class ExportError(TrainingError):
    """An exported graph does not compute what the model computes."""

    code = "export_failed"
