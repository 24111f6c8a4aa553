"""Import of pyarrow, which is an optional dependency."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from sentiline.errors import SettingError


def require_pyarrow(reason: str, module: str = "") -> Any:
    """Import pyarrow, or one of its modules.

    Args:
        reason: What needs pyarrow, as the subject of the error message, such as "Writing Parquet".
        module: The name of a submodule, such as "parquet"; empty for pyarrow itself.

    Raises:
        SettingError: pyarrow is not installed.
    """
    try:
        import pyarrow
    except ImportError:
        raise SettingError(f"{reason} needs pyarrow: pip install 'sentiline[batch]'", field="pyarrow") from None
    return import_module(f"pyarrow.{module}") if module else pyarrow
