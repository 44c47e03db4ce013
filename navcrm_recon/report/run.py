"""One report run: frames once, notebooks at the same time, then workbook, index and summary."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import navcrm_recon
from navcrm_recon.errors import ConfigError
from navcrm_recon.report.index import index_page, workbook_sheets
from navcrm_recon.report.notebooks import (
    Notebook,
    NotebookRun,
    check_parameters,
    find_notebooks,
    in_reading_order,
    run_notebook,
)
from navcrm_recon.report.source import NAMES, ReportFrames, observe, store_frames
from navcrm_recon.report.summary import checksums, summarize, write_summary
from navcrm_recon.report.workbook import WORKBOOK, write_workbook

#: Each notebook is a process of its own; more at once gain nothing on two cores.
AT_ONCE = min(2, os.cpu_count() or 1)


@dataclass(frozen=True)
class ReportResult:
    """A finished run: its folder, its index page, the exit status and the summary.

    ``status`` is 0 when all is well, 1 when a limit was crossed, 2 when a notebook failed.
    """

    folder: Path
    index: Path
    status: int
    summary: Mapping[str, Any]


def run_report(
    workspace_path: str | Path,
    out: str | Path | None = None,
    notebooks: Sequence[str] | None = None,
    parameters: Mapping[str, object] | None = None,
) -> ReportResult:
    """Run the notebooks on a workspace and return what was written and the exit status.

    Both systems are read once; the frames are stored in the run's folder and the notebooks read
    them there. A notebook that fails is shown on the index page and does not stop the others.

    Parameters
    ----------
    out
        Folder for the run's own folder; by default the one the workspace file names.
    notebooks
        Names of notebooks, or paths of one's own; by default all, in reading order.
    parameters
        Further parameters, for those notebooks that have them.

    Raises
    ------
    Error
        The workspace cannot be opened or read, a notebook or parameter is not known. Nothing has
        been written then.
    """
    started = datetime.now(UTC)
    listed = find_notebooks(notebooks)
    given = dict(parameters or {})
    _check_known(listed, given)
    ws = navcrm_recon.open_workspace(workspace_path)
    target = (Path(out) if out is not None else ws.config.out).resolve()
    with _progress(len(NAMES) + len(listed)) as bar:
        data = observe(ws, out=target, started=started)
        for name in NAMES:
            bar.set_description(f"Reading: {name.replace('_', ' ')}")
            getattr(data, name)
            bar.update()
        folder = _make_folder(target, started)
        data.facts = {**data.facts, "run_id": folder.name}
        store_frames(data, folder / "data")
        runs = _run_all(listed, folder, _arguments(data, folder, given), bar)
    return _finish(data, folder, runs)


def _finish(data: ReportFrames, folder: Path, runs: Sequence[NotebookRun]) -> ReportResult:
    """Write workbook, index and, last of all, the summary."""
    facts = {
        "Company": data.facts["company"],
        "Run": data.facts["run_id"],
        "As of": data.facts["started"],
        "Program": f"navcrm_recon {data.facts['version']}",
        "How to read it": "Text is written as text and never calculated. Numbers of more than 15 "
        "digits are text, since Excel would round them. Times are UTC.",
    }
    write_workbook(folder / "data" / WORKBOOK, workbook_sheets(data), facts=facts)
    names = [WORKBOOK, *(f"{name}.parquet" for name in NAMES), "facts.json"]
    files = checksums(folder, [f"data/{name}" for name in names])
    index = folder / "index.html"
    index.write_text(index_page(data, runs, files), encoding="utf-8")
    summary = summarize(data, runs, files, datetime.now(UTC))
    write_summary(summary, folder / "summary.json")
    return ReportResult(folder, index, summary["status"], summary)


def _check_known(listed: Sequence[Notebook], given: Mapping[str, object]) -> None:
    """Refuse what no notebook takes; each notebook gets those it has."""
    everywhere = {name: kind for notebook in listed for name, kind in notebook.types.items()}
    for notebook in listed:
        check_parameters(
            notebook,
            {k: v for k, v in given.items() if k in notebook.types or k not in everywhere},
        )


def _arguments(data: ReportFrames, folder: Path, given: Mapping[str, object]) -> dict[str, object]:
    own = {"workspace": data.facts["workspace"], "frames": str(folder / "data")}
    return {**own, **given}


def _run_all(
    listed: Sequence[Notebook], folder: Path, arguments: Mapping[str, object], bar: _Bar
) -> list[NotebookRun]:
    """Run the notebooks, a few at a time; threads do, since every kernel is its own process."""
    bar.set_description("Running notebooks")
    # papermill changes the working directory of the whole process; put it back in the end.
    with chdir(Path.cwd()), ThreadPoolExecutor(AT_ONCE) as pool:
        jobs = [
            pool.submit(
                _run_in_thread,
                notebook,
                folder,
                {name: arguments[name] for name in arguments if name in notebook.types},
            )
            for notebook in listed
        ]
        runs = []
        for job in as_completed(jobs):
            runs.append(job.result())
            bar.update()
    return in_reading_order(runs, listed)


def _run_in_thread(
    notebook: Notebook, folder: Path, arguments: Mapping[str, object]
) -> NotebookRun:
    """Run a notebook, and close the event loop that running it leaves open in its thread."""
    from jupyter_core.utils import ensure_event_loop

    try:
        return run_notebook(notebook, folder, arguments)
    finally:
        ensure_event_loop().close()


def _make_folder(out: Path, started: datetime) -> Path:
    """Make the run's folder: named when it started, with a number where that is taken."""
    stem = started.strftime("%Y%m%dT%H%M%SZ")
    for name in (stem, *(f"{stem}-{number}" for number in range(2, 100))):
        try:
            (out / name).mkdir(parents=True)
        except FileExistsError:
            if (out / name).is_dir():
                continue  # of another run, perhaps one that started this very moment
            raise ConfigError(f"The folder {out / name} cannot be made: a file is there.") from None
        except OSError as exc:
            why = exc.strerror or exc
            raise ConfigError(f"The folder {out / name} cannot be made: {why}.") from exc
        return out / name
    raise ConfigError(f"There are a hundred runs {stem} in {out}. Wait a second.")


class _Bar(Protocol):
    def set_description(self, text: str) -> None: ...
    def update(self) -> object: ...


@contextmanager
def _progress(steps: int) -> Iterator[_Bar]:
    """Show how far the run is, on a terminal only."""
    from tqdm import tqdm

    with tqdm(total=steps, disable=not sys.stderr.isatty(), leave=False, unit="step") as bar:
        yield bar
