"""The frames a report is made of: computed from a workspace once, stored, read again."""

from __future__ import annotations

import getpass
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

import navcrm_recon
from navcrm_recon.catalog.model import Condition, SideName, Table, TableMapping
from navcrm_recon.errors import ConfigError, NotFoundError, nearest
from navcrm_recon.frames import SCHEMAS, TEXT, empty
from navcrm_recon.quality import QUALITY, suite_for, validate
from navcrm_recon.report.history import age, open_findings, previous_findings

if TYPE_CHECKING:
    from navcrm_recon import Workspace

#: What was read per mapping and side; ``unexplained`` rows stand in no class of ``couplings``.
ROWS: dict[str, Any] = {"mapping": TEXT, "side": TEXT, "rows": "int64", "unexplained": "int64"}

#: A quality frame of a whole workspace.
QUALITY_ALL: dict[str, Any] = {"mapping": TEXT, "side": TEXT, **QUALITY}

#: The frames a report is made of, in the order they are computed.
NAMES = (
    "couplings", "diff", "missing_options", "rows", "quality", "findings", "resolved",
    "not_checked",
)  # fmt: skip

SIDES: tuple[SideName, ...] = ("nav", "crm")

_FACTS = "facts.json"


class ReportFrames:
    """What a report is made of, each frame computed or read when first asked for.

    Attributes
    ----------
    facts
        Where the frames come from: ``run_id, company, started, version, workspace, user,
        timezone, sides, mappings, thresholds, out``.
    stored
        The folder of the stored frames, None when they come from the systems themselves.
    """

    def __init__(
        self,
        facts: Mapping[str, Any],
        load: Callable[[str], pd.DataFrame],
        stored: Path | None = None,
    ) -> None:
        self.facts = facts
        self.stored = stored
        self._load = load

    @cached_property
    def couplings(self) -> pd.DataFrame:
        """The couplings of all enabled mappings (frame ``couplings``)."""
        return self._load("couplings")

    @cached_property
    def diff(self) -> pd.DataFrame:
        """The field differences of all enabled mappings (frame ``diff``)."""
        return self._load("diff")

    @cached_property
    def missing_options(self) -> pd.DataFrame:
        """What is wrong with the option mappings (frame ``missing_options``)."""
        return self._load("missing_options")

    @cached_property
    def not_checked(self) -> pd.DataFrame:
        """What could not be checked, and why (frame ``not_checked``)."""
        if not self.stored:  # only what was read before can be listed
            _ = self.couplings, self.diff, self.missing_options
        return self._load("not_checked")

    @cached_property
    def rows(self) -> pd.DataFrame:
        """What was read: ``mapping, side, rows, unexplained``."""
        return self._load("rows")

    @cached_property
    def quality(self) -> pd.DataFrame:
        """The outcome of each rule: ``mapping, side`` and the columns of ``quality.QUALITY``."""
        return self._load("quality")

    @cached_property
    def findings(self) -> pd.DataFrame:
        """Everything that is open, and since when (frame ``history.FINDINGS``)."""
        return self._load("findings")

    @cached_property
    def resolved(self) -> pd.DataFrame:
        """What was open in the run before and no longer is (frame ``history.FINDINGS``)."""
        return self._load("resolved")

    def file(self, name: str) -> str:
        """Return where a frame is stored, seen from the run's folder; blank where it is not."""
        return f"{self.stored.name}/{name}.parquet" if self.stored else ""

    @property
    def mappings(self) -> list[str]:
        """The enabled mappings, in dependency order."""
        return list(self.facts["mappings"])

    def only(self, mapping: str) -> ReportFrames:
        """Return the same frames for one mapping alone; a blank name returns all of them.

        Raises
        ------
        NotFoundError
            There is no such mapping, or it is not enabled.
        """
        if not mapping:
            return self
        if mapping not in self.mappings:
            raise NotFoundError(
                f"There is no enabled mapping '{mapping}'.{nearest(mapping, self.mappings)} "
                f"The mappings are: {', '.join(self.mappings)}.",
                mapping=mapping,
            )
        facts = {**self.facts, "mappings": {mapping: self.facts["mappings"][mapping]}}

        def load(name: str) -> pd.DataFrame:
            frame: pd.DataFrame = getattr(self, name)
            return frame[frame["mapping"].eq(mapping)].reset_index(drop=True)

        return ReportFrames(facts, load, self.stored)

    def __repr__(self) -> str:
        """Name the company and the run."""
        return f"ReportFrames({self.facts['company']!r}, run {self.facts['run_id'] or 'by hand'})"


