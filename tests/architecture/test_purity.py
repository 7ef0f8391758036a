"""The domain is true on paper: nothing in it depends on when, where or how often it runs."""

import ast
import sys
from pathlib import Path

import pytest

import okr.domain

DOMAIN = Path(okr.domain.__path__[0])

# Modules of the standard library that look at the world or change it.
WORLDLY = {
    *(
        "asyncio",
        "random",
        "secrets",
        "time",
        "os",
        "io",
        "sys",
        "socket",
        "threading",
        "multiprocessing",
        "subprocess",
    ),
    *("pathlib", "shutil", "tempfile", "logging", "concurrent", "signal", "urllib", "http", "sqlite3", "contextvars"),
}
WORLDLY_CALLS = {
    *("open", "print", "input", "exec", "eval", "__import__", "breakpoint", "globals"),
    # The ambient context of decimal changes results from outside; a float has other digits than it was given.
    *("getcontext", "setcontext", "localcontext", "float"),
}
# Attributes that read a clock or make an id, whatever they are called on.
WORLDLY_ATTRIBUTES = {"now", "utcnow", "today", "uuid1", "uuid4", "uuid6", "uuid7"}
WORLDLY_NAMES_FROM = {"uuid": {"uuid1", "uuid4", "uuid6", "uuid7", "getnode"}}


def impurities(source: str) -> list[str]:
    """What in a module's source is not pure, one line each."""
    found = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                found += [f"imports {name.name}" for name in names if not _is_pure_module(name.name)]
            case ast.ImportFrom(level=level) if level:
                found.append("imports by a relative name")
            case ast.ImportFrom(module=str(module), names=names):
                if not _is_pure_module(module):
                    found.append(f"imports from {module}")
                refused = WORLDLY_NAMES_FROM.get(module, set())
                found += [f"imports {module}.{name.name}" for name in names if name.name in refused]
            case ast.Call(func=ast.Name(id=name)) if name in WORLDLY_CALLS:
                found.append(f"calls {name}")
            case ast.Attribute(attr=name) if name in WORLDLY_ATTRIBUTES:
                found.append(f"asks for .{name}")
            case ast.AsyncFunctionDef() | ast.AsyncFor() | ast.AsyncWith() | ast.Await():
                found.append("is asynchronous")
            case ast.Global() | ast.Nonlocal():
                found.append("changes a variable outside its function")
    return found


def _is_pure_module(name: str) -> bool:
    if name == "okr.domain" or name.startswith("okr.domain."):
        return True
    top = name.partition(".")[0]
    return top in sys.stdlib_module_names and top not in WORLDLY


def test_the_domain_is_pure() -> None:
    modules = sorted(DOMAIN.rglob("*.py"))
    assert len(modules) > 5
    assert {path.name: found for path in modules if (found := impurities(path.read_text()))} == {}


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("import pydantic", "imports pydantic"),
        ("import os.path", "imports os.path"),
        ("from okr.db import engine", "imports from okr.db"),
        ("from uuid import uuid4", "imports uuid.uuid4"),
        ("from . import kinds", "imports by a relative name"),
        ("def f():\n    import random", "imports random"),
        ("datetime.now(UTC)", "asks for .now"),
        ("clock = date.today", "asks for .today"),
        ("open('x')", "calls open"),
        ("float(grade)", "calls float"),
        ("async def f(): pass", "is asynchronous"),
        ("def f():\n    global x\n    x = 1", "changes a variable outside its function"),
    ],
)
def test_what_is_not_pure_is_noticed(source: str, complaint: str) -> None:
    assert impurities(source) == [complaint]


def test_what_is_pure_is_let_through() -> None:
    assert impurities("from decimal import Decimal\nfrom uuid import UUID\nfrom okr.domain.values import Grade") == []
