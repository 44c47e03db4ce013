"""What the documents say is so: verbs, keys, columns, codes, examples and links."""

import argparse
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from navcrm_recon import frames, workspace_file
from navcrm_recon.catalog import grammar, load_catalog, tables, transformations
from navcrm_recon.cli import build_parser, main
from navcrm_recon.report.measures import CAUSES, FINDINGS, MEASURES, RESOLUTIONS, STATES
from navcrm_recon.report.notebooks import check_parameters, find_notebooks
from navcrm_recon.report.plans import ACTIONS
from navcrm_recon.sandbox.demo import write_demo
from navcrm_recon.workspace_file import read_workspace_file

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
NAMES = re.compile(r"`([^`\n]+)`")


def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(name: str, language: str) -> list[str]:
    return [text for found, text in BLOCK.findall(page(name)) if found == language]


def rows(name: str, heading: str) -> list[list[str]]:
    """The cells of the table whose first heading this is."""
    table = page(name).partition(f"| {heading} |")[2].partition("\n\n")[0]
    return [[c.strip() for c in line.strip("|").split("|")] for line in table.splitlines()[2:]]


def first_column(name: str, heading: str) -> list[str]:
    return [code for row in rows(name, heading) for code in NAMES.findall(row[0])]


def verbs() -> dict[str, argparse.ArgumentParser]:
    action = next(
        each for each in build_parser()._actions if isinstance(each, argparse._SubParsersAction)
    )
    return dict(action.choices)


def options(parser: argparse.ArgumentParser) -> set[str]:
    return {name for each in parser._actions for name in each.option_strings if name[:2] == "--"}


def test_every_verb_and_option_is_in_the_page_of_commands():
    found = {name.split()[0] for name in first_column("docs/commands.md", "Verb")}
    assert found == set(verbs())
    every = options(build_parser()).union(*map(options, verbs().values()))
    listed = {name.split()[0] for name in first_column("docs/commands.md", "Option")}
    assert listed == every


@pytest.mark.parametrize("document", PAGES, ids=lambda path: path.name)
def test_command_lines_shown_are_understood(document: Path):
    for language, text in BLOCK.findall(document.read_text(encoding="utf-8")):
        for line in re.findall(r"navcrm-recon ((?!-).*)", text if language == "sh" else ""):
            build_parser().parse_args(shlex.split(line))


@pytest.mark.slow
def test_the_commands_of_synchronising_run_as_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    file = Path(write_demo(tmp_path / "demo"))
    kept = {"SALESPEOPLE", "CURRENCY", "CUSTOMER"}  # those the commands name, and what they need
    off = {name: {"enabled": False} for name in load_catalog().mappings if name not in kept}
    file.write_text(yaml.safe_dump({**yaml.safe_load(file.read_text()), "mappings": off}))
    monkeypatch.chdir(file.parent)
    text = "".join(blocks("docs/synchronization.md", "sh"))
    lines = re.findall(r"^navcrm-recon (.*)$", text, re.MULTILINE)
    assert len(lines) == 15
    for line in lines:
        status = main(shlex.split(line))
        assert (line, status, capsys.readouterr().err.count("\n")) == (line, status, status)
        assert status < 2, line
    assert (file.parent / "plan.xlsx").is_file()


@pytest.mark.parametrize("document", PAGES, ids=lambda path: path.name)
def test_notebooks_shown_take_the_parameters_shown(document: Path):
    for text in (text for kind, text in BLOCK.findall(document.read_text()) if kind == "sh"):
        joined = text.replace("\\\n", " ")
        for name, line in re.findall(r"papermill notebooks/(\w+)\.ipynb (.*)", joined):
            (notebook,) = find_notebooks([name])
            check_parameters(
                notebook,
                {
                    key: yaml.safe_load(value)
                    for key, value in re.findall(r"-[pr] (\w+) (\S+)", line)
                },
            )


def test_make_targets_named_exist():
    targets = set(re.findall(r"^(\w+):", page("Makefile"), re.MULTILINE))
    text = "\n".join(each.read_text(encoding="utf-8") for each in PAGES)
    named = set(re.findall(r"^make (\w+)$|`make (\w+)`", text, re.MULTILINE))
    found = {name for pair in named for name in pair if name}
    assert {"report", "test"} <= found <= targets


@pytest.mark.parametrize("document", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path):
    for link in LINK.findall(document.read_text(encoding="utf-8")):
        target, _, anchor = link.partition("#")
        if "://" in target:
            continue
        file = document.parent / target if target else document
        assert file.exists(), link
        if anchor:
            headings = re.findall(r"^#+ (.*)$", file.read_text(encoding="utf-8"), re.MULTILINE)
            anchors = [re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in headings]
            assert anchor in anchors, link


def test_the_tour_in_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write_demo(tmp_path / "data" / "demo")
    monkeypatch.chdir(tmp_path)
    (tour,) = blocks("README.md", "python")
    names: dict[str, object] = {}
    exec(compile(tour, "README.md", "exec"), names)  # noqa: S102 - our own page
    assert len(names["diff"]) > 0
    assert sum(job.modified for job in names["jobs"]) > 0


def test_the_change_log_says_what_comes_next():
    headings = re.findall(r"^## (.*)$", page("CHANGELOG.md"), re.MULTILINE)
    assert headings[0] == "Unreleased"


