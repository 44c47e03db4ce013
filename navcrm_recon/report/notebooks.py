"""Finding notebooks, checking their parameters, running one, exporting it as a page."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import navcrm_recon
from navcrm_recon.errors import ConfigError, NotFoundError, examples, nearest, shorten
from navcrm_recon.report.measures import ThresholdCrossed

#: A cell may take so long; there is no other limit.
SECONDS_PER_CELL = 3600

Status = Literal["ok", "crossed", "failed"]

#: Annotation of a parameter -> the values it takes.
_TYPES: dict[str, tuple[type, ...]] = {
    "str": (str,), "int": (int,), "float": (float, int), "bool": (bool,), "list": (list,),
    "dict": (dict,),
}  # fmt: skip


@dataclass(frozen=True)
class Notebook:
    """A notebook as it is found: its heading, what it is for, and its parameters' defaults."""

    name: str
    path: Path
    title: str
    purpose: str
    defaults: Mapping[str, Any]
    types: Mapping[str, str]


@dataclass(frozen=True)
class NotebookRun:
    """What became of one notebook: ``crossed`` is a finding, ``failed`` is a crash."""

    name: str
    title: str
    purpose: str
    status: Status
    seconds: float
    html: str
    notebook: str
    error: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)


def notebook_folder() -> Path:
    """Return where the notebooks are: in an installed package, else beside it in a checkout."""
    package = Path(navcrm_recon.__file__).parent
    inside = package / "notebooks"
    return inside if inside.is_dir() else package.parent / "notebooks"


def find_notebooks(names: Sequence[str] | None = None) -> list[Notebook]:
    """Return the named notebooks, or those of the report, in reading order.

    Notebooks with a number are pages of the report; the others run only when they are named.

    Parameters
    ----------
    names
        Names with or without their number (``06_reconciliation``, ``reconciliation``), or paths of
        ``.ipynb`` files of one's own.

    Raises
    ------
    NotFoundError
        There is no such notebook.
    ConfigError
        A file is no notebook.
    """
    known = {path.stem: path for path in sorted(notebook_folder().glob("*.ipynb"))}
    if names is None:
        return [read_notebook(path) for stem, path in known.items() if stem[0].isdigit()]
    by_name = known | {stem.lstrip("0123456789_"): path for stem, path in known.items()}
    paths = [_named(name, by_name, list(known)) for name in names]
    return [read_notebook(path) for path in dict.fromkeys(paths)]


def _named(name: str, by_name: Mapping[str, Path], known: list[str]) -> Path:
    found = by_name.get(name.removesuffix(".ipynb"))
    own = Path(name)
    if found is None and own.suffix == ".ipynb" and own.is_file():
        found = own.resolve()
    if found is None:
        raise NotFoundError(
            f"There is no notebook '{name}'.{nearest(name, by_name)} "
            f"The notebooks are: {', '.join(known)}; or give the path of a .ipynb file."
        )
    return found


def read_notebook(path: Path) -> Notebook:
    """Read a notebook's heading, purpose and parameters."""
    import nbformat
    import papermill

    try:
        content = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call] # theirs
        tags = [tag for cell in content.cells for tag in cell.metadata.get("tags", [])]
        found = papermill.inspect_notebook(str(path))
    except (OSError, ValueError, AttributeError, nbformat.ValidationError) as exc:
        reason = shorten(str(exc).partition("\n")[0])
        raise ConfigError(f"The file {path} cannot be read as a notebook: {reason}") from exc
    if "parameters" not in tags:
        raise ConfigError(f"The notebook {path} has no cell with the tag 'parameters'.")
    first = next((cell.source for cell in content.cells if cell.cell_type == "markdown"), "")
    heading, _, rest = first.strip().partition("\n")
    return Notebook(
        name=path.stem,
        path=path,
        title=heading.lstrip("# ") or path.stem,
        purpose=rest.strip().partition("\n\n")[0].replace("\n", " "),
        defaults={name: _literal(each["default"]) for name, each in found.items()},
        types={name: each["inferred_type_name"] for name, each in found.items()},
    )


