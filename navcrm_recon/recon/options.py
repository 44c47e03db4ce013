"""Options one side lacks, and option mappings that no longer hold (engine 5.4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from navcrm_recon.catalog.model import Option, TableMapping
from navcrm_recon.frames import SCHEMAS, conform

#: A NAV code is the first ten characters of an option's name (engine 5.2).
CODE_LENGTH = 10

#: Finding -> what to do about it, in the order findings are listed.
REMEDIES = {
    "unmapped_option": "Synchronise the option mapping, so that NAV gets the code.",
    "gray_code": "Add an option of this name in CRM, or remove the NAV record if nobody needs it.",
    "incomplete_record": "Complete the NAV record: it was made from the option with its code only.",
    "label_drift": "Synchronise the option mapping, so that the stored caption is the label again.",
    "code_collision": "Rename one of the options in CRM: their first ten characters make the code.",
    "stale_mapping": "Synchronise the option mapping: its NAV record was renamed or deleted.",
    "in_use_unmapped": "Add the option in CRM or change these records: the code cannot travel.",
    "comma_in_name": "Rename the option in CRM without a comma: NAV reads option lists by commas.",
}


@dataclass(frozen=True)
class OptionSides:
    """What both sides hold for one option mapping.

    ``offered`` are CRM's options, ``shipped`` the product's own; ``rows`` the option mapping
    (frame ``option_mapping``); ``nav`` the NAV records with all their columns; ``nav_use`` and
    ``crm_use`` how many records hold each code (text) and each value (integer).
    """

    offered: Sequence[Option]
    shipped: Sequence[Option]
    rows: pd.DataFrame
    nav: pd.DataFrame
    nav_use: pd.Series
    crm_use: pd.Series


def option_code(name: str) -> str:
    """Return the NAV code an option of this name gets (engine 5.2).

    >>> option_code("2%10Net30 days")
    '2%10NET30'
    """
    return name[:CODE_LENGTH].upper().strip()


def missing_options(mapping: TableMapping, sides: OptionSides) -> pd.DataFrame:
    """Return every finding about one option mapping (frame ``missing_options``).

    Sorted by the findings' order in engine 5.4, then by value and code. ``missing_in`` is the
    side that lacks something, blank where none does.
    """
    offered = pd.DataFrame(
        [(each.value, each.name, each.label) for each in sides.offered if each.value],
        columns=["value", "name", "caption"],
    ).astype({"value": "int64"})
    offered["nav_code"] = offered["name"].map(option_code)
    rows = sides.rows.rename(columns={"nav_key": "nav_code"})[["nav_code", "value", "caption"]]
    every = pd.concat(
        [
            _unmapped(offered, rows),
            *_gray(rows, sides),
            _incomplete(rows, sides.nav, mapping.nav.key),
            _drifted(rows, offered),
            _colliding(offered),
            _stale(rows, sides.nav),
            _with_comma(offered, sides.shipped),
        ],
        ignore_index=True,
    )
    every["records_affected"] = _affected(every, sides)
    every = every.assign(
        mapping=mapping.name,
        nav_table=mapping.nav.name,
        crm_attribute=f"{mapping.crm.name}.{mapping.option_attribute}",
        remedy=every["finding"].map(REMEDIES),
        order=every["finding"].map({name: place for place, name in enumerate(REMEDIES)}),
    )
    every = every.sort_values(["order", "value", "nav_code"], ignore_index=True)
    return conform(every[list(SCHEMAS["missing_options"])], "missing_options")


def _finding(found: pd.DataFrame, finding: str, missing_in: str = "") -> pd.DataFrame:
    columns = found.reindex(columns=["value", "caption", "nav_code"]).astype(
        {"value": "Int64", "caption": "str", "nav_code": "str"}
    )
    return columns.assign(finding=finding, missing_in=missing_in)


def _unmapped(offered: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    return _finding(offered[~offered["value"].isin(rows["value"])], "unmapped_option", "nav")


def _gray(rows: pd.DataFrame, sides: OptionSides) -> list[pd.DataFrame]:
    codes = sides.nav.index.to_frame(index=False, name="nav_code")
    gray = codes[~codes["nav_code"].isin(rows["nav_code"]) & codes["nav_code"].ne("")]
    used = gray[gray["nav_code"].isin(sides.nav_use.index)]
    return [_finding(gray, "gray_code", "crm"), _finding(used, "in_use_unmapped", "crm")]


def _incomplete(rows: pd.DataFrame, nav: pd.DataFrame, key: tuple[str, ...]) -> pd.DataFrame:
    details = nav.drop(columns=list(key), errors="ignore")
    if details.empty or not len(details.columns):
        return _finding(rows.iloc[:0], "incomplete_record")
    blank = pd.DataFrame({name: _blank(details[name]) for name in details}).all(axis=1)
    bare = blank.index[blank]
    return _finding(rows[rows["nav_code"].isin(bare)], "incomplete_record")


def _blank(values: pd.Series) -> pd.Series:
    """Say where a value is what a new NAV record has: empty, no date, zero, no."""
    if pd.api.types.is_string_dtype(values.dtype):
        return values.fillna("").eq("")
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return values.isna()
    return values.isna() | values.eq(0).fillna(True).astype(bool)


def _drifted(rows: pd.DataFrame, offered: pd.DataFrame) -> pd.DataFrame:
    both = rows.merge(offered[["value", "caption"]], on="value", suffixes=("", "_now"))
    drifted = both[_listed(both["caption"]) != _listed(both["caption_now"])]
    return _finding(drifted.assign(caption=drifted["caption_now"]), "label_drift")


def _listed(captions: pd.Series) -> pd.Series:
    """Write captions as NAV must: lists are comma separated, so a comma becomes a semicolon."""
    return captions.str.replace(",", ";", regex=False).str.strip()


def _colliding(offered: pd.DataFrame) -> pd.DataFrame:
    return _finding(offered[offered["nav_code"].duplicated(keep=False)], "code_collision")


def _stale(rows: pd.DataFrame, nav: pd.DataFrame) -> pd.DataFrame:
    return _finding(rows[~rows["nav_code"].isin(nav.index)], "stale_mapping", "nav")


def _with_comma(offered: pd.DataFrame, shipped: Sequence[Option]) -> pd.DataFrame:
    """Find commas, but not in the product's own options: NAV ships with a reading for these."""
    known = {(each.value, each.label) for each in shipped}
    own = [pair in known for pair in zip(offered["value"], offered["caption"], strict=True)]
    comma = offered["name"].str.contains(",") | offered["caption"].str.contains(",")
    return _finding(offered[comma & ~np.array(own, dtype=bool)], "comma_in_name")


def _affected(found: pd.DataFrame, sides: OptionSides) -> pd.Series:
    """Count customers by code where NAV's record is in question, else accounts by value."""
    by_code = found["finding"].isin(["gray_code", "in_use_unmapped", "stale_mapping"])
    codes = found["nav_code"].map(sides.nav_use).fillna(0)
    values = found["value"].map(sides.crm_use).fillna(0)
    return codes.where(by_code, values).astype("int64")
