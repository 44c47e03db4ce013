"""NAV's units of measure and the CRM unit groups that stand for them (documents 4.4, 4.5).

A unit of measure is one CRM unit group, named "NAV" and its code, with one unit, named by the
code, which is the group's base unit with quantity 1.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from navcrm_recon.frames import TEXT, key_text

#: What a unit group must not be, in the order it is looked at.
FINDINGS = (
    "no_group", "several_groups", "no_unit", "several_units", "other_name", "not_base",
    "other_quantity",
)  # fmt: skip
INACTIVE = 1


def group_name(codes: pd.Series) -> pd.Series:
    """Return the name of the unit group of each code (documents U1)."""
    return "NAV " + codes.astype(TEXT)


def units_in_groups(units: pd.DataFrame) -> pd.DataFrame:
    """Say of each unit group what its unit is, and how many it has.

    Parameters
    ----------
    units
        CRM's units: ``name, uomscheduleid`` (str), ``quantity`` (decimal), ``isschedulebaseuom``
        (boolean).

    Returns
    -------
    DataFrame
        Index = ``uomscheduleid``. ``uomid, unit_name`` (str), ``units`` (int64), ``base`` and
        ``single`` (bool: the base unit, quantity 1 or not said), ``quantity`` (decimal).
    """
    ordered = units.assign(
        uomid=units.index,
        base=units["isschedulebaseuom"].fillna(False).astype(bool),
        single=units["quantity"].isna() | units["quantity"].eq(1).fillna(False),
    ).sort_values("base", ascending=False, kind="stable")
    first = ordered.drop_duplicates("uomscheduleid").set_index("uomscheduleid")
    counts = ordered["uomscheduleid"].value_counts()
    found = first.assign(units=counts.reindex(first.index))
    found = found.rename(columns={"name": "unit_name"}).astype(
        {"units": "int64", "base": bool, "single": bool, "uomid": TEXT, "unit_name": TEXT}
    )
    return found[["uomid", "unit_name", "units", "base", "single", "quantity"]]


def checked_units(codes: pd.Series, groups: pd.DataFrame, units: pd.DataFrame) -> pd.DataFrame:
    """Say which unit stands for each unit of measure, and why none may (documents 4.5).

    Parameters
    ----------
    codes
        Codes of units of measure.
    groups
        CRM's unit groups: ``name``.
    units
        CRM's units, as ``units_in_groups`` takes them.

    Returns
    -------
    DataFrame
        Index = the distinct codes, without blank. ``uomid, uomscheduleid`` (str, blank where the
        check fails), ``finding`` (str: blank, or the first of ``FINDINGS`` that holds),
        ``problem`` (str: what was found and what to do).
    """
    distinct = pd.Series(codes[codes.ne("")].unique(), dtype=TEXT)
    names = group_name(distinct)
    keyed = groups.assign(key=groups["name"].str.casefold(), uomscheduleid=groups.index)
    first = keyed.drop_duplicates("key").set_index("key")["uomscheduleid"]
    frame = pd.DataFrame({"code": distinct, "group": names}, dtype=TEXT)
    keys = names.str.casefold()
    frame["uomscheduleid"] = keys.map(first).astype(TEXT).fillna("")
    frame["groups"] = keys.map(keyed["key"].value_counts()).fillna(0).astype("int64")
    inside = units_in_groups(units).reindex(frame["uomscheduleid"]).reset_index(drop=True)
    frame = pd.concat([frame, inside], axis=1).astype({"uomid": TEXT, "unit_name": TEXT})
    frame["units"] = frame["units"].fillna(0).astype("int64")
    frame = frame.fillna({"uomid": "", "unit_name": ""})
    frame["finding"] = _findings(frame)
    frame["problem"] = _problems(frame)
    fine = frame["finding"].eq("")
    frame["uomid"] = frame["uomid"].where(fine, "")
    frame["uomscheduleid"] = frame["uomscheduleid"].where(fine, "")
    return frame.set_index("code")[["uomid", "uomscheduleid", "finding", "problem"]]


def _findings(frame: pd.DataFrame) -> pd.Series:
    holds = [
        frame["groups"].eq(0),
        frame["groups"].gt(1),
        frame["units"].eq(0),
        frame["units"].gt(1),
        frame["unit_name"].ne(frame["code"]),
        ~frame["base"].fillna(True).astype(bool),
        ~frame["single"].fillna(True).astype(bool),
    ]
    return pd.Series(np.select(holds, FINDINGS, ""), index=frame.index, dtype=TEXT)


def _problems(frame: pd.DataFrame) -> pd.Series:
    """Say what was found and what to do; every finding has its own text."""
    code, group, unit = frame["code"], frame["group"], frame["unit_name"]
    wanted = "one unit, " + code + ", with quantity 1."
    texts = [
        'there is no unit group "' + group + '" in CRM. Synchronise the unit of measure ' + code
        + ", or give its unit group that name.",
        "there are " + frame["groups"].astype(TEXT) + ' unit groups "' + group + '" in CRM. '
        "Keep one, and give the others another name.",
        'the unit group "' + group + '" has no unit. Give it ' + wanted,
        'the unit group "' + group + '" has ' + frame["units"].astype(TEXT) + " units. Keep "
        + wanted,
        'the unit in the unit group "' + group + '" is named ' + unit + ", not " + code
        + ". Synchronise the unit of measure " + code + ", or rename the unit.",
        "the unit " + code + ' is not the base unit of the unit group "' + group + '". Make a '
        "group of which it is.",
        "the unit " + code + ' of the unit group "' + group + '" stands for '
        + key_text(frame["quantity"]) + " of its base unit, not for 1. Set its quantity to 1.",
    ]  # fmt: skip
    holds = [frame["finding"].eq(name) for name in FINDINGS]
    return pd.Series(np.select(holds, texts, ""), index=frame.index, dtype=TEXT)
