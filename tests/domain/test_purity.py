"""The domain is true on paper: it imports plain words and arithmetic only, and reads no clock and no ambient context."""

import ast
from pathlib import Path

import pytest

import okr.domain

ALLOWED = {
    "bisect",
    "collections.abc",
    "dataclasses",
    "datetime",
    "decimal",
    "enum",
    "itertools",
    "operator",
    "typing",
}
CLOCKS = {"now", "utcnow", "today"}
AMBIENT = {"getcontext", "setcontext", "localcontext", "open", "float"}

MODULES = sorted(Path(okr.domain.__path__[0]).glob("**/*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_a_module_of_the_domain_is_pure(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = list(ast.walk(tree))
    imported = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}
    assert {name for name in imported - ALLOWED if not name.startswith("okr.domain")} == set()
    assert {node.attr for node in nodes if isinstance(node, ast.Attribute)} & (CLOCKS | AMBIENT) == set()
    assert {node.id for node in nodes if isinstance(node, ast.Name)} & AMBIENT == set()
    assert not [node for node in nodes if isinstance(node, ast.AsyncFunctionDef | ast.Await)]


def test_there_are_modules_to_look_at() -> None:
    assert {"grading", "measures", "calendar"} <= {path.stem for path in MODULES}
