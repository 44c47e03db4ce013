"""What both sides say of their setup, read so that nothing missing stops the rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from navcrm_recon.catalog.model import Condition, SideName
from navcrm_recon.documents.back_office import SUBMITTED
from navcrm_recon.documents.links import coupling_of, is_guid
from navcrm_recon.errors import DataError, SideError
from navcrm_recon.frames import TEXT, blanks, dtype_of, join_key
from navcrm_recon.sync.scene import Scene

#: The id no record has: asking for it shows that a table can be read, whatever it holds.
_NULL_ID = "00000000-0000-0000-0000-000000000000"
#: The two entities of NAV's solution in CRM (SC2).
SOLUTION = ("nav_accountstatistics", "nav_connection")
#: Write-in Product Type -> the table of the product, and the mapping that couples it.
WRITE_INS = {0: ("Item", "ITEM-PRODUCT"), 1: ("Resource", "RESOURCE-PRODUCT")}

_SETUP: dict[SideName, dict[str, tuple[str, ...]]] = {
    "nav": {
        "General Ledger Setup": ("LCY Code", "Amount Rounding Precision"),
        "Sales & Receivables Setup": (
            "Order Nos.", "Write-in Product Type", "Write-in Product No.", "Freight G/L Acc. No.",
        ),
        "No. Series": ("Description",),
        "CRM Connection Setup": (
            "Server Address", "User Name", "Is Enabled", "CRM Version",
        ),
    },
    "crm": {
        "organization": (
            "currencydecimalprecision", "basecurrencyid", "basecurrencyprecision",
            "issopintegrationenabled",
        ),
        "transactioncurrency": ("isocurrencycode", "currencyprecision"),
    },
}  # fmt: skip
#: What is read beside it, of some records.
_MORE: dict[SideName, tuple[str, ...]] = {
    "nav": ("write-in", "freight"),
    "crm": ("systemuser", "submitted"),
}
_USER = (
    "fullname", "internalemailaddress", "domainname", "isdisabled", "islicensed",
    "isintegrationuser", "accessmode",
)  # fmt: skip


@dataclass(frozen=True)
class Found:
    """Rows of a table by key; columns that are not there are blank.

    ``missing`` names what could not be read: columns, or the table as a whole; ``readable`` says
    whether the table is there at all.
    """

    rows: pd.DataFrame
    missing: tuple[str, ...] = ()
    readable: bool = True

    def first(self, column: str) -> Any:
        """Return a value of the first row; None where there is no row, or it is blank."""
        if not len(self.rows) or column not in self.rows:
            return None
        value = self.rows[column].array[0]
        if pd.isna(value) or value == "":
            return None
        return value.item() if isinstance(value, np.generic) else value

    def text(self, column: str) -> str:
        """Return the same as text, blank for None."""
        value = self.first(column)
        return "" if value is None else str(value)


@dataclass(frozen=True)
class Facts:
    """All that the checks look at.

    ``found``: what was read, by table or entity; ``setup``: the settings of the workspace;
    ``ours``: the state holds the couplings, so that we are the integration; ``write_in_coupled``:
    the product of the write-in item or resource, blank where it has none; ``enabled``: the
    mappings that are switched on.
    """

    setup: Mapping[str, Any]
    ours: bool
    found: Mapping[str, Found]
    write_in_coupled: str
    enabled: frozenset[str]

    def unread(self, side: SideName) -> Iterator[str]:
        """Name what could not be read of one side."""
        for name in (*_SETUP[side], *_MORE[side]):
            yield from self.found[name].missing


def read_facts(scene: Scene) -> Facts:
    """Read what both sides say of their setup; a missing table or column stops nothing."""
    found = {
        name: read(scene, side, name, columns)
        for side, tables in _SETUP.items()
        for name, columns in tables.items()
    }
    found |= {name: read(scene, "crm", name, (), [_NULL_ID]) for name in SOLUTION}
    if found["nav_connection"].readable:
        found["nav_connection"] = read(scene, "crm", "nav_connection", ("nav_dynamicsnavurl",))
    user = str(scene.setup.get("integration_user", "")).lower()
    found["systemuser"] = read(
        scene, "crm", "systemuser", _USER, [user if is_guid(user) else _NULL_ID]
    )
    found["submitted"] = submitted_orders(scene)
    sales = found["Sales & Receivables Setup"]
    number, freight = sales.text("Write-in Product No."), sales.text("Freight G/L Acc. No.")
    table, mapping = WRITE_INS[int(sales.first("Write-in Product Type") or 0)]
    found["write-in"] = read(
        scene, "nav", table, ("Type",) if table == "Item" else (), _key(number)
    )
    account = ("Blocked", "Direct Posting")
    found["freight"] = read(scene, "nav", "G/L Account", account, _key(freight))
    return Facts(
        setup=scene.setup,
        ours=scene.store is not None,
        found=found,
        write_in_coupled=_coupled(scene, mapping, number),
        enabled=frozenset(n for n, each in scene.catalog.mappings.items() if each.enabled),
    )


def submitted_orders(scene: Scene) -> Found:
    """Return CRM's submitted sales orders."""
    where = (Condition("statecode", "eq", SUBMITTED),)
    return read(scene, "crm", "salesorder", ("ordernumber",), None, where)


def solution_is_readable(scene: Scene) -> bool:
    """Say whether both entities of NAV's solution can be read (SC2)."""
    return all(read(scene, "crm", name, (), [_NULL_ID]).readable for name in SOLUTION)


def read(
    scene: Scene,
    side: SideName,
    name: str,
    columns: Sequence[str],
    keys: Sequence[str] | None = None,
    where: Sequence[Condition] = (),
) -> Found:
    """Read a table of one side, or say what of it cannot be read."""
    table, at = scene.catalog.tables(side)[name], scene.side(side)
    none = pd.DataFrame({each: blanks(0, dtype_of(table, each)) for each in columns})
    try:
        there = at.available(table)
        if not there.issuperset(each.field for each in where):
            return Found(none, (name,), readable=False)
        rows = at.read(table, [each for each in columns if each in there], where, keys)
        if not there or at.left_out(table) is None:
            return Found(none, (name,), readable=False)
    except (SideError, DataError):
        return Found(none, (name,), readable=False)
    lost = [each for each in columns if each not in rows]
    blank = {each: blanks(len(rows), dtype_of(table, each), rows.index) for each in lost}
    return Found(rows.assign(**blank), tuple(f"{name}, {each}" for each in lost))


def _key(number: str) -> list[str]:
    return join_key([pd.Series([number], dtype=TEXT)]).tolist() if number else []


def _coupled(scene: Scene, mapping: str, number: str) -> str:
    """Return the product a write-in item or resource is coupled to (W4)."""
    known = scene.catalog.mappings.get(mapping)
    if known is None or not number:
        return ""
    try:
        coupled = coupling_of(scene, known, "nav", _key(number)[0])
    except (SideError, DataError):
        return ""
    return str(coupled["crm_id"].iloc[0]) if len(coupled) else ""
