"""Couplings and option mappings (engine 1.1, 1.3)."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd
from sqlalchemy import ColumnElement, literal

from navcrm_recon.state.database import Database
from navcrm_recon.state.schema import coupling, option_mapping

_PAIR = ["mapping", "nav_key", "crm_id"]
#: Direction -> where the result of its last attempt stands (engine R1.3).
_RESULT = {"to_crm": coupling.c.last_synch_crm_result, "to_nav": coupling.c.last_synch_result}
#: So many couplings change what the server ought to know of their number.
_MANY = 10_000


class Couplings(Database):
    """Couplings and option mappings of the state."""

    def coupling_records(
        self,
        mapping: str | None = None,
        *,
        nav_keys: Iterable[str] | None = None,
        crm_ids: Iterable[str] | None = None,
        integration_ids: Iterable[str] | None = None,
        failed: str | None = None,
    ) -> pd.DataFrame:
        """Return couplings (frame ``coupling_records``), sorted by mapping and both keys.

        Every argument that is given narrows them. Only what is asked for is read.

        Parameters
        ----------
        nav_keys, crm_ids
            Only couplings with one of these keys.
        integration_ids
            Only couplings whose NAV record has one of these Integration IDs.
        failed
            A direction, ``to_crm`` or ``to_nav``: only couplings whose last attempt in it failed
            and that are not skipped, which is what is retried (engine 3.4).
        """
        conditions: list[ColumnElement[bool]] = []
        if mapping is not None:
            conditions.append(coupling.c.mapping == mapping)
        if failed is not None:
            # Written out, as a partial index serves it.
            conditions.append(_RESULT[failed] == literal("failure", literal_execute=True))
            conditions.append(coupling.c.skipped.is_(False))
        asked = {"nav_key": nav_keys, "crm_id": crm_ids, "integration_id": integration_ids}
        given = {name: list(values) for name, values in asked.items() if values is not None}
        if given:
            first = next(iter(given))
            values = given.pop(first)
            found = self._fetch_among(coupling, coupling.c[first], values, *conditions)
        else:
            found = self._fetch(coupling, *conditions)
        for name, values in given.items():
            found = found[found[name].isin(values)]
        return found.sort_values(_PAIR, ignore_index=True)

    def coupled_in(self, crm_ids: Iterable[str]) -> pd.DataFrame:
        """Return the couplings of CRM records in any mapping (frame ``coupling_records``)."""
        return self.coupling_records(crm_ids=crm_ids)

    def save_couplings(self, records: pd.DataFrame) -> None:
        """Write couplings (frame ``coupling_records``); a pair that is there is replaced."""
        self._save(coupling, records)
        if len(records) > _MANY:
            self._count(coupling)

    def remove_couplings(self, records: pd.DataFrame) -> None:
        """Remove couplings, named by ``mapping``, ``nav_key`` and ``crm_id``."""
        self._remove(coupling, records)

    def option_mapping(self, mapping: str | None = None) -> pd.DataFrame:
        """Return rows of the option mapping (frame ``option_mapping``), sorted by record."""
        condition = [] if mapping is None else [option_mapping.c.mapping == mapping]
        found = self._fetch(option_mapping, *condition)
        return found.sort_values(["mapping", "nav_key"], ignore_index=True)

    def save_option_mapping(self, rows: pd.DataFrame) -> None:
        """Write rows of the option mapping (frame ``option_mapping``), replacing by record."""
        self._save(option_mapping, rows)

    def remove_option_mapping(self, rows: pd.DataFrame) -> None:
        """Remove rows of the option mapping, named by ``mapping`` and ``nav_key``."""
        self._remove(option_mapping, rows)