@pytest.mark.parametrize("text", blocks("docs/mappings.md", "yaml"))
def test_examples_of_mappings_load(text: str):
    load_catalog(yaml.safe_load(text), source="docs/mappings.md")


def test_the_table_of_mappings_is_the_catalogue():
    found = [
        (NAMES.findall(name)[0], nav, crm.split(",")[0], NAMES.findall(direction)[0])
        for name, nav, crm, direction in rows("docs/mappings.md", "Mapping")
    ]
    mappings = load_catalog().mappings.values()
    assert found == [(each.name, each.nav.name, each.crm.name, each.direction) for each in mappings]
    off = [row[0] for row in rows("docs/mappings.md", "Mapping") if "(off)" in row[0]]
    assert len(off) == sum(not each.enabled for each in mappings)


@pytest.mark.parametrize(
    ("heading", "keys"),
    [("Key of a field row", grammar.FIELD), ("Setting of a mapping", grammar.MAPPING)],
)
def test_every_key_of_a_mapping_file_is_explained(heading: str, keys: dict[str, object]):
    assert set(first_column("docs/mappings.md", heading)) == set(keys)


def test_every_type_of_a_column_is_named():
    text = page("docs/mappings.md")
    derived = {"RowVersion", "state", "status", "owner", "customer", "entityname"}
    names = {name for side in tables.TYPES.values() for name in side} - derived
    assert [name for name in sorted(names) if not re.search(rf"`{name}[`\[(]", text)] == []


@pytest.mark.parametrize("text", blocks("docs/workspace.md", "yaml"))
def test_examples_of_workspaces_are_understood(text: str, tmp_path: Path):
    file = tmp_path / "workspace.yaml"
    file.write_text(text, encoding="utf-8")
    assert read_workspace_file(file).company


@pytest.mark.parametrize(
    ("page_name", "heading", "codes"),
    [
        ("docs/mappings.md", "Key of `job`", list(grammar.NESTED["job"])),
        ("docs/mappings.md", "Rule", list(transformations.CODES)),
        ("docs/mappings.md", "Rule of your own", list(transformations.TYPES)),
        ("docs/synchronization.md", "`update_conflict`", ["none", "send", "get", "merge"]),
        (
            "docs/synchronization.md",
            "`deletion_conflict`",
            ["none", "restore", "remove_coupling"],
        ),
    ],
)
def test_every_value_of_a_setting_is_explained(page_name: str, heading: str, codes: list[str]):
    name = heading.strip("`")
    assert grammar.MAPPING.get(name, tuple(codes)) == tuple(codes)
    assert first_column(page_name, heading) == codes


def test_every_action_of_a_plan_is_explained():
    assert set(first_column("docs/synchronization.md", "Action")) == set(ACTIONS)


def test_every_key_of_a_workspace_file_is_explained():
    assert set(first_column("docs/workspace.md", "Key")) >= set(workspace_file._KEYS)
    named = set(NAMES.findall(page("docs/workspace.md")))
    assert set(workspace_file.SETUP_KEYS) <= named


def test_every_limit_is_explained():
    assert first_column("docs/reports.md", "Figure") == list(MEASURES)


@pytest.mark.parametrize(
    ("heading", "codes"),
    [
        ("State", STATES),
        ("Cause", CAUSES),
        ("Resolution", RESOLUTIONS),
        ("Finding", FINDINGS),
    ],
)
def test_every_code_of_a_report_is_explained(heading: str, codes: tuple[str, ...]):
    assert first_column("docs/reports.md", heading) == list(codes)


@pytest.mark.parametrize(
    "schema",
    [
        "couplings", "diff", "missing_options", "not_checked", "actions", "changes", "jobs",
        "errors", "skipped", "writes", "timetable", "full_lines", "sales_orders",
        "price_collisions", "currency_rates", "unit_groups",
        "product_states", "item_availability", "statistics",
        "opportunities", "quotes", "cases", "activity_counts",
    ],
)  # fmt: skip
def test_columns_of_frames_are_those_declared(schema: str):
    found = {
        row[0].strip("`"): row[1].strip("`")
        for row in rows("docs/frames.md", f"Column of `{schema}`")
    }
    assert list(found.items()) == [(n, str(dtype)) for n, dtype in frames.SCHEMAS[schema].items()]


def test_dtypes_of_records_are_those_declared():
    found = {
        row[0].strip("`"): row[1].strip("`") for row in rows("docs/frames.md", "Kind of field")
    }
    assert found == {kind: str(dtype) for kind, dtype in frames.DTYPES.items()}


def tracked() -> Iterator[tuple[str, str]]:
    listed = subprocess.run(
        ["git", "ls-files"],  # noqa: S607 - whichever git there is
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    for name in listed.stdout.splitlines():
        file = ROOT / name
        if file.is_file() and file.suffix not in {".png", ".csv"}:
            yield name, file.read_text(encoding="utf-8")


def test_nothing_unfinished_or_local_is_in_the_project():
    halves = [("TO", "DO\\b"), ("FIX", "ME\\b"), ("--index", "-url"), ("--extra-index", "-url")]
    words = re.compile("|".join(map("".join, [*halves, (re.escape(str(ROOT)), "/")])))
    assert [(name, words.findall(text)) for name, text in tracked() if words.search(text)] == []
