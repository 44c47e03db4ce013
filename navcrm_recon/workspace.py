"""The face: open a workspace and ask it. One line a call; the rooms below do the work."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from navcrm_recon.catalog import Catalog, SideName, TableMapping, load_catalog
from navcrm_recon.catalog.model import Direction
from navcrm_recon.errors import ConfigError, NotFoundError, ReadOnlyError, nearest
from navcrm_recon.sides import Side, open_side
from navcrm_recon.state.jobs import Job
from navcrm_recon.state.store import Store
from navcrm_recon.sync.adopt import adopt
from navcrm_recon.sync.observe import (
    not_checked,
    observe_counts,
    observe_couplings,
    observe_diff,
    observe_missing_options,
)
from navcrm_recon.sync.passes import synchronize_mapping
from navcrm_recon.sync.plan import Plan, apply_plan, make_plan
from navcrm_recon.sync.scene import Scene, now, records
from navcrm_recon.sync.select import Request
from navcrm_recon.workspace_file import WorkspaceFile, read_workspace_file


def open_workspace(path: str | Path) -> Workspace:
    """Open the workspace a file describes.

    Raises
    ------
    ConfigError
        The file, or the mapping file it names, is wrong; every mistake is listed.
    SideError
        A side or the state cannot be opened.
    """
    return Workspace(read_workspace_file(path))


class Workspace:
    """Both sides, their mappings and the state, to be read and compared.

    Attributes
    ----------
    config
        The checked workspace file.
    catalog
        Tables, mappings and option sets, with the user's changes.
    """

    def __init__(
        self,
        config: WorkspaceFile,
        catalog: Catalog | None = None,
        *,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self.config = config
        self.catalog = catalog or load_catalog(config.mappings, source=config.mappings_source)
        _check_thresholds(config, self.catalog)
        nav = open_side("nav", config.nav, company=config.company, catalog=self.catalog)
        crm = open_side("crm", config.crm, company=config.company, catalog=self.catalog)
        store = Store(config.state) if config.couplings == "state" and config.state else None
        self._scene = Scene(
            self.catalog, nav, crm, store, config.company, config.setup, clock=clock
        )

    @property
    def couplings_from(self) -> str:
        """Where the couplings are: the state's address without secrets, or NAV's own tables."""
        store = self._scene.store
        return store.address if store else "NAV's own tables"

    @property
    def mappings(self) -> Mapping[str, TableMapping]:
        """The table mappings by name, in dependency order."""
        return self.catalog.mappings

    def side(self, name: SideName) -> Side:
        """Return one of the two sides: ``nav`` or ``crm``."""
        return self._scene.side(name)

    def read(self, mapping: str, side: SideName) -> pd.DataFrame:
        """Return the rows of one side inside the mapping's filter.

        Returns
        -------
        DataFrame
            A record frame: index ``nav_key`` or ``crm_id`` (str), columns = key, name and mapped
            fields by the product's own names, dtypes as in ``frames.DTYPES``, sorted by key.

        Raises
        ------
        NotFoundError
            There is no such mapping or side.
        """
        if side not in ("nav", "crm"):
            raise NotFoundError(f"There is no side '{side}'; the sides are nav and crm.")
        return records(self._scene, self._mapping(mapping), side)

    def couplings(self, mapping: str) -> pd.DataFrame:
        """Return every record of either side and the state of its coupling.

        Returns
        -------
        DataFrame
            ``mapping, nav_key, crm_id, state, nav_name, crm_name`` (str), ``skipped`` (bool),
            ``last_synch_modified_on, last_synch_crm_modified_on`` (datetime64[us, UTC]),
            ``last_synch_result, last_synch_crm_result`` (str: blank, ``success``, ``failure``),
            ``nav_url, crm_url`` (str). ``state`` is one of ``coupled``, ``nav_only``,
            ``crm_only``, ``nav_deleted``, ``crm_deleted``, ``both_deleted``, ``out_of_filter``
            (contract 4, engine 2.5). Sorted by ``nav_key``, ``crm_id``.
        """
        return observe_couplings(self._scene.fresh(), self._mapping(mapping))

    def diff(self, mapping: str) -> pd.DataFrame:
        """Return one row per coupled record and field that differs after transfer.

        Returns
        -------
        DataFrame
            ``mapping, nav_key, crm_id, nav_field, crm_field, nav_value, crm_value, cause,
            resolution``, all str. ``cause``: ``changed_in_nav``, ``changed_in_crm``,
            ``changed_in_both``, ``never_synchronized``, ``drifted``, ``missing_option``,
            ``uncoupled_reference``, ``truncated``. ``resolution``, what the next synchronisation
            would do: ``to_crm``, ``to_nav``, ``merge``, ``conflict``, ``blocked``, ``none``
            (contract 4, engine 3.7 to 3.13). Sorted by key, then in the order the fields run.
        """
        return observe_diff(self._scene.fresh(), self._mapping(mapping))

    def missing_options(self) -> pd.DataFrame:
        """Return what is wrong with the option mappings.

        Returns
        -------
        DataFrame
            ``mapping, nav_table, crm_attribute`` (str), ``value`` (Int64), ``caption, nav_code,
            missing_in`` (str), ``records_affected`` (int64), ``finding, remedy`` (str).
            ``finding`` as in engine 5.4, in its order: ``unmapped_option``, ``gray_code``,
            ``incomplete_record``, ``label_drift``, ``code_collision``, ``stale_mapping``,
            ``in_use_unmapped``, ``comma_in_name``.
        """
        return observe_missing_options(self._scene.fresh())

    def not_checked(self) -> pd.DataFrame:
        """Return what the calls so far could not check, and why.

        Returns
        -------
        DataFrame
            ``mapping, side, table, subject, reason``, all str: absent tables, columns and filter
            conditions, blank or duplicate keys on sides of files; records coupled twice.
        """
        return not_checked(self._scene)

    def plan(
        self,
        mapping: str | None = None,
        direction: Direction | None = None,
        records: Sequence[str] | None = None,
        force: bool | None = None,
    ) -> Plan:
        """Return what a synchronisation would do; nothing is written anywhere.

        Parameters
        ----------
        mapping
            None = all enabled mappings in dependency order.
        direction
            ``to_crm``, ``to_nav``; None or ``both`` = all the mapping has.
        records
            NAV keys for ``to_crm``, CRM ids for ``to_nav``.
        force
            Override change and conflict detection (engine 3.7, F). None: only where records
            are named.

        Returns
        -------
        Plan
            ``.actions`` and ``.changes`` (frames, contract 4), for ``apply``.

        Raises
        ------
        ReadOnlyError
            A side or the state is only read.
        NotFoundError, DataError
            There is no such mapping or record, or the record lies outside the filter.
        """
        chosen, request = self._request(mapping, direction, records, force=force)
        return make_plan(self._scene, chosen, direction, request)

    def apply(self, plan: Plan) -> list[Job]:
        """Do what a plan says. A record that was changed since then is decided again.

        Returns
        -------
        list of Job
            One per pass, with its counters; ``message`` names what was not done as planned.
        """
        return apply_plan(self._scene, plan)

    def synchronize(
        self,
        mapping: str | None = None,
        direction: Direction | None = None,
        records: Sequence[str] | None = None,
        force: bool | None = None,
        full: bool = False,
    ) -> list[Job]:
        """Synchronise, one pass per mapping and direction; arguments as for ``plan``.

        Parameters
        ----------
        full
            Examine every record, not only those changed since the watermark (engine 7.3).

        Returns
        -------
        list of Job
            One per pass, with its counters.
        """
        chosen, request = self._request(mapping, direction, records, force=force, full=full)
        run = replace(self._scene, run_id=str(uuid.uuid4()))
        return [
            job for each in chosen for job in synchronize_mapping(run, each, direction, request)
        ]

    def jobs(self) -> pd.DataFrame:
        """Return the job log, newest start first (frame ``jobs``).

        Returns
        -------
        DataFrame
            ``job_id, run_id, mapping, direction, type`` (str), ``started_at, finished_at``
            (datetime64[us, UTC]), ``message`` (str), ``inserted, modified, deleted, unchanged,
            skipped, failed, uncoupled, coupled`` (int64).
        """
        return self._store().jobs()

    def errors(self) -> pd.DataFrame:
        """Return the error log, oldest first (frame ``errors``).

        Returns
        -------
        DataFrame
            ``no`` (int64), ``job_id`` (str), ``at`` (datetime64[us, UTC]), ``mapping, direction,
            nav_key, crm_id, field, value, message`` (str).
        """
        return self._store().errors()

    def writes(self, job_id: str | None = None) -> pd.DataFrame:
        """Return every field that was written, by one or all jobs (frame ``writes``).

        Returns
        -------
        DataFrame
            ``at`` (datetime64[us, UTC]), ``job_id, mapping, direction, nav_key, crm_id, side,
            field, old, new`` (str), oldest first.
        """
        return self._store().writes(job_id)

    def couple(
        self,
        mapping: str,
        nav_key: str,
        crm_id: str,
        synchronize: Direction | None = None,
    ) -> list[Job]:
        """Couple one NAV record and one CRM record (engine 2.2).

        Parameters
        ----------
        synchronize
            ``to_crm`` or ``to_nav``: transfer the data at once, by force. None: couple only.

        Raises
        ------
        CouplingError
            The CRM record has another partner, or the mapping's filter hides it.
        NotFoundError
            One of the records does not exist.
        """
        from navcrm_recon.sync.couple import couple

        return couple(self._scene, self._mapping(mapping), nav_key, crm_id, synchronize)

    def couple_matches(self, mapping: str) -> list[Job]:
        """Couple every uncoupled record that has exactly one match (engine 2.7)."""
        from navcrm_recon.sync.match import couple_matches

        return couple_matches(self._scene, self._mapping(mapping))

    def uncouple(
        self,
        mapping: str,
        nav_keys: Sequence[str] | None = None,
        crm_ids: Sequence[str] | None = None,
    ) -> list[Job]:
        """Remove couplings: those named, or all of the mapping (engine 2.6)."""
        from navcrm_recon.sync.uncouple import uncouple

        return uncouple(self._scene, self._mapping(mapping), nav_keys, crm_ids)

    def skipped(self) -> pd.DataFrame:
        """Return the skipped records, newest failure first (frame ``skipped``).

        Returns
        -------
        DataFrame
            ``mapping, nav_key, crm_id, nav_name, crm_name, direction`` (str), ``failed_at``
            (datetime64[us, UTC]), ``message`` (str), ``nav_exists, crm_exists`` (bool).
        """
        from navcrm_recon.sync.skipped import skipped

        return skipped(self._scene.fresh())

    def restore(self, mapping: str, nav_keys: Sequence[str] | None = None) -> int:
        """Let skipped records take part again; return how many (engine R6.10)."""
        from navcrm_recon.sync.skipped import restore

        return restore(self._scene, self._mapping(mapping), nav_keys)

    def full_synchronization(self, mappings: Sequence[str] | None = None) -> list[Job]:
        """Synchronise everything by force, in dependency order, and make what is missing (7.3).

        A mapping with uncoupled records on both sides makes none unless ``mappings`` names it.
        """
        from navcrm_recon.sync.full import full_synchronization

        return full_synchronization(self._scene, mappings)

    def run_due(self) -> list[Job]:
        """Run every mapping whose interval says it is due, once (engine 8)."""
        from navcrm_recon.sync.schedule import run_due

        return run_due(self._scene)

    def adopt(self) -> pd.DataFrame:
        """Copy NAV's own couplings and option mappings into the state, once (contract 3).

        From then on the state says what is coupled; NAV's own synchronisation jobs must be off.

        Returns
        -------
        DataFrame
            ``mapping`` (str), ``adopted`` (int64): how many couplings each mapping brought.
            Those that belong to no record are listed by ``not_checked``.

        Raises
        ------
        ConfigError
            The workspace file names no state.
        CouplingError
            The state holds couplings already.
        """
        if self.config.state is None:
            raise ConfigError("state.url: is missing; adopting needs a state to copy to.")
        counts, lost = adopt(self._scene.nav, self.catalog, Store(self.config.state))
        self._scene.notes.append(lost)
        return counts

    def check(self) -> pd.DataFrame:
        """Read all that comparing needs, and count it: what cannot be read raises here.

        Returns
        -------
        DataFrame
            ``mapping`` (str), ``nav``, ``crm`` and ``couplings`` (int64), one row per enabled
            mapping of records. What could not be checked is listed by ``not_checked``.
        """
        return observe_counts(self._scene.fresh())

    def describe(self) -> dict[str, dict[str, str]]:
        """Return what each side is: ``kind``, ``address``, ``version``; never a secret."""
        return {"nav": self._scene.nav.describe(), "crm": self._scene.crm.describe()}

    def _request(
        self,
        mapping: str | None,
        direction: Direction | None,
        records: Sequence[str] | None,
        *,
        force: bool | None,
        full: bool = False,
    ) -> tuple[list[TableMapping], Request]:
        """Return the mappings and the request a synchronisation is asked for."""
        if direction not in (None, "both", "to_crm", "to_nav"):
            raise NotFoundError(
                f"There is no direction '{direction}'; there are to_crm, to_nav and both."
            )
        if mapping is None:
            chosen = [each for each in self.mappings.values() if each.enabled]
        else:
            chosen = [self._mapping(mapping)]
        if records is None:
            return chosen, Request(force=bool(force), full=full)
        one_way = direction or (chosen[0].direction if len(chosen) == 1 else None)
        if mapping is None or one_way not in ("to_crm", "to_nav"):
            raise ConfigError(
                "records: name a mapping and a direction with them: NAV keys are for to_crm, CRM "
                "ids for to_nav."
            )
        keys = [str(key) for key in records]
        if one_way == "to_nav" and chosen[0].option_attribute is None:
            keys = [key.lower() for key in keys]
        named = tuple(dict.fromkeys(keys))
        # Of several records, those that are newer on the other side are protected (R7.5).
        protect = force is None and len(named) > 1
        return chosen, Request(keys=named, force=force is not False, protect=protect)

    def _store(self) -> Store:
        """Return the state; where NAV's own tables hold the couplings there is none."""
        if self._scene.store is None:
            raise ReadOnlyError(
                "The workspace says couplings: nav, so NAV keeps the job log. Say couplings: state "
                "once its couplings are adopted."
            )
        return self._scene.store

    def _mapping(self, name: str) -> TableMapping:
        found = self.mappings.get(name)
        if found is None:
            listed = ", ".join(self.mappings)
            raise NotFoundError(
                f"There is no mapping '{name}'.{nearest(name, self.mappings)} "
                f"The mappings are: {listed}.",
                mapping=name,
            )
        return found

    def __repr__(self) -> str:
        """Name the company and the file, no addresses."""
        return f"Workspace({self.config.company!r}, {str(self.config.path)!r})"


def _check_thresholds(config: WorkspaceFile, catalog: Catalog) -> None:
    """Refuse thresholds of mappings that do not exist."""
    known: dict[str, Any] = {"default": None, **catalog.mappings}
    unknown = [name for name in config.thresholds if name not in known]
    if unknown:
        problems = [
            f"thresholds.{name}: no such mapping.{nearest(name, known)}" for name in unknown
        ]
        listed = "".join(f"\n  - {problem}" for problem in problems)
        raise ConfigError(
            f"The workspace file {config.path} cannot be used:{listed}", problems=problems
        )