def _literal(text: str) -> Any:
    import ast

    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def check_parameters(notebook: Notebook, parameters: Mapping[str, object]) -> None:
    """Refuse parameters a notebook does not have, or of another type than it says.

    Raises
    ------
    ConfigError
        Listing every mistake.
    """
    problems = [
        f"{notebook.name} has no parameter '{name}'.{nearest(name, notebook.types)}"
        for name in parameters
        if name not in notebook.types
    ]
    for name, value in parameters.items():
        wanted = _TYPES.get(notebook.types.get(name, ""))
        is_bool = isinstance(value, bool)
        if wanted and not (isinstance(value, wanted) and (is_bool == (wanted == (bool,)))):
            problems.append(
                f"{notebook.name}: the parameter '{name}' must be {notebook.types[name]}, "
                f"found {type(value).__name__}."
            )
    if problems:
        raise ConfigError(examples(problems), problems=problems)


def run_notebook(notebook: Notebook, folder: Path, parameters: Mapping[str, object]) -> NotebookRun:
    """Run a notebook into a folder, export it as a page, and say what became of it.

    Raises
    ------
    ConfigError
        A parameter is unknown or of the wrong type; nothing was run.
    """
    import papermill

    check_parameters(notebook, parameters)
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")  # as papermill's command does
    logging.getLogger("papermill").setLevel(logging.ERROR)
    executed = folder / f"{notebook.name}.ipynb"
    start = time.monotonic()
    status: Status = "ok"
    error = ""
    try:
        papermill.execute_notebook(
            str(notebook.path),
            str(executed),
            dict(parameters),
            progress_bar=False,
            log_output=False,
            cwd=str(folder),
            execution_timeout=SECONDS_PER_CELL,
            shutdown_kernel="immediate",
            extra_arguments=["--log-level=40"],
        )
    except papermill.PapermillExecutionError as exc:
        if exc.ename == ThresholdCrossed.__name__:
            status, error = "crossed", exc.evalue
        else:
            status, error = "failed", f"{exc.ename}: {exc.evalue}"
    except Exception as exc:  # noqa: BLE001 - a dead kernel, a timeout: the others still run
        status, error = "failed", f"{type(exc).__name__}: {exc}"
    return NotebookRun(
        name=notebook.name,
        title=notebook.title,
        purpose=notebook.purpose,
        status=status,
        seconds=round(time.monotonic() - start, 1),
        html=_export(executed, notebook.title),
        notebook=executed.name if executed.exists() else "",
        error=shorten(error, 600),
        parameters={**notebook.defaults, **parameters},
    )


def _export(executed: Path, title: str) -> str:
    """Write a notebook as one self-contained page beside it; blank when there is no notebook."""
    if not executed.exists():
        return ""
    import nbformat
    from nbconvert import HTMLExporter
    from traitlets.config import Config

    config = Config()
    config.TagRemovePreprocessor.enabled = True
    config.TagRemovePreprocessor.remove_cell_tags = {
        "parameters", "injected-parameters", "remove-cell", "papermill-error-cell-tag",
    }  # fmt: skip
    exporter = HTMLExporter(  # type: ignore[no-untyped-call] # theirs
        config=config,
        template_name="template",
        extra_template_basedirs=[str(Path(__file__).parent)],
        exclude_input=True,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        exclude_anchor_links=True,
    )
    content = nbformat.read(executed, as_version=4)  # type: ignore[no-untyped-call] # theirs
    content.metadata["title"] = title
    page, _ = exporter.from_notebook_node(content)
    executed.with_suffix(".html").write_text(page, encoding="utf-8")
    return executed.with_suffix(".html").name


def in_reading_order(
    runs: Iterable[NotebookRun], notebooks: Sequence[Notebook]
) -> list[NotebookRun]:
    """Sort what was run as the notebooks were listed."""
    place = {notebook.name: number for number, notebook in enumerate(notebooks)}
    return sorted(runs, key=lambda run: place[run.name])
