"""All errors that Sentiline raises deliberately, in one tree, so that one `except` can catch them.

SentilineError
├── InputError                 the input cannot be scored
│   ├── TextTypeError          a text is not a string
│   ├── EmptyTextError         a text has no token
│   ├── TextTooLongError       a text has too many tokens, and truncation is "error"
│   ├── OptionError            an option has an unknown value
│   └── DataFileError          a file of reviews cannot be read, or an output cannot be written as asked
├── BundleError                a model cannot be used
│   ├── BundleNotFoundError    there is no model of that name or at that path
│   └── BundleCorruptError     a file is missing, altered or malformed
├── SettingError               a setting (environment variable) has an unusable value
└── ClusterError               a cluster cannot be reached, or lost what a run needs
"""

from __future__ import annotations


class SentilineError(Exception):
    """Base of all errors of this package.

    Attributes:
        code: The stable machine-readable name of the kind of error, in `snake_case`.
        field: The name of the offending input field, option or file; None if there is none.
    """

    code = "error"

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class InputError(SentilineError, ValueError):
    """The input cannot be scored."""

    code = "invalid_input"


class TextTypeError(InputError, TypeError):
    """A text is not a string."""

    code = "invalid_type"


class EmptyTextError(InputError):
    """A text has no token: it is empty, blank, or only markup and punctuation."""

    code = "empty_text"


class TextTooLongError(InputError):
    """A text has more tokens than the model reads, and truncation is "error"; or more than a setting allows.

    Attributes:
        limit: The largest number allowed.
        setting: The environment variable that sets the limit; None if the model does.
    """

    code = "text_too_long"

    def __init__(
        self, message: str, *, field: str | None = None, limit: int | None = None, setting: str | None = None
    ) -> None:
        super().__init__(message, field=field)
        self.limit = limit
        self.setting = setting


class OptionError(InputError):
    """An option has an unknown value."""

    code = "invalid_option"


class DataFileError(InputError):
    """A file of reviews cannot be read, or an output cannot be written as asked."""

    code = "invalid_file"


class DataFileWarning(UserWarning):
    """Files of reviews are read in a way that may surprise."""


class BundleError(SentilineError):
    """A model bundle cannot be used."""

    code = "bundle_error"


class BundleNotFoundError(BundleError, LookupError):
    """There is no model of that name, or no bundle at that path."""

    code = "model_not_found"


class BundleCorruptError(BundleError):
    """A file of a bundle is missing, altered or malformed."""

    code = "bundle_corrupt"


class SettingError(SentilineError, ValueError):
    """A setting has an unusable value."""

    code = "invalid_setting"


class ClusterError(SentilineError):
    """A cluster cannot be reached, or lost what a run needs."""

    code = "cluster_error"