def open_frames(workspace: str | Path, frames: str | Path = "") -> ReportFrames:
    """Return the frames of a report, each read or computed when first asked for.

    Parameters
    ----------
    workspace
        The workspace file.
    frames
        A folder ``store_frames`` wrote; when blank, the two systems are read.

    Raises
    ------
    ConfigError
        The workspace file is wrong, or the folder holds no stored frames.
    """
    if not frames:
        return observe(navcrm_recon.open_workspace(workspace))
    folder = Path(frames)
    try:
        facts = json.loads((folder / _FACTS).read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise ConfigError(f"The folder {folder} holds no frames of a report run.") from exc
    return ReportFrames(facts, lambda name: pd.read_parquet(folder / f"{name}.parquet"), folder)


def observe(
    ws: Workspace, *, run_id: str = "", out: Path | None = None, started: datetime | None = None
) -> ReportFrames:
    """Return frames that are computed from the two systems when first asked for."""
    facts = {
        "run_id": run_id,
        "company": ws.config.company,
        "started": (started or datetime.now(UTC)).isoformat(timespec="seconds"),
        "version": navcrm_recon.__version__,
        "workspace": str(ws.config.path.resolve()),
        "user": _user(),
        "timezone": ws.config.timezone,
        "couplings_from": ws.config.couplings,
        "sides": ws.describe(),
        "mappings": {name: _mapping_facts(mapping) for name, mapping in _enabled(ws).items()},
        "thresholds": {name: dict(limits) for name, limits in ws.config.thresholds.items()},
        "out": str((out or ws.config.out).resolve()),
    }
    data = ReportFrames(facts, lambda name: _COMPUTE[name](ws, data))
    return data


def store_frames(data: ReportFrames, folder: Path) -> None:
    """Write every frame as Parquet, values verbatim, and the facts beside them."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        getattr(data, name).to_parquet(folder / f"{name}.parquet", index=False)
    text = json.dumps(dict(data.facts), indent=2, ensure_ascii=False)
    (folder / _FACTS).write_text(text + "\n", encoding="utf-8")


def _enabled(ws: Workspace) -> dict[str, TableMapping]:
    return {name: mapping for name, mapping in ws.mappings.items() if mapping.enabled}


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no such user on this machine: a container, a service
        return ""


def _mapping_facts(mapping: TableMapping) -> dict[str, object]:
    return {
        "nav": mapping.nav.name,
        "crm": mapping.crm.name,
        "direction": mapping.direction,
        "option_attribute": mapping.option_attribute or "",
        "filters": {
            side: " and ".join(
                _condition(each, mapping.table(side)) for each in mapping.filters.get(side, ())
            )
            for side in SIDES
        },
    }


def _condition(condition: Condition, table: Table) -> str:
    """Write a filter's condition as people read it: options by their caption."""
    if condition.op == "not_null":
        return f"{condition.field} is filled in"
    column = table.columns.get(condition.field)
    captions = column.options if column else {}

    def shown(value: object) -> str:
        if isinstance(value, bool):
            return "yes" if value else "no"
        text = captions.get(value, str(value)) if isinstance(value, int) else str(value)
        return text.strip() or "blank"

    if isinstance(condition.value, list | tuple):
        return f"{condition.field} is one of {', '.join(map(shown, condition.value))}"
    return f"{condition.field} {'<>' if condition.op == 'ne' else '='} {shown(condition.value)}"


def _per_mapping(ws: Workspace, name: str) -> pd.DataFrame:
    call = getattr(ws, name)
    found = [call(mapping) for mapping in _enabled(ws)]
    return pd.concat(found, ignore_index=True).astype(SCHEMAS[name]) if found else empty(name)


def _records(ws: Workspace) -> list[tuple[str, SideName, str | None]]:
    """List every mapping and side that has records, and the suite for it.

    CRM's options of an option mapping are no records: they stand in the couplings alone.
    """
    return [
        (name, side, suite_for(side, mapping.table(side).name))
        for name, mapping in _enabled(ws).items()
        for side in SIDES
        if side == "nav" or not mapping.option_attribute
    ]


def _rows(ws: Workspace, data: ReportFrames) -> pd.DataFrame:
    """Count what was read, and look for records that the couplings frame does not explain."""
    found = []
    for name, side, _ in _records(ws):
        keys = ws.read(name, side).index
        listed = data.couplings[data.couplings["mapping"].eq(name)]
        known = listed["nav_key" if side == "nav" else "crm_id"]
        found.append((name, side, len(keys), int((~keys.isin(known)).sum())))
    return pd.DataFrame(found, columns=list(ROWS)).astype(ROWS)


def _quality(ws: Workspace, data: ReportFrames) -> pd.DataFrame:
    """Check the records of every mapping and side, then the couplings themselves."""
    found = [
        validate(ws.read(name, side), suite).assign(mapping=name, side=side)
        for name, side, suite in _records(ws)
        if suite
    ]
    paired = data.couplings[~data.couplings["state"].isin(["nav_only", "crm_only"])]
    keyed = paired.set_index(paired["mapping"] + ": " + paired["nav_key"])
    couplings = validate(keyed, "findings/couplings")
    found.append(couplings.assign(mapping="all mappings", side="both"))
    every = pd.concat(found, ignore_index=True)
    return every[list(QUALITY_ALL)].astype(QUALITY_ALL)


def _aged(data: ReportFrames, before: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    now = open_findings(data.couplings, data.diff, data.missing_options)
    return age(now, before, str(data.facts["started"]))


_COMPUTE: dict[str, Callable[[Workspace, ReportFrames], pd.DataFrame]] = {
    "couplings": lambda ws, _: _per_mapping(ws, "couplings"),
    "diff": lambda ws, _: _per_mapping(ws, "diff"),
    "missing_options": lambda ws, _: ws.missing_options(),
    "rows": _rows,
    "quality": _quality,
    "findings": lambda _, data: _aged(data, previous_findings(data.facts))[0],
    "resolved": lambda _, data: _aged(data, previous_findings(data.facts))[1],
    "not_checked": lambda ws, _: ws.not_checked(),
}
