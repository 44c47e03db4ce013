"""Both sides, their mappings and the state, to be read and compared: one line a call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import pandas as pd

from navcrm_recon.catalog import Catalog, SideName, TableMapping, load_catalog
from navcrm_recon.catalog.model import SALES_ORDER
from navcrm_recon.errors import ConfigError, NotFoundError, nearest
from navcrm_recon.sides import Side, open_side
from navcrm_recon.state.store import Store
from navcrm_recon.sync.adopt import adopt
from navcrm_recon.sync.observe import (
    not_checked,
    observe_counts,
    observe_couplings,
    observe_diff,
    observe_missing_options,
)
from navcrm_recon.sync.price_lists import standing_apart
from navcrm_recon.sync.scene import Scene, now, records
from navcrm_recon.workspace_file import WorkspaceFile


class Observing:
    """What a workspace tells of both sides, their mappings and the state.

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
            self.catalog, nav, crm, store, config.company, config.setup, clock=clock,
            timezone=config.timezone,
        )  # fmt: skip

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

        CRM's price lists that are made here, and their lines, stand for no record of NAV and are
        left out.

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
        found = records(self._scene, self._mapping(mapping), side)
        if side == "nav":
            return found
        return found[~found.index.isin(standing_apart(self._scene, self._mapping(mapping)))]

    def couplings(self, mapping: str) -> pd.DataFrame:
        """Return every record of either side and the state of its coupling.

        ``SALES ORDER`` names the couplings of sales orders.

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
        return observe_couplings(self._scene.fresh(), self._coupled(mapping))

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

    def _coupled(self, name: str) -> TableMapping:
        """Return a mapping, or what couples the sales orders."""
        return self.catalog.orders if name == SALES_ORDER else self._mapping(name)

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
