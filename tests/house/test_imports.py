"""The import rules: `training → sentiline ← service`, the layers within each of them, and no import circles.

Most are read from the sources; what a part loads in the end is read from a Python that imported all of it.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
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
"""The extra that installs what a part needs beyond the core dependencies."""
MAY_IMPORT = {
    "sentiline": {
        "reference": "",
        "verification": "reference",
        "scoring": "",
        "reporting": "scoring",
        "evaluation": "reporting scoring",
        "cluster": "reporting scoring",
        "cli": "cluster evaluation reporting scoring verification",
        "__init__": "scoring",
        "__main__": "cli",
    },
    "service": {
        "telemetry": "",
        "engine": "telemetry",
        "http": "engine telemetry",
        "api": "engine http telemetry",
        "gateway": "api engine http telemetry",
        "app": "api gateway http",
        "asgi": "app",
    },
    "training": {
        "config": "",
        "run": "config",
        "data": "config run",
        "composition": "data",
        "invariance": "composition data",
        "evaluation": "config data run",
        "nn": "config data run",
        "supervised": "config data evaluation nn run",
        "pretraining": "config data evaluation nn run",
        "diagnostics": "config data evaluation nn run",
        "export": "config data evaluation nn run supervised",
        "bundle": "config data diagnostics evaluation export nn run supervised",
        "distillation": "bundle config data evaluation export nn run supervised",
        "mixture": "composition data distillation invariance nn run supervised",
        "api": "bundle config data evaluation nn run supervised",
        "cli": (
            "api bundle composition config data diagnostics distillation evaluation export mixture nn pretraining run "
            "supervised"
        ),
        "__init__": "api",
        "__main__": "cli",
    },
}
"""The sub-packages that each sub-package, and each module above them, may import.

All may import the modules that lie directly in the part and are not listed here; those import no sub-package but
`SHARED`, which all may import and which imports none.
"""
SHARED = {"tokenizer"}
LAZY = {
    "sentiline/verification/graph_evaluation.py": {"onnx"},
    "sentiline/verification/onnx_weights.py": {"onnx", "google"},
    "sentiline/cluster/ray_connection.py": {"ray"},
    "sentiline/cluster/worker.py": {"ray"},
    "sentiline/reporting/html_report.py": {"jinja2"},
    "sentiline/scoring/arrow.py": {"pyarrow"},
    "sentiline/scoring/arrow_types.py": {"pyarrow"},  # these are imported by others when they are wanted
    "sentiline/scoring/arrow_values.py": {"pyarrow"},
    "sentiline/scoring/io/part_schemas.py": {"pyarrow"},
    "sentiline/scoring/io/int96.py": {"pyarrow"},
    "sentiline/scoring/io/parquet_writer.py": {"pyarrow"},
    "sentiline/scoring/io/parquet_reader.py": {"pyarrow"},
    "training/mixture/teacher.py": {"torch", "transformers"},
    "training/nn/backend/torch.py": {"torch"},  # imported by training/nn/backend.py where KERAS_BACKEND says so
}
"""Libraries that a module imports only when they are needed; where one is missing, the error names what installs it."""

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
    """Yield the line and the absolute name of each import in `source`; `from a import b` is an import of a.b."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                yield from ((node.lineno, alias.name) for alias in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                parents = package.split(".")[: len(package.split(".")) - level + 1] if level else []
                base = ".".join([*parents, *([module] if module else [])])
                yield from ((node.lineno, f"{base}.{alias.name}") for alias in names)
            case ast.Call(
                func=ast.Attribute(attr="import_module") | ast.Name(id="import_module" | "__import__"),
                args=[ast.Constant(value=str(name)), *_],
            ):
                yield node.lineno, name


