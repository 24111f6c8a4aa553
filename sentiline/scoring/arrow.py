"""Imports pyarrow, an optional dependency, when it is needed; knows nothing of files."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from sentiline.errors import SettingError


def arrow(reason: str, module: str = "") -> Any:
    """Import pyarrow, or one of its modules.

    Args:
        reason: what needs it, as the subject of a sentence.
        module: such as "parquet".

    Raises:
        SettingError: it is not installed.
    """
    try:
        import pyarrow
    except ImportError:
        raise SettingError(f"{reason} needs pyarrow: pip install 'sentiline[batch]'", field="pyarrow") from None
    return import_module(f"pyarrow.{module}") if module else pyarrow
