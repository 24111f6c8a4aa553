"""The import rules, `training → sentiline ← service`: read off the sources and off a Python that imported them."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TENSORFLOW = ("tensorflow", "keras", "tf2onnx")
FORBIDDEN = {
    "sentiline": (*TENSORFLOW, "bentoml", "training", "service", "sentiline.service"),
    "service": (*TENSORFLOW, "training"),
    "training": ("bentoml", "service", "sentiline.service"),
}
EXTRAS = {"sentiline": None, "service": "serve", "training": "train"}
"""The extra that installs what a part needs beyond the core."""
LAZY = {
    "sentiline/verification/onnx_weights.py": {"onnx", "google"},
    "sentiline/cluster/ray_connection.py": {"ray"},
    "sentiline/cluster/worker.py": {"ray"},
    "sentiline/reporting/html_report.py": {"jinja2"},
    "sentiline/reporting/picture.py": {"matplotlib"},
    "sentiline/scoring/arrow.py": {"pyarrow"},
    "sentiline/scoring/arrow_types.py": {"pyarrow"},  # these three are imported by others when they are wanted
    "sentiline/scoring/io/parquet_writer.py": {"pyarrow"},
    "sentiline/scoring/io/parquet_reader.py": {"pyarrow"},
    "training/nn/backend/torch.py": {"torch"},  # imported by training/nn/backend.py where KERAS_BACKEND says so
}
"""What a module imports only when it is wanted, and refuses to do without by naming what installs it."""

IMPORT_AND_LIST = """
import importlib, json, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
print(json.dumps(list(sys.modules)))
"""


def sources(part: str) -> list[Path]:
    found = sorted((ROOT / part).rglob("*.py"))
    assert found, f"no sources in {part}/"
    return found


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(source: str, package: str) -> Iterator[tuple[int, str]]:
    """Yield (line, absolute name) of all imports in `source`: inside functions too, relative ones resolved."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                yield from ((node.lineno, alias.name) for alias in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                parents = package.split(".")[: len(package.split(".")) - level + 1] if level else []
                base = ".".join([*parents, *([module] if module else [])])
                yield node.lineno, base
                yield from ((node.lineno, f"{base}.{alias.name}") for alias in names)
            case ast.Call(
                func=ast.Attribute(attr="import_module") | ast.Name(id="import_module" | "__import__"),
                args=[ast.Constant(value=str(name)), *_],
            ):
                yield node.lineno, name


def imports_of(path: Path) -> Iterator[tuple[int, str]]:
    name = module_name(path)
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    return imports(path.read_text(encoding="utf-8"), package)


def is_within(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("import tensorflow.lite as lite", {"tensorflow.lite"}),
        ("def load():\n    from keras import layers", {"keras", "keras.layers"}),
        ("from . import engine", {"one.two", "one.two.engine"}),
        ("from ..service import app", {"one.service", "one.service.app"}),
        ("importlib.import_module('bentoml')", {"bentoml"}),
        ("__import__('training')", {"training"}),
    ],
)
def test_every_form_of_import_is_found(source: str, names: set[str]) -> None:
    assert {name for _, name in imports(source, "one.two")} == names


@pytest.mark.parametrize("part", FORBIDDEN)
def test_no_source_imports_what_its_part_must_not(part: str) -> None:
    broken = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in sources(part)
        for line, name in imports_of(path)
        if any(is_within(name, package) for package in FORBIDDEN[part])
    ]
    assert not broken, "\n".join(broken)


def test_the_reference_needs_nothing_but_numpy() -> None:
    broken = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in sources("sentiline/reference")
        for line, name in imports_of(path)
        if not is_within(name, "sentiline.reference")
        and name.split(".")[0] not in sys.stdlib_module_names | {"numpy", "__future__"}
    ]
    assert not broken, "\n".join(broken)


@pytest.mark.parametrize("part", EXTRAS)
def test_what_is_imported_is_declared(part: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extra = EXTRAS[part]
    requirements = project["dependencies"] + (project["optional-dependencies"][extra] if extra else [])
    declared = {canonical(re.split(r"[^A-Za-z0-9._-]", requirement)[0]) for requirement in requirements}
    providers = packages_distributions()
    broken = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in sources(part)
        for line, name in imports_of(path)
        if (top := name.split(".")[0]) not in sys.stdlib_module_names | {"sentiline", part}
        and top not in LAZY.get(str(path.relative_to(ROOT)), ())
        and declared.isdisjoint(canonical(provider) for provider in providers.get(top, ()))
    ]
    assert not broken, "\n".join(broken)


def canonical(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


@pytest.mark.parametrize("part", FORBIDDEN)
def test_importing_everything_loads_nothing_forbidden(part: str) -> None:
    other = {"__main__.py", "torch.py"}  # the latter is for another library than this environment's
    modules = [module_name(path) for path in sources(part) if path.name not in other]
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_AND_LIST, *modules], cwd=ROOT, capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stderr
    loaded = json.loads(done.stdout.splitlines()[-1])
    assert set(modules) <= set(loaded)
    forbidden = (*FORBIDDEN[part], "onnx") if part == "sentiline" else FORBIDDEN[part]
    assert [name for name in loaded if any(is_within(name, package) for package in forbidden)] == []
