"""The house keeps its shape: imports point down, importing is quick, files and functions short."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "navcrm_recon"
FILES = sorted(PACKAGE.rglob("*.py"))

#: What only some verbs need, and takes seconds to load.
HEAVY = ["great_expectations", "matplotlib", "nbconvert", "papermill"]


#: What stands below the face, ``workspace``.
BELOW = {
    "catalog", "documents", "errors", "frames", "quality", "recon", "sides", "state", "sync",
    "workspace_file",
}  # fmt: skip


def run(*arguments: str) -> str:
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def functions(file: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_imports_point_down_only():
    linter = Path(sys.executable).with_name("lint-imports")
    assert "0 broken" in run(str(linter), "--no-cache", "--no-logo")


def test_no_room_below_uses_the_face():
    """The layers contract lets the package load its face, so those below may not ask for it."""
    asked = [
        f"{file.relative_to(ROOT)}:{node.lineno}"
        for file in FILES
        if file.relative_to(PACKAGE).parts[0].removesuffix(".py") in BELOW
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module == "navcrm_recon"
        for name in node.names
        if name.name in {"open_workspace", "Workspace"}
    ]
    assert asked == []


def test_importing_the_package_loads_nothing_heavy():
    loaded = run(sys.executable, "-c", "import navcrm_recon, sys; print(*sys.modules)").split()
    assert sorted({*HEAVY, "pandas"} & set(loaded)) == []


def test_comparing_loads_nothing_heavy():
    statement = "import navcrm_recon, sys; navcrm_recon.open_workspace; print(*sys.modules)"
    loaded = run(sys.executable, "-c", statement).split()
    assert sorted(set(HEAVY) & set(loaded)) == []


def test_files_are_short():
    lengths = {str(file.relative_to(ROOT)): len(file.read_bytes().splitlines()) for file in FILES}
    assert {name: length for name, length in lengths.items() if length > 400} == {}


def test_functions_are_short():
    lengths = {
        f"{file.relative_to(ROOT)}:{function.lineno} {function.name}": length
        for file in FILES
        for function in functions(file)
        if (length := (function.end_lineno or 0) - function.lineno + 1) > 50
    }
    assert lengths == {}
