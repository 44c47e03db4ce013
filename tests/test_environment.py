"""The three lists of dependencies agree: pyproject.toml, environment.yml and requirements.lock."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")

#: What conda-forge calls a package that has another name on PyPI.
CONDA_NAMES = {"matplotlib-base": "matplotlib"}


def bounds(lines: list[str]) -> dict[str, str]:
    """Name -> version bounds, in one spelling."""
    parsed = [Requirement(line) for line in lines]
    return {canonicalize_name(each.name): str(each.specifier) for each in parsed}


def wanted() -> list[Requirement]:
    """Everything the lock must hold: what the package and its ``dev`` extra ask for."""
    extras = PROJECT["optional-dependencies"]
    lines = [*PROJECT["dependencies"], *extras["dev"], *extras["postgres"]]
    return [each for each in map(Requirement, lines) if each.name != PROJECT["name"]]


def pins() -> list[Requirement]:
    lines = [line for line in LOCK.splitlines() if line and not line.lstrip().startswith("#")]
    return [Requirement(line) for line in lines]


def test_conda_users_get_the_same_names_and_bounds():
    dependencies = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))[
        "dependencies"
    ]
    lines = [each for each in dependencies if isinstance(each, str)]
    lines = [line for line in lines if line != "pip" and not line.startswith("python=")]
    found = {CONDA_NAMES.get(name, name): spec for name, spec in bounds(lines).items()}
    assert found == bounds(PROJECT["dependencies"])
    assert {"pip": ["-e .[dev]"]} in dependencies


@pytest.mark.parametrize("requirement", wanted(), ids=lambda each: each.name)
def test_the_lock_pins_a_version_within_the_bounds(requirement: Requirement):
    name = canonicalize_name(requirement.name)
    versions = [
        specifier.version
        for pin in pins()
        if canonicalize_name(pin.name) == name
        for specifier in pin.specifier
    ]
    assert versions, f"{name} is not in requirements.lock; the command is in CONTRIBUTING.md"
    assert all(requirement.specifier.contains(version) for version in versions)


def test_the_lock_pins_exact_versions():
    operators = {tuple(specifier.operator for specifier in pin.specifier) for pin in pins()}
    assert operators == {("==",)}


@pytest.mark.parametrize("sign", ["://", "--index", "--extra-index", "--find-links", "-e ", "@ "])
def test_the_lock_names_no_place_to_fetch_from(sign: str):
    assert not [line for line in LOCK.splitlines() if sign in line]


@pytest.mark.parametrize(
    ("everything", "reason", "status"),
    [("1", "no browser", 1), ("1", "no folder shared", 0), ("", "no browser", 0)],
)
def test_a_skipped_test_fails_where_everything_is_provided(
    tmp_path: Path, everything: str, reason: str, status: int
):
    shutil.copy(ROOT / "conftest.py", tmp_path)
    (tmp_path / "test_one.py").write_text(
        f"import pytest\n\ndef test_a():\n    pytest.skip({reason!r})\n\ndef test_b():\n    pass\n",
        encoding="utf-8",
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir", tmp_path, tmp_path],
        env={**os.environ, "NAVCRM_REQUIRE_ALL": everything},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status, done.stdout
    assert ("everything is required: Skipped: no browser" in done.stdout) == bool(status)
