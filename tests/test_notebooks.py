"""Notebooks: their shape, without a kernel; and what a run of all of them gives."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import openpyxl
import pandas as pd
import pytest
import yaml

import navcrm_recon as nr
from navcrm_recon.errors import ConfigError, NotFoundError
from navcrm_recon.report.notebooks import (
    check_parameters,
    find_notebooks,
    notebook_folder,
    read_notebook,
)
from navcrm_recon.report.run import ReportResult, run_report
from navcrm_recon.sandbox.demo import write_demo

NOTEBOOKS = sorted(notebook_folder().glob("*.ipynb"))
EVERY = [path.stem for path in NOTEBOOKS]
#: The pages of the report; the others run when they are named.
NAMES = [name for name in EVERY if name[0].isdigit()]
FROM_ELSEWHERE = re.compile(
    r"<(?:link|script|img|iframe|object)[^>]*(?:src|href)=\"(?!data:)[^\"]*\""
)


def code_cells(path: Path) -> list[Any]:
    return [cell for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]


def test_the_notebooks_are_there_in_reading_order() -> None:
    assert [each.name for each in find_notebooks()] == NAMES
    assert EVERY == [
        "01_overview",
        "02_couplings",
        "03_field_differences",
        "04_missing_options",
        "05_data_quality",
        "06_reconciliation",
        "conflicts",
        "couple",
        "currencies",
        "customer_statistics",
        "jobs_and_errors",
        "price_lists",
        "products_and_units",
        "sales_orders",
        "synchronize",
    ]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=EVERY)
class TestShape:
    def test_is_valid_and_holds_no_results(self, path: Path) -> None:
        content = nbformat.read(path, 4)
        nbformat.validate(content)
        assert content.metadata.kernelspec.name == "python3"
        assert set(content.metadata) == {"kernelspec", "language_info"}
        for cell in code_cells(path):
            assert cell.outputs == []
            assert cell.execution_count is None
            assert set(cell.metadata) <= {"tags"}
        assert not any(re.fullmatch(r"[0-9a-f]{8}", cell.id) for cell in content.cells)

    def test_begins_with_title_purpose_and_parameters(self, path: Path) -> None:
        first, second = nbformat.read(path, 4).cells[:2]
        assert re.fullmatch(r"# [A-Z][a-z ]+\n\n\S.*\.", first.source)
        assert second.metadata.tags == ["parameters"]
        assert second.source.startswith(
            'workspace: str = "../data/demo/workspace.yaml"  # the workspace file\n'
        )

    def test_every_parameter_has_a_type_a_default_and_a_comment(self, path: Path) -> None:
        tagged = [
            cell for cell in code_cells(path) if "parameters" in cell.metadata.get("tags", [])
        ]
        (cell,) = tagged
        for line in cell.source.splitlines():
            assert re.fullmatch(r"[a-z_]+: (str|int|float|bool|list) = .+  # .+", line), line

    def test_cells_call_and_show_and_define_nothing(self, path: Path) -> None:
        for cell in code_cells(path):
            lines = [line for line in cell.source.splitlines() if line.strip()]
            assert len(lines) <= 12, cell.id
            for node in ast.walk(ast.parse(cell.source)):
                assert not isinstance(
                    node, ast.FunctionDef | ast.ClassDef | ast.Lambda | ast.For | ast.While | ast.If
                ), cell.id
            assert not re.search(r"SystemExit|sys\.exit|filterwarnings|pip install", cell.source)

    def test_has_no_address_of_a_machine(self, path: Path) -> None:
        assert not re.search(
            r"(?<![\w.])/(home|root|tmp|work|Users)\b|[A-Z]:\\\\", path.read_text()
        )


class TestParameters:
    def test_names_work_with_and_without_their_number(self) -> None:
        found = find_notebooks(["reconciliation", "01_overview", "06_reconciliation"])
        assert [each.name for each in found] == ["06_reconciliation", "01_overview"]
        assert found[0].title == "Reconciliation"
        assert found[0].defaults["top"] == 20
        assert find_notebooks(["jobs_and_errors"])[0].title == "Jobs and errors"

    def test_an_unknown_notebook_is_refused_with_the_nearest_name(self) -> None:
        with pytest.raises(NotFoundError, match="Did you mean 'reconciliation'"):
            find_notebooks(["reconcilation"])

    def test_an_unknown_parameter_is_refused_with_the_nearest_name(self) -> None:
        with pytest.raises(ConfigError, match="no parameter 'tpo'. Did you mean 'top'"):
            check_parameters(find_notebooks(["overview"])[0], {"tpo": 3})

    @pytest.mark.parametrize("value", ["20", 2.5, True, None])
    def test_a_parameter_of_another_type_is_refused(self, value: object) -> None:
        with pytest.raises(ConfigError, match="'top' must be int"):
            check_parameters(find_notebooks(["overview"])[0], {"top": value})

    def test_a_file_that_is_no_notebook_is_refused(self, tmp_path: Path) -> None:
        file = tmp_path / "x.ipynb"
        for content in ("{}", "no JSON", '{"nbformat": 4, "nbformat_minor": 5}'):
            file.write_text(content)
            with pytest.raises(ConfigError, match="cannot be read as a notebook"):
                read_notebook(file)
        empty = nbformat.v4.new_notebook(metadata=nbformat.read(NOTEBOOKS[0], 4).metadata)
        nbformat.write(empty, file)
        with pytest.raises(ConfigError, match="no cell with the tag 'parameters'"):
            find_notebooks([str(file)])


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the workspace file of a demo company, with limits that nothing crosses."""
    file = Path(write_demo(tmp_path_factory.mktemp("demo")))
    return with_thresholds(file, {"default": {"diffs": 100_000}})