def imports_of(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the line and the absolute name of each import in a file, of those inside functions as well."""
    name = module_name(path)
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    return imports(path.read_text(encoding="utf-8"), package)


def module_graph(part: str) -> dict[str, set[str]]:
    """Return the modules of a part, each with those of the part's modules that it imports, now or later."""
    modules = {module_name(path) for path in sources(part)}
    return {
        module_name(path): {target for _, name in imports_of(path) if (target := owner(name, modules)) is not None}
        for path in sources(part)
    }


def owner(name: str, modules: set[str]) -> str | None:
    """Return the module that an imported name is, or is defined in; None where it is none of `modules`."""
    while name and name not in modules:
        name = name.rpartition(".")[0]
    return name or None


def find_circle(graph: dict[str, set[str]]) -> list[str]:
    """Return the nodes of one circle, its first one repeated at the end; an empty list where there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))
    return []


def is_within(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("import tensorflow.lite as lite", {"tensorflow.lite"}),
        ("def load():\n    from keras import layers", {"keras.layers"}),
        ("from . import engine", {"one.two.engine"}),
        ("from ..service import app", {"one.service.app"}),
        ("importlib.import_module('bentoml')", {"bentoml"}),
        ("__import__('training')", {"training"}),
    ],
)
def test_every_form_of_import_is_found(source: str, names: set[str]) -> None:
    assert {name for _, name in imports(source, "one.two")} == names


@pytest.mark.parametrize("part", FORBIDDEN)
def test_no_part_imports_what_it_must_not(part: str) -> None:
    broken = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in sources(part)
        for line, name in imports_of(path)
        if any(is_within(name, package) for package in FORBIDDEN[part])
    ]
    assert not broken, "\n".join(broken)


@pytest.mark.parametrize("part", MAY_IMPORT)
def test_sub_packages_import_only_those_below_them(part: str) -> None:
    table = {name: set(allowed.split()) for name, allowed in MAY_IMPORT[part].items()}
    assert find_circle(table) == []
    packages = {path.parent.relative_to(ROOT / part).parts[0] for path in sources(part) if path.parent != ROOT / part}
    assert packages <= table.keys() | SHARED
    broken = []
    for path in sources(part):
        source = path.relative_to(ROOT / part).with_suffix("").parts[0]
        for line, name in imports_of(path):
            target = name.removeprefix(f"{part}.").split(".")[0] if is_within(name, part) else ""
            if target in table.keys() - {source} - table.get(source, set()):
                broken.append(f"{path.relative_to(ROOT)}:{line} imports {name}")
    assert not broken, "\n".join(broken)


def test_the_architecture_page_shows_the_same_rules() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    shown: dict[str, dict[str, str]] = {}
    for part, name, allowed in re.findall(r"^\| `(\w+)/(\w+)(?:/|\.py)` \| .+ \| ?([\w, ]*)\|$", page, re.MULTILINE):
        shown.setdefault(part, {})[name] = " ".join(allowed.replace(",", "").split())
    assert shown == MAY_IMPORT


@pytest.mark.parametrize("part", MAY_IMPORT)
def test_no_modules_import_each_other_in_a_circle(part: str) -> None:
    circle = find_circle(module_graph(part))
    assert not circle, " → ".join(circle)


def test_a_circle_is_found() -> None:
    assert find_circle({"a": {"b"}, "b": {"c"}, "c": set()}) == []
    circle = find_circle({"a": {"b"}, "b": {"c"}, "c": {"b"}})
    assert circle[0] == circle[-1]
    assert set(circle) == {"b", "c"}


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
def test_every_imported_library_is_declared(part: str) -> None:
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
    modules = [
        module_name(path)
        for path in sources(part)
        if path.name != "__main__.py" and "torch" not in LAZY.get(str(path.relative_to(ROOT)), ())  # torch is optional
    ]
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_AND_LIST, *modules], cwd=ROOT, capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stderr
    loaded = json.loads(done.stdout.splitlines()[-1])
    assert set(modules) <= set(loaded)
    forbidden = (*FORBIDDEN[part], "onnx") if part == "sentiline" else FORBIDDEN[part]
    assert [name for name in loaded if any(is_within(name, package) for package in forbidden)] == []
