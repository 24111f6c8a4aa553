"""The dialect of CSV and TSV files, beyond their delimiter and quoting."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import Any, Self

from sentiline.errors import OptionError

# The first line by which spreadsheets are told the delimiter.
_SEPARATOR_LINE = re.compile(r'"?sep=([^"])"?[\r\n]*', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Dialect:
    r"""How CSV and TSV files differ from the usual ones.

    Attributes:
        no_header: Whether the first line is a row, so that the columns are named by their numbers, from "1".
        skip_lines: The number of lines above the header, or above the first row if there is none.
        escape: The character that takes the meaning from a quote, delimiter or line break after it, such as a
            backslash; None if quotes are doubled. Before other characters it is part of the text.
        skip_blanks: Whether blanks after a delimiter are left out, so that a quote after them encloses the field.
    """

    no_header: bool = False
    skip_lines: int = 0
    escape: str | None = None
    skip_blanks: bool = False

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            OptionError: A value has the wrong type or is out of range.
        """
        for name in ("no_header", "skip_blanks"):
            if not isinstance(value := getattr(self, name), bool):
                raise OptionError(f"{name} is {value!r}; it must be True or False", field=name)
        lines, escape = self.skip_lines, self.escape
        if not isinstance(lines, int) or isinstance(lines, bool) or lines < 0:
            raise OptionError(
                f"--skip-lines is {lines!r}; it must be a whole number of at least 0", field="--skip-lines"
            )
        if escape is not None and (not isinstance(escape, str) or len(escape) != 1 or escape in '" \t\r\n\0\ufeff'):
            raise OptionError(
                rf"--escape is {escape!r}; it must be one character, such as '\', and neither a quote nor a blank",
                field="--escape",
            )

    @classmethod
    def from_options(cls, options: Any) -> Self:
        """Return the dialect that the fields of these names in an options object describe."""
        return cls(**{field.name: getattr(options, field.name) for field in fields(cls)})

    def given_options(self) -> list[str]:
        """Return the command line options that differ from their defaults."""
        return [
            "--" + field.name.replace("_", "-") for field in fields(self) if getattr(self, field.name) != field.default
        ]


def separator_line(line: str) -> str | None:
    """Return the delimiter that a line such as `sep=;` names; None for other lines."""
    found = _SEPARATOR_LINE.fullmatch(line)
    return found[1] if found else None
