"""The worked examples in the docstrings of the reference, and the promise that it uses nothing else of ours."""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import pkgutil
import sys
from pathlib import Path

import pytest

import sentiline.reference

MODULES = [module.name for module in pkgutil.iter_modules(sentiline.reference.__path__) if module.name != "__main__"]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_docstrings_hold(name: str) -> None:
    module = importlib.import_module(f"sentiline.reference.{name}")
    # doctest.testmod passes over decorated functions
    functions = {inspect.unwrap(value) for value in vars(module).values() if inspect.isfunction(value)}
    own = [function for function in functions if function.__module__ == module.__name__]
    runner, finder = doctest.DocTestRunner(), doctest.DocTestFinder()
    for function in own:
        for example in finder.find(function, globs=dict(vars(module))):
            runner.run(example)
    failed, attempted = runner.summarize(verbose=False)
    assert failed == 0
    assert attempted == sum((function.__doc__ or "").count(">>> ") for function in own)


def test_nothing_but_numpy_and_the_standard_library_is_imported() -> None:
    allowed = {"numpy", *sys.stdlib_module_names}
    for path in Path(sentiline.reference.__path__[0]).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                assert name.split(".")[0] in allowed or name.startswith("sentiline.reference"), f"{path.name}: {name}"
