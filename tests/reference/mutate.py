"""Delete single terms and factors of every backward formula, one at a time, and check that a test fails for each.

    python -m tests.reference.mutate              every mutation
    python -m tests.reference.mutate lstm gru     those of these modules

No file is changed: the function under test is given the mutated code, and the tests of its module run on it. Exits 1
if a mutation survives.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import importlib
import inspect
import io
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "sentiline" / "reference"


@dataclass(frozen=True)
class Mutation:
    """One change of one module: the bytes from `start` to `end` become `replacement`."""

    module: str
    function: str
    line: int
    start: int
    end: int
    before: str
    replacement: str

    def __str__(self) -> str:
        return f"{self.module}.{self.function}:{self.line}  {self.before}  →  {self.replacement}"


def mutations(module: str) -> Iterator[Mutation]:
    """Every deletion in the backward functions and derivatives of a module.

    Of a sum or difference each operand is deleted in turn, of a product each factor, of joined blocks each block
    (set to zero), of running sums (`+=`, `np.add.at`) each addition, and of conditions each assignment.
    """
    source = (REFERENCE / f"{module}.py").read_bytes()
    starts = [0]  # offset of every line
    for row in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(row))

    def span(node: ast.expr | ast.stmt) -> tuple[int, int]:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return starts[node.lineno - 1] + node.col_offset, starts[node.end_lineno - 1] + node.end_col_offset

    def text(node: ast.expr) -> str:
        start, end = span(node)
        return source[start:end].decode()

    def replacements(node: ast.AST) -> Iterator[tuple[ast.expr | ast.stmt, str]]:
        match node:
            case ast.BinOp(right=ast.Constant(value=int())):
                return  # t + 1: arithmetic on an index is no term of a formula
            case ast.BinOp(left=left, op=ast.Add(), right=right) | ast.BinOp(left=left, op=ast.Mult(), right=right):
                yield node, text(left)
                yield node, text(right)
            case ast.BinOp(left=left, op=ast.Sub(), right=right):
                yield node, text(left)
                yield node, f"-({text(right)})"
            case ast.BinOp(left=left, op=ast.Div()):
                yield node, text(left)
            case ast.Call(func=ast.Attribute(attr="concatenate"), args=[ast.List(elts=blocks), *_]):
                for block in blocks:
                    yield block, f"0.0 * ({text(block)})"
            case ast.If(body=body, orelse=otherwise):
                for line in body + otherwise:
                    if isinstance(line, ast.Assign):
                        yield line, "pass"
            case ast.AugAssign() | ast.Expr(value=ast.Call(func=ast.Attribute(attr="at" | "put_along_axis"))):
                yield node, "pass"

    for function in ast.parse(source).body:
        if not isinstance(function, ast.FunctionDef):
            continue
        if not re.search(r"_backward$|_derivative$|backpropagation$", function.name):
            continue
        for statement in function.body[1:]:  # after the docstring
            if isinstance(statement, ast.If) and any(isinstance(inner, ast.Raise) for inner in statement.body):
                continue
            for node in ast.walk(statement):
                for target, replacement in replacements(node):
                    start, end = span(target)
                    before = source[start:end].decode()
                    yield Mutation(module, function.name, target.lineno, start, end, before, replacement)


class Failures:
    """A pytest plugin that keeps the first failure."""

    def __init__(self) -> None:
        self.first = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and not self.first:
            tensors = re.search(r"above \S+: \[(.*?)\]", str(report.longrepr))
            self.first = report.nodeid.split("::")[-1] + (f"  {tensors[1]}" if tensors else "")


def run(module: str) -> tuple[int, str]:
    """Run the tests of a module.

    Returns:
        The exit status of pytest, and what failed first.
    """
    failures = Failures()
    tests = str(ROOT / "tests" / "reference" / f"test_{module}.py")
    with contextlib.redirect_stdout(io.StringIO()):
        status = pytest.main(["-x", "-q", "-p", "no:cacheprovider", f"--rootdir={ROOT}", tests], [failures])
    return int(status), failures.first


@contextlib.contextmanager
def applied(mutation: Mutation) -> Iterator[None]:
    """Give the function its mutated code, wherever it has been imported to, and take it away again."""
    path = REFERENCE / f"{mutation.module}.py"
    source = path.read_bytes()
    replacement = mutation.replacement if mutation.replacement == "pass" else f"({mutation.replacement})"
    tree = ast.parse(source[: mutation.start] + replacement.encode() + source[mutation.end :])
    (definition,) = (node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == mutation.function)
    module = importlib.import_module(f"sentiline.reference.{mutation.module}")
    future = ast.parse("from __future__ import annotations").body
    namespace = dict(vars(module))
    exec(compile(ast.Module([*future, definition], []), str(path), "exec"), namespace)
    function = inspect.unwrap(getattr(module, mutation.function))
    original = function.__code__
    function.__code__ = inspect.unwrap(namespace[mutation.function]).__code__
    try:
        yield
    finally:
        function.__code__ = original


def main() -> int:
    """Mutate, test, report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("modules", nargs="*", help="modules of sentiline.reference; all that have backward formulas")
    arguments = parser.parse_args()
    modules = arguments.modules or sorted(path.stem for path in REFERENCE.glob("*.py"))
    planned = {module: found for module in modules if (found := list(mutations(module)))}
    survivors = 0
    for module, found in planned.items():
        status, failed = run(module)
        if status != 0:
            print(f"the tests of {module} fail without any mutation: {failed}")
            return 1
        for mutation in found:
            with applied(mutation):
                status, failed = run(module)
            caught = status == pytest.ExitCode.TESTS_FAILED
            survivors += not caught
            print(f"{'caught  ' if caught else 'SURVIVED'}  {mutation}    {failed}", flush=True)
    print(f"{sum(map(len, planned.values()))} mutations in {len(planned)} modules, {survivors} survived")
    return int(survivors > 0)


if __name__ == "__main__":
    sys.exit(main())
