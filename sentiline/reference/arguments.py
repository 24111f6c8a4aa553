"""Checks of array arguments: functions take lists, integers and floats, and refuse shapes that do not fit.

float32 arrays stay float32. Everything else that holds real numbers is converted to float64, so that integers are
never computed with as integers: a buffer of integers would cut each state to a whole number.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray

P = ParamSpec("P")
R = TypeVar("R")

Array = NDArray[Any]

Sizes = dict[str, tuple[int, ...]]
"""Dimensions by letter: (size,) for a letter, any number of sizes for "..."."""


def takes(**shapes: Any) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Convert and check the array arguments of a function, given their shapes by name.

    A shape is written as its dimensions, such as "B T F"; a letter stands for the same size wherever it occurs in the
    call, "4U" for four times a size, "..." for any further dimensions, and "" for a scalar. It may begin with "int:",
    for arrays that must hold integers, or with "any:", for arrays that keep their dtype. A dict of shapes describes
    parameters by name, in which "b?" may be missing and "..." admits every other name; a list with one shape describes
    a sequence. An argument that is annotated as perhaps None may be None.

    Raises (in the decorated function):
        TypeError: An array does not hold numbers, or not the kind that is needed.
        ValueError: A shape does not fit, or parameters are missing or unknown; the message names the argument.

    Example:
        >>> @takes(x="B F", w="F")
        ... def product(x, w):
        ...     return x @ w
        >>> product([[1, 2]], [3, 4])
        array([11.])
        >>> product([[1, 2]], [3, 4, 5])
        Traceback (most recent call last):
        ValueError: w has shape (3,); it must be [F] with F = 2
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        parameters = inspect.signature(function).parameters
        names = tuple(parameters)
        optional = {name for name, parameter in parameters.items() if "None" in str(parameter.annotation)}

        @functools.wraps(function)
        def checked(*args: P.args, **kwargs: P.kwargs) -> R:
            if len(args) > len(names) or any(name in kwargs for name in names[: len(args)]):
                return function(*args, **kwargs)  # which raises Python's own TypeError
            given: dict[str, Any] = dict(zip(names, args, strict=False)) | kwargs
            sizes: Sizes = {}
            for name, shape in shapes.items():
                if name in given and not (given[name] is None and name in optional):
                    given[name] = _convert(name, given[name], shape, sizes)
            return function(**given)  # type: ignore[call-arg]

        checked.__dict__["shapes"] = shapes
        return checked

    return decorate


def gradient(name: str, value: Any, shape: tuple[int, ...]) -> Array:
    """Convert the gradient of an array and check that it has that array's shape.

    Without the check numpy would broadcast, say, one row to a whole batch, and the gradients would be silently wrong.

    Raises:
        ValueError: The gradient has another shape.
    """
    array = floating(name, value)
    if array.shape != shape:
        raise ValueError(f"{name} has shape {array.shape}; the array that it is the gradient of has shape {shape}")
    return array


def floating(name: str, value: Any) -> Array:
    """Convert a value to an array of floats: float32 stays float32, every other real number becomes a float64.

    Raises:
        TypeError: The value does not hold real numbers.
        ValueError: The value is a ragged list.
    """
    array = _array(name, value)
    if array.dtype in (np.float32, np.float64):
        return array
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} holds {_contents(value, array)}; it must hold real numbers")
    return array.astype(np.float64)


def integers(name: str, value: Any) -> Array:
    """Convert a value to an array of integers.

    Raises:
        TypeError: The value does not hold integers.
        ValueError: The value is a ragged list.
    """
    array = _array(name, value)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} holds {_contents(value, array)}; it must hold integers")
    return array


def _array(name: str, value: Any) -> Array:
    try:
        return np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name} is not an array: its rows have different lengths") from error


def _contents(value: Any, array: Array) -> str:
    return type(value).__name__ if array.dtype == object and array.ndim == 0 else str(array.dtype)


def _convert(name: str, value: Any, shape: Any, sizes: Sizes) -> Any:
    if isinstance(shape, dict):
        return _convert_parameters(name, value, shape, sizes)
    if isinstance(shape, list):
        if not isinstance(value, Sequence | np.ndarray):
            raise TypeError(f"{name} is a {type(value).__name__}; it must be a sequence of arrays")
        return tuple(
            None if item is None else _convert(f"{name}[{index}]", item, shape[0], sizes)
            for index, item in enumerate(value)
        )
    kind, _, dimensions = shape.rpartition(":")
    convert = {"": floating, "int": integers, "any": _array}[kind]
    array = convert(name, value)
    if not _fits(array.shape, dimensions.split(), sizes):
        raise ValueError(f"{name} has shape {array.shape}; it must be {_describe(dimensions.split(), sizes)}")
    return array


def _convert_parameters(name: str, value: Any, shapes: Mapping[str, str], sizes: Sizes) -> dict[str, Array]:
    if not isinstance(value, Mapping):
        raise TypeError(f"{name} is a {type(value).__name__}; it must be a dict of arrays by name")
    required = [key for key in shapes if not key.endswith("?") and key != "..."]
    known = {key.removesuffix("?"): shape for key, shape in shapes.items()}
    missing = [key for key in required if key not in value]
    unknown = [] if "..." in shapes else [key for key in value if key not in known]
    if missing or unknown:
        raise ValueError(
            f"{name} has the names {', '.join(map(repr, value)) or 'of nothing'}; "
            f"it must have {', '.join(map(repr, required))}"
            + "".join(f", and may have {key[:-1]!r}" for key in shapes if key.endswith("?"))
        )
    converted = {key: _convert(f"{name}[{key!r}]", value[key], known[key], sizes) for key in known if key in value}
    return {key: converted[key] if key in converted else floating(f"{name}[{key!r}]", value[key]) for key in value}


def _fits(shape: tuple[int, ...], dimensions: Sequence[str], sizes: Sizes) -> bool:
    """Whether a shape has these dimensions; if so, binds the letters that it meets for the first time."""
    bound = dict(sizes)
    if "..." in dimensions:
        at = dimensions.index("...")
        free = len(shape) - len(dimensions) + 1
        if free < 0 or bound.setdefault("...", shape[at : at + free]) != shape[at : at + free]:
            return False
        shape, dimensions = shape[:at] + shape[at + free :], [*dimensions[:at], *dimensions[at + 1 :]]
    if len(shape) != len(dimensions):
        return False
    for size, dimension in zip(shape, dimensions, strict=True):
        if dimension.isdigit():
            if size != int(dimension):
                return False
            continue
        factor, letter = _parse(dimension)
        if size % factor or bound.setdefault(letter, (size // factor,)) != (size // factor,):
            return False
    sizes |= bound
    return True


def _describe(dimensions: Sequence[str], sizes: Sizes) -> str:
    named = [dimension for dimension in dimensions if dimension != "..." and not dimension.isdigit()]
    letters = dict.fromkeys(_parse(dimension)[1] for dimension in named)
    bound = [f"{letter} = {sizes[letter][0]}" for letter in letters if letter in sizes]
    if "..." in dimensions and "..." in sizes:
        bound.insert(0, f"… = {sizes['...']}")
    return f"[{', '.join(dimensions)}]" + (f" with {', '.join(bound)}" if bound else "")


@functools.cache
def _parse(dimension: str) -> tuple[int, str]:
    """Split "4U" into 4 and "U"."""
    factor, letter = re.fullmatch(r"(\d*)(\w+)", dimension).groups()  # type: ignore[union-attr]
    return int(factor or 1), letter