def with_thresholds(file: Path, thresholds: dict[str, dict[str, int]]) -> Path:
    content = yaml.safe_load(file.read_text())
    other = file.with_name("limits.yaml")
    other.write_text(yaml.safe_dump({**content, "thresholds": thresholds}))
    return other


@pytest.fixture(scope="module")
def everything(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> ReportResult:
    """Return a run of all notebooks."""
    return run_report(demo, out=tmp_path_factory.mktemp("runs"))


@pytest.mark.notebook
@pytest.mark.slow
class TestRun:
    def test_every_notebook_runs_quietly(self, everything: ReportResult) -> None:
        assert everything.status == 0
        assert [each["name"] for each in everything.summary["notebooks"]] == NAMES
        for name in NAMES:
            outputs = [
                output
                for cell in code_cells(everything.folder / f"{name}.ipynb")
                for output in cell.outputs
            ]
            assert outputs
            assert {output.output_type for output in outputs} == {"execute_result"}, name

    def test_a_relative_path_means_where_one_stands(
        self, demo: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(demo.parent)
        result = run_report(demo.name, out="here", notebooks=NAMES[1:4])
        assert Path.cwd() == demo.parent
        assert result.index == demo.parent / "here" / result.folder.name / "index.html"
        assert [each["status"] for each in result.summary["notebooks"]] == ["ok"] * 3

    def test_the_folder_holds_all_that_is_promised(self, everything: ReportResult) -> None:
        assert everything.index == everything.folder / "index.html"
        files = {str(path.relative_to(everything.folder)) for path in everything.folder.rglob("*")}
        assert {
            "index.html",
            "summary.json",
            "data/reconciliation.xlsx",
            "data/diff.parquet",
        } < files
        assert {f"{name}.{kind}" for name in NAMES for kind in ("ipynb", "html")} < files
        assert json.loads((everything.folder / "summary.json").read_text()) == everything.summary

    def test_pages_need_nothing_from_elsewhere(self, everything: ReportResult) -> None:
        for page in everything.folder.glob("*.html"):
            content = page.read_text(encoding="utf-8")
            assert FROM_ELSEWHERE.findall(content) == [], page.name
            assert "Traceback" not in content
            assert content.count("<h1") == 1

    def test_no_code_is_shown(self, everything: ReportResult) -> None:
        for name in NAMES:
            page = (everything.folder / f"{name}.html").read_text(encoding="utf-8")
            assert "open_frames" not in page
            assert "¶" not in page

    def test_figures_are_those_of_the_frames(self, demo: Path, everything: ReportResult) -> None:
        ws = nr.open_workspace(demo)
        mappings = everything.summary["mappings"]
        assert list(mappings) == [name for name, each in ws.mappings.items() if each.enabled]
        for name, told in mappings.items():
            couplings, diff = ws.couplings(name), ws.diff(name)
            states = couplings["state"].value_counts().to_dict()
            assert {state: told[state] for state in states} == states
            assert told["unexplained"] == 0
            assert (told["diffs"], sum(told["causes"].values())) == (len(diff), len(diff))
        assert everything.summary["totals"]["missing_options"] == len(ws.missing_options())

    def test_the_page_shows_the_figures_of_the_summary(self, everything: ReportResult) -> None:
        page = (everything.folder / "06_reconciliation.html").read_text(encoding="utf-8")
        totals = everything.summary["totals"]
        for measure in ("nav_rows", "crm_rows", "coupled", "uncoupled", "diffs"):
            assert f"<dd>{totals[measure]:,}</dd>" in page

    def test_checksums_are_those_of_the_files(self, everything: ReportResult) -> None:
        from navcrm_recon.report.summary import checksums

        files = everything.summary["files"]
        assert files == checksums(everything.folder, [each["path"] for each in files])

    def test_the_workbook_holds_every_row(self, everything: ReportResult) -> None:
        book = openpyxl.load_workbook(
            everything.folder / "data/reconciliation.xlsx", read_only=True
        )
        diff = pd.read_parquet(everything.folder / "data/diff.parquet")
        assert sum(1 for _ in book["diff"].iter_rows()) == len(diff) + 1

    def test_a_second_run_knows_the_first(self, demo: Path, everything: ReportResult) -> None:
        again = run_report(demo, out=everything.folder.parent, notebooks=["overview"])
        assert again.folder != everything.folder
        counts = again.summary["findings"]
        assert counts == {"open": everything.summary["findings"]["new"], "resolved": 0}
        page = again.index.read_text(encoding="utf-8")
        assert "Over 2 runs" in page

    def test_the_same_input_gives_the_same_data(self, demo: Path, everything: ReportResult) -> None:
        again = run_report(demo, out=everything.folder.parent, notebooks=["missing_options"])
        for name in ("couplings", "diff", "missing_options", "quality", "rows"):
            one, two = (run.folder / f"data/{name}.parquet" for run in (everything, again))
            assert one.read_bytes() == two.read_bytes(), name


@pytest.mark.notebook
@pytest.mark.slow
class TestTrouble:
    def test_a_failing_notebook_is_shown_and_does_not_stop_the_others(
        self, demo: Path, tmp_path: Path
    ) -> None:
        broken = nbformat.v4.new_notebook()
        broken.metadata = nbformat.read(NOTEBOOKS[0], 4).metadata
        parameters = nbformat.v4.new_code_cell('workspace: str = ""')
        parameters.metadata["tags"] = ["parameters"]
        broken.cells = [
            nbformat.v4.new_markdown_cell("# My own\n\nIt fails."),
            parameters,
            nbformat.v4.new_code_cell("1 / 0"),
        ]
        nbformat.write(broken, tmp_path / "own.ipynb")
        result = run_report(
            demo, out=tmp_path / "runs", notebooks=["overview", str(tmp_path / "own.ipynb")]
        )
        assert result.status == 2
        assert [each["status"] for each in result.summary["notebooks"]] == ["ok", "failed"]
        page = result.index.read_text(encoding="utf-8")
        assert "1 of 2 reports could not be made" in page
        assert "ZeroDivisionError: division by zero" in page
        own = (result.folder / "own.html").read_text(encoding="utf-8")
        assert "could not be completed" in own
        assert "Traceback" not in own

    def test_a_crossed_limit_ends_with_1_and_the_report_is_complete(
        self, demo: Path, tmp_path: Path
    ) -> None:
        over = with_thresholds(demo, {"CUSTOMER": {"diffs": 0}})
        command = [sys.executable, "-m", "navcrm_recon.cli", "report", "--workspace", str(over)]
        command += ["--out", str(tmp_path), "--notebook", "reconciliation"]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (1, "")
        index = Path(done.stdout.strip())
        summary = json.loads(index.with_name("summary.json").read_text())
        assert summary["status"] == 1
        assert summary["notebooks"][0]["status"] == "crossed"
        page = index.with_name("06_reconciliation.html").read_text(encoding="utf-8")
        assert "Sign-off for run" in page
        assert "Limits are crossed." in page
        assert "Traceback" not in page

    def test_plain_papermill_ends_with_the_gate_too(self, demo: Path, tmp_path: Path) -> None:
        import papermill

        over = with_thresholds(demo, {"CUSTOMER": {"diffs": 0}})
        with pytest.raises(papermill.PapermillExecutionError) as told:
            papermill.execute_notebook(
                str(notebook_folder() / "06_reconciliation.ipynb"),
                str(tmp_path / "out.ipynb"),
                {"workspace": str(over)},
                progress_bar=False,
                extra_arguments=["--log-level=40"],
            )
        assert told.value.ename == "ThresholdCrossed"

    def test_a_broken_workspace_ends_with_2_and_nothing_is_written(
        self, demo: Path, tmp_path: Path
    ) -> None:
        folder = tmp_path / "demo"
        shutil.copytree(demo.parent, folder)
        (folder / "crm.db").unlink()
        command = [sys.executable, "-m", "navcrm_recon.cli", "report"]
        command += ["--workspace", str(folder / demo.name), "--out", str(tmp_path / "runs")]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (2, "")
        assert "crm" in done.stderr
        assert "Traceback" not in done.stderr
        assert not (tmp_path / "runs").exists()

    def test_unknown_parameters_are_refused_before_anything_is_read(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="no parameter 'tpo'"):
            run_report("no-such.yaml", out=tmp_path / "runs", parameters={"tpo": 1})
        assert not (tmp_path / "runs").exists()
